/**
 * HTTP/1.1 below the AWS SDK: connections that are kept and can be dropped, requests that end with
 * their signal, answers that are bounded whatever the server sends, and counts of it all.
 *
 * Only a ranged GET is handed on as a stream, which its reader must drain or destroy; every other
 * answer is small and is collected here.
 */

import type { Readable } from "node:stream";
import { S3_MAX_ERROR_BYTES, S3_MAX_LISTING_BYTES } from "../../limits.ts";
import type { UsageMeter } from "../usage.ts";
import { BadAnswer } from "./http_answer.ts";
import {
  type Answer,
  HttpConnection,
  type ServerAddress,
  StaleConnection,
} from "./http_connection.ts";
import { encodeRequest, type HttpRequest } from "./http_request.ts";

/** What it makes of the answer. */
export interface HttpResponse {
  readonly statusCode: number;
  readonly reason?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable | Uint8Array;
}

export interface HttpOptions {
  /** An AbortSignal; the SDK's types allow for its own as well, which nobody here makes. */
  readonly abortSignal?: object;
  /** Gets the body of a success, so that the SDK does not parse it. */
  readonly takeBody?: (body: Uint8Array) => void;
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
  readonly #connections = new Set<HttpConnection>();
  /** Those that wait for an exchange, by server; the latest used last. */
  readonly #idle = new Map<string, HttpConnection[]>();
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
    const { statusCode, reason, headers, body } = await this.#exchangeOnLiveConnection(
      request,
      signal,
    );
    const taken = await bodyOf({ statusCode, body }, request, takeBody);
    return { response: { statusCode, reason, headers, body: taken } };
  }

  /** Closes every connection; requests under way fail or are sent again over a new one. */
  dropConnections(): void {
    for (const connection of [...this.#connections]) connection.destroy();
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
  ): Promise<Answer> {
    for (let kept = this.#options.maxIdleConnections; ; kept--) {
      try {
        return await this.#exchange(request, signal);
      } catch (error) {
        if (!(error instanceof StaleConnection)) throw error;
        if (kept === 0) throw error.cause;
      }
    }
  }

  #exchange(request: HttpRequest, signal: AbortSignal | undefined): Promise<Answer> {
    signal?.throwIfAborted();
    if (this.#closed) throw new Error("connection closed");
    const bytes = encodeRequest(request);
    const connection = this.#connection(addressOf(request));
    this.#options.meter?.request();
    return connection.exchange({ bytes, isAnsweredWithBody: request.method !== "HEAD", signal });
  }

  #connection(address: ServerAddress): HttpConnection {
    const kept = this.#idle.get(keyOf(address))?.pop();
    if (kept !== undefined) return kept;
    const connection = new HttpConnection(address, {
      meter: this.#options.meter,
      onFree: () => this.#keep(connection),
      onClosed: () => this.#forget(connection),
    });
    this.#connections.add(connection);
    return connection;
  }

  #keep(connection: HttpConnection): void {
    const key = keyOf(connection.address);
    const idle = this.#idle.get(key) ?? [];
    this.#idle.set(key, idle);
    if (idle.length < this.#options.maxIdleConnections) idle.push(connection);
    else connection.destroy();
  }

  #forget(connection: HttpConnection): void {
    this.#connections.delete(connection);
    const key = keyOf(connection.address);
    const idle = this.#idle.get(key)?.filter((other) => other !== connection) ?? [];
    if (idle.length > 0) this.#idle.set(key, idle);
    else this.#idle.delete(key);
  }
}

function addressOf({ protocol, hostname, port }: HttpRequest): ServerAddress {
  const isTls = protocol === "https:";
  // IPv6 addresses come in the brackets of a URL.
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return { isTls, host, port: port ?? (isTls ? 443 : 80) };
}

const keyOf = ({ isTls, host, port }: ServerAddress): string => `${isTls} ${port} ${host}`;

const NOTHING = new Uint8Array();

/** What the SDK gets to see of an answer. */
async function bodyOf(
  answer: Pick<Answer, "statusCode" | "body">,
  request: HttpRequest,
  takeBody: HttpOptions["takeBody"],
): Promise<HttpResponse["body"]> {
  if (answer.statusCode >= 300) {
    const body = await collect(answer.body, S3_MAX_ERROR_BYTES);
    // Of an error that is too long its status says enough. None of S3's has a DOCTYPE; the SDK's
    // parser takes quadratic time over many.
    return body === undefined || /<!doctype/i.test(body.toString("latin1")) ? NOTHING : body;
  }
  if (request.method === "GET" && "range" in request.headers) return answer.body;
  const body = await collect(answer.body, S3_MAX_LISTING_BYTES);
  if (body === undefined) {
    throw new BadAnswer(`the server's answer is longer than ${S3_MAX_LISTING_BYTES} bytes`);
  }
  if (takeBody === undefined) return body;
  takeBody(body);
  return NOTHING;
}

/** The whole body; undefined when it is longer than `limitBytes`, its connection closed. */
async function collect(body: Readable, limitBytes: number): Promise<Buffer | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  // Leaving the loop destroys the body, and with it the connection.
  for await (const piece of body) {
    bytes += piece.byteLength;
    if (bytes > limitBytes) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
