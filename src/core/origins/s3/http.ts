/**
 * HTTP/1.1 below the AWS SDK: connections that are kept and can be dropped, requests that end with
 * their signal, answers that are bounded whatever the server sends, and counts of it all.
 *
 * Only a ranged GET is handed on as a stream, which its reader must drain or destroy; every other
 * answer is small and is collected here.
 */

import http from "node:http";
import https from "node:https";
import { S3_MAX_ERROR_BYTES, S3_MAX_LISTING_BYTES } from "../../limits.ts";
import type { UsageMeter } from "../usage.ts";

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

/** What it makes of the answer. */
export interface HttpResponse {
  readonly statusCode: number;
  readonly reason?: string;
  readonly headers: Record<string, string>;
  readonly body: http.IncomingMessage | Uint8Array;
}

export interface HttpOptions {
  /** An AbortSignal; the SDK's types allow for its own as well, which nobody here makes. */
  readonly abortSignal?: object;
  /** Gets the body of a success, so that the SDK does not parse it. */
  readonly takeBody?: (body: Uint8Array) => void;
}

/** The server does not speak HTTP or S3 as it should. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

export interface TransportOptions {
  /** Connections kept open for later; those in use are as many as there are requests. */
  readonly maxIdleConnections: number;
  readonly meter?: UsageMeter | undefined;
}

export class HttpTransport {
  /** Read by the SDK. */
  readonly metadata = { handlerProtocol: "http/1.1" };
  readonly #options: TransportOptions;
  readonly #agents = new Map<string, http.Agent>();
  #closed = false;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Rejects with the signal's reason when it aborts, and closes the connection then. */
  async handle(
    request: HttpRequest,
    { abortSignal, takeBody }: HttpOptions = {},
  ): Promise<{ readonly response: HttpResponse }> {
    const signal = abortSignal instanceof AbortSignal ? abortSignal : undefined;
    const message = await this.#exchangeOnLiveConnection(request, signal);
    const { statusCode = 0, statusMessage } = message;
    return {
      response: {
        statusCode,
        ...(statusMessage === undefined ? {} : { reason: statusMessage }),
        headers: singleHeaders(message),
        body: await bodyOf(message, request, takeBody),
      },
    };
  }

  /** Closes every connection; requests under way fail or are sent again over a new one. */
  dropConnections(): void {
    for (const agent of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  /** For good: requests under way and later ones fail. */
  close(): void {
    this.#closed = true;
    this.dropConnections();
  }

  /** Part of the SDK's interface: there is nothing that it could set. */
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }

  updateHttpClientConfig(): undefined {
    return undefined;
  }

  /**
   * A connection that the server has closed meanwhile shows only when it is used: then another one.
   * All that are kept may be like that, as after a restart of the server, and each try uses one up.
   */
  async #exchangeOnLiveConnection(
    request: HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<http.IncomingMessage> {
    for (let kept = this.#options.maxIdleConnections; ; kept--) {
      try {
        return await this.#exchange(request, signal);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        if (kept === 0) throw error.cause;
      }
    }
  }

  #exchange(request: HttpRequest, signal: AbortSignal | undefined): Promise<http.IncomingMessage> {
    signal?.throwIfAborted();
    if (this.#closed) throw new Error("connection closed");
    const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>();
    const { protocol, hostname, port, method, headers } = request;
    const meter = this.#options.meter;
    const outgoing = (protocol === "https:" ? https : http).request({
      agent: this.#agent(protocol),
      // IPv6 addresses come in the brackets of a URL.
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      ...(port === undefined ? {} : { port }),
      method,
      path: targetOf(request),
      headers,
    });
    let incoming: http.IncomingMessage | undefined;
    const abort = () => {
      incoming?.destroy(asError(signal?.reason));
      outgoing.destroy(asError(signal?.reason));
    };
    signal?.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => signal?.removeEventListener("abort", abort));
    outgoing.on("error", (error) => {
      const stale = incoming === undefined && outgoing.reusedSocket && isReset(error);
      reject(stale && signal?.aborted !== true ? new StaleConnection(error) : error);
    });
    outgoing.once("response", (message) => {
      incoming = message;
      // What goes wrong with the body concerns its reader, who may not be listening yet.
      message.on("error", ignoreUntilRead);
      resolve(message);
    });
    if (meter !== undefined) count(outgoing, meter);
    outgoing.end(request.body);
    return promise;
  }

  #agent(protocol: string): http.Agent {
    const known = this.#agents.get(protocol);
    if (known !== undefined) return known;
    const Agent = protocol === "https:" ? https.Agent : http.Agent;
    const agent = new Agent({ keepAlive: true, maxFreeSockets: this.#options.maxIdleConnections });
    this.#agents.set(protocol, agent);
    return agent;
  }
}

/** The server closed a kept connection before it saw the request. */
class StaleConnection extends Error {
  override readonly name = "StaleConnection";

  constructor(override readonly cause: Error) {
    super(cause.message);
  }
}

const ignoreUntilRead = (): undefined => undefined;

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}

/** Counts an exchange at its end, however it ends. */
function count(outgoing: http.ClientRequest, meter: UsageMeter): void {
  meter.request();
  outgoing.once("socket", (socket) => {
    const { bytesRead, bytesWritten } = socket;
    outgoing.once("close", () => {
      meter.received(socket.bytesRead - bytesRead);
      meter.sent(socket.bytesWritten - bytesWritten);
    });
  });
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

function singleHeaders(message: http.IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(", ") : (value ?? ""),
    ]),
  );
}

type Body = http.IncomingMessage | Uint8Array;

const NOTHING = new Uint8Array();

/** What the SDK gets to see of an answer. */
async function bodyOf(
  message: http.IncomingMessage,
  request: HttpRequest,
  takeBody: HttpOptions["takeBody"],
): Promise<Body> {
  if (message.statusCode === undefined || message.statusCode >= 300) {
    const body = await collect(message, S3_MAX_ERROR_BYTES);
    // Of an error that is too long its status says enough. None of S3's has a DOCTYPE; the SDK's
    // parser takes quadratic time over many.
    return body === undefined || /<!doctype/i.test(body.toString("latin1")) ? NOTHING : body;
  }
  if (request.method === "GET" && "range" in request.headers) return message;
  const body = await collect(message, S3_MAX_LISTING_BYTES);
  if (body === undefined) {
    throw new BadAnswer(`the server's answer is longer than ${S3_MAX_LISTING_BYTES} bytes`);
  }
  if (takeBody === undefined) return body;
  takeBody(body);
  return NOTHING;
}

/** The whole body; undefined when it is longer than `limitBytes`, its connection closed. */
async function collect(
  message: http.IncomingMessage,
  limitBytes: number,
): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop destroys the message, and with it the connection.
  for await (const chunk of message) {
    bytes += chunk.byteLength;
    if (bytes > limitBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
