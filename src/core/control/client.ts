/** Talks to the control server of a running mount. Answers are checked: the mount may be of another version. */

import * as v from "valibot";
import { ConfigError } from "../config/problem.ts";
import {
  type ErrorCode,
  type ErrorScope,
  MusicFsError,
  messageOf,
  ORIGIN_ERRORS,
  OWN_ERRORS,
  OwnError,
} from "../errors.ts";
import { CONTROL_PATIENCE_MS } from "../limits.ts";
import type { ScanSums } from "../sync/scan_origins.ts";
import {
  type ChangedOriginAnswer,
  changedOriginAnswer,
  checkAnswer,
  errorAnswer,
  eventAnswer,
  NDJSON,
  type OriginAnswer,
  type OriginsAnswer,
  originsAnswer,
  type ReloadAnswer,
  type RemovedOriginAnswer,
  reloadAnswer,
  removedOriginAnswer,
  type ScanAnswer,
  type StatusAnswer,
  scanAnswer,
  scanProgress,
  statusAnswer,
  workLine,
} from "./answers.ts";
import {
  bytesProgress,
  type CacheClearAnswer,
  type CacheFetchAnswer,
  type CacheStatsAnswer,
  type CacheVerifyAnswer,
  cacheClearAnswer,
  cacheFetchAnswer,
  cacheStatsAnswer,
  cacheVerifyAnswer,
  type UnpinAnswer,
  unpinAnswer,
} from "./cache_answers.ts";
import type { OnBytes } from "./controlled_mount.ts";
import { type SyncDeltaAnswer, syncDeltaAnswer } from "./delta_answers.ts";
import type { EventAnswer } from "./event_json.ts";
import { type LiveUpdate, liveUpdate } from "./live.ts";
import type { ScanRequestBody } from "./requests.ts";
import { scanSums } from "./scan_json.ts";
import type { SocketDirectory } from "./socket_directory.ts";
import { linesOf } from "./stream_lines.ts";

export interface EventsWish {
  /** The id of an event, or `latest`: only what came after it. Default: all that is kept. */
  readonly after?: string | undefined;
  readonly types?: readonly string[] | undefined;
  /** Go on with what happens. */
  readonly follow: boolean;
  readonly signal?: AbortSignal;
}

export interface SyncWish {
  readonly paths: readonly string[];
  readonly origins: readonly string[];
  readonly all: boolean;
  readonly dryRun: boolean;
}

/** See `ControlledCache`. */
export interface CacheClient {
  stats(): Promise<CacheStatsAnswer>;
  clear(wish: {
    readonly paths: readonly string[];
    readonly pinned: boolean;
  }): Promise<CacheClearAnswer>;
  unpin(paths: readonly string[]): Promise<UnpinAnswer>;
  verify(
    wish: { readonly paths: readonly string[]; readonly repair: boolean },
    onBytes: OnBytes,
  ): Promise<CacheVerifyAnswer>;
  pin(paths: readonly string[], onBytes: OnBytes): Promise<CacheFetchAnswer>;
  prefetch(paths: readonly string[], onBytes: OnBytes): Promise<CacheFetchAnswer>;
  syncDelta(wish: SyncWish, onBytes: OnBytes): Promise<SyncDeltaAnswer>;
}

/** Values of settings as the configuration file has them. */
type Settings = Readonly<Record<string, unknown>>;

export class ControlClient implements Disposable {
  /** Owns `directory`. */
  constructor(
    readonly directory: SocketDirectory,
    readonly socket: string,
  ) {}

  status(): Promise<StatusAnswer> {
    return this.#ask("GET", "/v1/status", statusAnswer);
  }

  origins(): Promise<OriginsAnswer> {
    return this.#ask("GET", "/v1/origins", originsAnswer);
  }

