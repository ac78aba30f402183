/**
 * The control server of a mount: HTTP and JSON over a unix socket that only the mount's own user can
 * connect to (socket_directory.ts).
 */

import { randomBytes } from "node:crypto";
import { type Clock, sleep } from "../clock.ts";
import { ConfigError } from "../config/problem.ts";
import { type ErrorCode, MusicFsError, messageOf, OwnError } from "../errors.ts";
import { CONTROL_BODY_BYTES, CONTROL_END_MS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ControlledMount } from "./controlled_mount.ts";
import type { Endpoint } from "./endpoint.ts";
import { type EndpointPorts, endpoints } from "./endpoints.ts";
import type { EventHistory } from "./event_history.ts";
import type { ReadLog } from "./read_log.ts";
import { targetOf } from "./request_target.ts";
import { SocketDirectory } from "./socket_directory.ts";
import { mountKey, socketName } from "./socket_name.ts";

export interface ControlServerOptions {
  readonly mount: ControlledMount;
  readonly history: EventHistory;
  readonly reads: ReadLog;
  readonly metrics: EndpointPorts["metrics"];
  readonly clock: Clock;
  /** Where the socket is made; made itself if need be. */
  readonly directory: string;
  /** Effective user id. */
  readonly uid: number;
  /** A request failed in a way that is a bug. */
  readonly onFault: (message: string) => void;
}

/**
 * An answer may take as long as a scan. Bun times out requests on unix sockets, too, but has neither
 * a type for this nor lets single requests set it there (oven-sh/bun#43816).
 */
const NEVER_IDLE: object = { idleTimeout: 0 };

export class ControlServer implements AsyncDisposable {
  readonly #endpoints: readonly Endpoint[];
  readonly #closing = new AbortController();
  readonly #cleanUp = new AsyncDisposableStack();

  /** Throws OwnError `config` when the socket cannot be made, or not safely. */
  constructor(readonly options: ControlServerOptions) {
    const { mount, directory, uid } = options;
    const run = randomBytes(4).toString("hex");
    this.#endpoints = endpoints({ ...options, run, closing: this.#closing.signal });
    const { mountPoint, cacheDir } = mount.identity;
    const key = mountKey(cacheDir);
    if (key === undefined) throw new OwnError("config", `${cacheDir} does not exist`);
    const sockets = SocketDirectory.make(directory, uid);
    this.#cleanUp.use(sockets);
    try {
      this.#listen(sockets, key, socketName(mountPoint, key));
    } catch (error) {
      sockets[Symbol.dispose]();
      if (error instanceof MusicFsError) throw error;
      const message = `no control socket can be made in ${directory}: ${messageOf(error)}`;
      throw new OwnError("config", message, { cause: error });
    }
  }

  /** Ends all streams and connections and removes the socket. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#cleanUp.disposeAsync();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * The socket gets its name when somebody listens on it: one by which nobody can be reached is
   * certain to be left behind. Those of this mount's cache directory are, since its lock is held.
   */
  #listen(sockets: SocketDirectory, key: string, name: string): void {
    const unborn = `.${key}`;
    for (const left of sockets.names()) {
      if (left === unborn || left.endsWith(`-${key}.sock`)) sockets.remove(left);
    }
    const server = Bun.serve({
      unix: sockets.address(unborn),
      maxRequestBodySize: CONTROL_BODY_BYTES,
      development: false,
      fetch: (request) => this.#answer(request),
      error: (error) => this.#failed(error),
      ...NEVER_IDLE,
    });
    this.#cleanUp.defer(() => this.#end(server));
    sockets.publish(unborn, name);
    this.#cleanUp.defer(() => sockets.remove(name));
  }

  /** Whoever reads a stream is told of its end; a request that takes long is cut off. */
  async #end(server: Bun.Server<undefined>): Promise<void> {
    const ended = server.stop(false);
    await Promise.race([ended, sleep(this.options.clock, CONTROL_END_MS)]);
    await server.stop(true);
  }

  async #answer(request: Request): Promise<Response> {
    try {
      const { pathname, searchParams } = targetOf(request);
      const { endpoint, id } = this.#find(request.method, pathname);
      const query = Object.fromEntries(searchParams);
      if (Object.keys(query).length !== [...searchParams].length) {
        throw new OwnError("usage", "a parameter is given twice");
      }
      const body = await bodyOf(request);
      const answer = await endpoint.handle({ id, query, body, headers: request.headers });
      return answer instanceof Response ? answer : Response.json(answer);
    } catch (error) {
      return this.#failed(error);
    }
  }

  #find(method: string, path: string): { readonly endpoint: Endpoint; readonly id: OriginId } {
    const id = (/^\/v1\/origins\/([^/]+)/.exec(path)?.[1] ?? "") as OriginId;
    const pattern = id === "" ? path : path.replace(`/${id}`, "/ID");
    const there = this.#endpoints.filter((endpoint) => endpoint.path === pattern);
    const endpoint = there.find((each) => each.method === method);
    if (endpoint !== undefined) return { endpoint, id };
    if (there.length === 0) throw new HttpError(404, `there is no ${path} here`);
    const methods = there.map((each) => each.method).join(", ");
    throw new HttpError(405, `${path} takes ${methods}, not ${method}`);
  }

  #failed(error: unknown): Response {
    const status = error instanceof HttpError ? error.status : undefined;
    const known = error instanceof MusicFsError;
    if (!known) this.options.onFault(`a control request failed: ${messageOf(error)}`);
    const code = known ? error.code : "internal";
    const problems = error instanceof ConfigError ? { problems: error.problems } : {};
    const answer = { error: { code, message: messageOf(error), ...problems } };
    return Response.json(answer, { status: status ?? STATUS[code] ?? 500 });
  }
}

/** A request that HTTP has a status for. */
class HttpError extends OwnError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super("usage", message);
  }
}

const STATUS: Readonly<{ [Code in ErrorCode]?: number }> = {
  usage: 400,
  config: 422,
  busy: 409,
  no_origin_available: 503,
  cancelled: 503,
  cache: 503,
};

/** The body's JSON; undefined without a body. */
async function bodyOf(request: Request): Promise<unknown> {
  const text = await request.text().catch((cause: unknown) => {
    throw new OwnError("usage", "the request broke off", { cause });
  });
  if (text === "") return undefined;
  if (Buffer.byteLength(text) > CONTROL_BODY_BYTES) throw new HttpError(413, "too long a request");
  const type = request.headers.get("content-type") ?? "";
  if (!/^application\/json(?:\s*;|$)/i.test(type)) {
    throw new HttpError(415, "a request's body must be of type application/json");
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new OwnError("usage", "the request is not valid JSON", { cause: error });
  }
}
