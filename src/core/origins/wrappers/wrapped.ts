/**
 * An origin with something around each of its operations. What the inner origin cannot do the
 * wrapped one cannot either. A listing is an operation per page, so that time-outs and turns are
 * for the origin's work and not for what its caller does between two pages.
 */

import { type BytePath, ROOT_PATH } from "../../bytes.ts";
import { throwIfAborted } from "../abort.ts";
import type {
  DirEntry,
  FileStat,
  ListingMemo,
  Origin,
  OriginCapabilities,
  OriginId,
  OriginType,
  OriginVersion,
  ProbeResult,
  ReadOptions,
} from "../origin.ts";

export const OPERATIONS = ["list", "stat", "read", "probe", "checksum"] as const;
export type OperationKind = (typeof OPERATIONS)[number];

export interface Operation {
  readonly kind: OperationKind;
  /** The root for a probe. */
  readonly path: BytePath;
  /** Bytes asked for; of a read only. */
  readonly lengthBytes?: number;
  /** Nobody waits for it; of a read only. Default false. */
  readonly background?: boolean;
  /** As in `ReadOptions`; of a read only. */
  readonly onWaiting?: ReadOptions["onWaiting"];
}

/**
 * Does an operation: calls `run` at most once, with `signal` or with one that aborts no later, and
 * answers what it answers or rejects in its place. Rejects with `cancelled` once `signal` aborts.
 */
export type Around = <T>(
  operation: Operation,
  signal: AbortSignal | undefined,
  run: (signal: AbortSignal | undefined) => Promise<T>,
) => Promise<T>;

export class WrappedOrigin implements Origin {
  readonly id: OriginId;
  readonly type: OriginType;
  readonly capabilities: OriginCapabilities;
  readonly watch?: NonNullable<Origin["watch"]>;
  readonly marks?: NonNullable<Origin["marks"]>;
  readonly listTree?: NonNullable<Origin["listTree"]>;
  readonly proof?: NonNullable<Origin["proof"]>;
  readonly dropConnections?: NonNullable<Origin["dropConnections"]>;

  constructor(
    readonly inner: Origin,
    readonly around: Around,
  ) {
    this.id = inner.id;
    this.type = inner.type;
    this.capabilities = inner.capabilities;
    if (inner.watch) this.watch = inner.watch.bind(inner);
    if (inner.dropConnections) this.dropConnections = inner.dropConnections.bind(inner);
    const marks = inner.marks?.bind(inner);
    if (marks) {
      this.marks = (directories, signal) =>
        around({ kind: "list", path: directories[0] ?? ROOT_PATH }, signal, (inside) =>
          marks(directories, inside),
        );
    }
    const listTree = inner.listTree?.bind(inner);
    if (listTree) this.listTree = (signal) => this.#pages(ROOT_PATH, signal, listTree);
    const proof = inner.proof?.bind(inner);
    if (proof) {
      this.proof = (path: BytePath, version: OriginVersion, signal?: AbortSignal) =>
        around({ kind: "checksum", path }, signal, (inside) => proof(path, version, inside));
    }
  }

  list(
    directory: BytePath,
    signal?: AbortSignal,
    memo?: ListingMemo,
  ): AsyncGenerator<readonly DirEntry[]> {
    const list = (inside: AbortSignal) => this.inner.list(directory, inside, memo);
    return this.#pages(directory, signal, list);
  }

  async *#pages<Page>(
    directory: BytePath,
    signal: AbortSignal | undefined,
    list: (signal: AbortSignal) => AsyncIterable<Page>,
  ): AsyncGenerator<Page> {
    throwIfAborted(signal);
    const listing = new AbortController();
    const pages = list(listing.signal)[Symbol.asyncIterator]();
    const nextPage = async (inside: AbortSignal | undefined) => {
      using _ = following(inside, listing);
      return await pages.next();
    };
    try {
      for (;;) {
        const page = await this.around({ kind: "list", path: directory }, signal, nextPage);
        if (page.done) return;
        yield page.value;
      }
    } catch (error) {
      // A page may still be under way, and for ever: told to stop, but not waited for.
      listing.abort(error);
      throw error;
    } finally {
      const released = pages.return?.();
      if (!listing.signal.aborted) await released;
      // The error that ended the listing is being thrown; what its end comes to adds nothing.
      else released?.catch(() => undefined);
    }
  }

  stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    return this.around({ kind: "stat", path }, signal, (inside) => this.inner.stat(path, inside));
  }

  read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    options: ReadOptions = {},
  ): Promise<number> {
    const { background = false, onWaiting } = options;
    const lengthBytes = into.byteLength;
    const operation = { kind: "read", path, lengthBytes, background, onWaiting } as const;
    return this.around(operation, options.signal, (inside) =>
      this.inner.read(path, offsetBytes, into, inside ? { ...options, signal: inside } : options),
    );
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return this.around({ kind: "probe", path: ROOT_PATH }, signal, (inside) =>
      this.inner.probe(inside),
    );
  }

  close(): Promise<void> {
    return this.inner.close();
  }
}

/** Aborts `controller` when `signal` does, until disposed. */
export function following(signal: AbortSignal | undefined, controller: AbortController) {
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  else signal?.addEventListener("abort", abort, { once: true });
  return { [Symbol.dispose]: () => signal?.removeEventListener("abort", abort) };
}