  /** Resolves to what the origin is like, once a check of it has ended. */
  async check(id: string): Promise<OriginAnswer> {
    return (await this.#ask("POST", `${pathOf(id)}/check`, checkAnswer)).origin;
  }

  addOrigin(settings: Settings): Promise<ChangedOriginAnswer> {
    return this.#ask("POST", "/v1/origins", changedOriginAnswer, { settings });
  }

  /** `unset` names settings that go back to their defaults. */
  changeOrigin(
    id: string,
    settings: Settings,
    unset: readonly string[] = [],
  ): Promise<ChangedOriginAnswer> {
    return this.#ask("PATCH", pathOf(id), changedOriginAnswer, { settings, unset });
  }

  removeOrigin(id: string): Promise<RemovedOriginAnswer> {
    return this.#ask("DELETE", pathOf(id), removedOriginAnswer);
  }

  /** Has the configuration file read again. */
  reload(): Promise<ReloadAnswer> {
    return this.#ask("POST", "/v1/reload", reloadAnswer);
  }

  async metrics(): Promise<string> {
    return (await this.#request("GET", "/metrics")).text();
  }

  /** Resolves when all origins were scanned; `onProgress` is told of the sums over all of them. */
  async scan(
    request: Partial<ScanRequestBody>,
    onProgress?: (sums: ScanSums) => void,
  ): Promise<ScanAnswer> {
    const answers = { progress: scanProgress, result: scanAnswer };
    return await this.#work("/v1/scan", request, answers, (progress) =>
      onProgress?.(scanSums(progress)),
    );
  }

  /** What people ask of the cache; paths are of the tree, as text. */
  get cache(): CacheClient {
    const fetched = { progress: bytesProgress, result: cacheFetchAnswer };
    const verified = { progress: bytesProgress, result: cacheVerifyAnswer };
    return {
      stats: () => this.#ask("GET", "/v1/cache", cacheStatsAnswer),
      clear: (wish) => this.#ask("POST", "/v1/cache/clear", cacheClearAnswer, wish),
      unpin: (paths) => this.#ask("POST", "/v1/cache/unpin", unpinAnswer, { paths }),
      verify: (wish, onBytes) => this.#work("/v1/cache/verify", wish, verified, inBytes(onBytes)),
      pin: (paths, onBytes) => this.#work("/v1/cache/pin", { paths }, fetched, inBytes(onBytes)),
      prefetch: (paths, onBytes) =>
        this.#work("/v1/cache/prefetch", { paths }, fetched, inBytes(onBytes)),
      syncDelta: ({ paths, origins, all, dryRun }, onBytes) => {
        const synced = { progress: bytesProgress, result: syncDeltaAnswer };
        const request = { paths, origins, all, dry_run: dryRun };
        return this.#work("/v1/cache/sync", request, synced, inBytes(onBytes));
      },
    };
  }

  /** Events as they come; `missed` where some are gone that should have been among them. */
  async *events(wish: EventsWish): AsyncGenerator<EventAnswer | "missed"> {
    const { after, types, follow, signal } = wish;
    const query = new URLSearchParams({ follow: String(follow) });
    if (after !== undefined) query.set("after", after);
    if (types !== undefined) query.set("type", types.join(","));
    const response = await this.#request("GET", `/v1/events?${query}`, { signal });
    let missed = false;
    for await (const line of linesOf(response, CONTROL_PATIENCE_MS)) {
      if (line.startsWith("event:")) missed = line === "event: missed";
      else if (line.startsWith("data:")) {
        yield missed ? "missed" : parsed(eventAnswer, line.slice("data:".length));
      }
    }
  }

  /** What `health --watch` shows, until the mount ends or the signal aborts. */
  async *live(signal?: AbortSignal): AsyncGenerator<LiveUpdate> {
    const response = await this.#request("GET", "/v1/live", { signal });
    for await (const line of linesOf(response, CONTROL_PATIENCE_MS)) {
      yield parsed(liveUpdate, line);
    }
  }

  [Symbol.dispose](): void {
    this.directory[Symbol.dispose]();
  }

  /** Has something done that takes a while. Resolves at its end; progress is told on the way. */
  async #work<Progress, Result>(
    path: string,
    body: unknown,
    answers: {
      readonly progress: v.GenericSchema<unknown, Progress>;
      readonly result: v.GenericSchema<unknown, Result>;
    },
    onProgress: (progress: Progress) => void,
  ): Promise<Result> {
    const response = await this.#request("POST", path, { body, accept: NDJSON });
    const result = v.object({ result: answers.result });
    for await (const text of linesOf(response, CONTROL_PATIENCE_MS)) {
      const { kind } = parsed(workLine, text);
      if (kind === "progress") onProgress(parsed(answers.progress, text));
      else if (kind === "result") return parsed(result, text).result;
      else {
        const { code, message } = parsed(errorAnswer, text).error;
        throw errorOf(code, message);
      }
    }
    throw new OwnError("cancelled", "the mount ended before it was done");
  }

