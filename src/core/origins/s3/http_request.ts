/** A request of the AWS SDK as the bytes that HTTP/1.1 wants. */

/** What the SDK asks a handler to send. */
export interface HttpRequest {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the requests that get temporary credentials, and of objects that are written. */
  readonly body?: string | Uint8Array;
}

/** Throws for what would not be one request, or not this one: line ends in a header's value, say. */
export function encodeRequest(request: HttpRequest): Uint8Array {
  const { method, headers, body } = request;
  const target = targetOf(request);
  if (!TARGET.test(target))
    throw new Error("a request's target has characters that it must not have");
  const fields = Object.entries(headers);
  const has = (name: string) => fields.some(([other]) => other.toLowerCase() === name);
  const bytes = typeof body === "string" ? Buffer.from(body) : (body ?? NOTHING);
  if (body !== undefined && !has("content-length")) {
    fields.push(["content-length", String(bytes.byteLength)]);
  }
  if (!has("host")) fields.push(["host", hostOf(request)]);
  if (!fields.every(([name, value]) => NAME.test(name) && VALUE.test(value))) {
    throw new Error("a request's header has characters that it must not have");
  }
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`);
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1");
  return bytes.byteLength === 0 ? head : Buffer.concat([head, bytes]);
}

const NOTHING = new Uint8Array();
const TARGET = /^[\x21-\x7e]+$/;
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

function hostOf({ hostname, port }: HttpRequest): string {
  return port === undefined ? hostname : `${hostname}:${port}`;
}

function targetOf({ path, query = {} }: HttpRequest): string {
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) =>
      one === null ? escapeUri(name) : `${escapeUri(name)}=${escapeUri(one)}`,
    ),
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join("&")}`;
}

/** As AWS's signature wants it: everything but RFC 3986's unreserved characters is encoded. */
function escapeUri(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