  async #ask<T>(
    method: string,
    path: string,
    schema: v.GenericSchema<unknown, T>,
    body?: unknown,
  ): Promise<T> {
    // What only looks is answered at once; what does something may have to wait for an origin.
    const signal = method === "GET" ? AbortSignal.timeout(CONTROL_PATIENCE_MS) : undefined;
    const response = await this.#request(method, path, { body, signal });
    return parsed(schema, await response.text());
  }

  /** The response once it begins, if it is a good one. */
  async #request(
    method: string,
    path: string,
    options: {
      readonly body?: unknown;
      readonly accept?: string;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Response> {
    const { body, accept, signal } = options;
    let response: Response;
    try {
      response = await fetch(`http://musicfs${path}`, {
        unix: this.directory.address(this.socket),
        method,
        headers: {
          ...(accept === undefined ? {} : { accept }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      });
    } catch (error) {
      throw unreachable(error);
    }
    if (!response.ok) throw await failureOf(response);
    return response;
  }
}

function inBytes(onBytes: OnBytes) {
  return (progress: { readonly done_bytes: number; readonly total_bytes: number }) =>
    onBytes(progress.done_bytes, progress.total_bytes);
}

/** What is no origin's id is refused by the mount, wherever in the path it stands. */
function pathOf(id: string): string {
  return `/v1/origins/${encodeURIComponent(id)}`;
}

/** Nobody listens: the mount is gone, and its socket was left behind. */
export class NobodyListens extends OwnError {
  constructor(options: ErrorOptions) {
    super("no_origin_available", "the mount has ended", options);
  }
}

/** Somebody listened and hung up: a mount that is just ending, whose socket nobody will answer again. */
export class HungUp extends OwnError {
  constructor(options: ErrorOptions) {
    super("cancelled", "the mount ended before it answered", options);
  }
}

function unreachable(error: unknown): OwnError {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ECONNRESET" || code === "EPIPE" || code === "ConnectionClosed") {
    return new HungUp({ cause: error });
  }
  if (code === "ECONNREFUSED" || code === "ENOENT" || code === "FailedToOpenSocket") {
    return new NobodyListens({ cause: error });
  }
  const message = `the mount does not answer: ${messageOf(error)}`;
  return new OwnError("cancelled", message, { cause: error });
}

/** An error that the mount told of. */
class MountError extends MusicFsError {
  override readonly name = "MountError";
  readonly scope: ErrorScope;
  readonly retryable: boolean;

  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
    const { scope, retryable } = { ...ORIGIN_ERRORS, ...OWN_ERRORS }[code];
    this.scope = scope;
    this.retryable = retryable;
  }
}

async function failureOf(response: Response): Promise<MusicFsError> {
  const text = await response.text();
  const answer = v.safeParse(errorAnswer, jsonOf(text));
  if (!answer.success) {
    return new OwnError("internal", `the mount answered with status ${response.status}: ${text}`);
  }
  const { code, message, problems } = answer.output.error;
  if (problems === undefined) return errorOf(code, message);
  return new ConfigError(problems);
}

function errorOf(code: string, message: string): MusicFsError {
  const known = { ...ORIGIN_ERRORS, ...OWN_ERRORS };
  return new MountError(code in known ? (code as ErrorCode) : "internal", message);
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, text: string): T {
  const answer = v.safeParse(schema, jsonOf(text));
  if (answer.success) return answer.output;
  const [issue] = answer.issues;
  const where = v.getDotPath(issue) ?? "the answer";
  throw new OwnError(
    "internal",
    `the mount answers what this musicfs does not understand (${where}: ${issue.message}): is it of another version? mount anew`,
  );
}

/** Undefined for what is no JSON, which no schema takes. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
