/** The federation's view of one file: what to read and where it may be read from. */

import type { BytePath } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { OriginId } from "../origins/origin.ts";

/** A stretch of a file's bytes that was served from the version in question. */
export interface Seam {
  readonly offsetBytes: number;
  readonly bytes: Uint8Array;
}

/** One version of one file, bound by an open handle. */
export interface FederatedFile {
  /** Path in the tree, for events and messages. */
  readonly path: BytePath;
  readonly version: number;
  readonly sizeBytes: number;
  /** Reads are a program's own ones: the kernel neither keeps pages nor reads ahead. Default: false. */
  readonly isDirect?: boolean;
  /** The replicas as the catalog knows them now; asked anew for every read. */
  replicas(): readonly Replica[];
  /** Head and latest tail that this handle served, at most SEAM_BYTES each; none when unknown. */
  seams(): readonly Seam[];
}

/** How a read came to its bytes, for metrics and the live view. */
export interface ReadOutcome {
  readonly bytesRead: number;
  readonly origin: OriginId;
  /** Tries that failed before, over all origins. */
  readonly failures: number;
  /** The origin that should have served it, when another did. */
  readonly failedOver?: OriginId;
  /** A second origin was asked beside a slow one. */
  readonly hedged: boolean;
  /** False: the bytes are of a `probable` replica and must never be stored as this version's. */
  readonly proved: boolean;
}

export interface FetchOptions {
  /** Cancels the read. */
  readonly signal: AbortSignal;
  /** Longest duration of this read, at most and by default `read_deadline_ms`. */
  readonly deadlineMs?: number;
  /** Nobody waits for it: it makes way for others, retries nothing and tells nobody of a failure. */
  readonly background?: boolean;
}

/** Bytes of a file in memory that is lent: its owner uses it again once this is disposed. */
export interface FetchedBytes extends Disposable {
  readonly outcome: ReadOutcome;
  /** `outcome.bytesRead` of them. Valid until disposed. */
  readonly bytes: Uint8Array;
}

/** Reads up to `lengthBytes` from the origins; as `FailoverExecutor.fetch`. Fails within the deadline. */
export type FetchBytes = (
  file: FederatedFile,
  offsetBytes: number,
  lengthBytes: number,
  options: FetchOptions,
) => Promise<FetchedBytes>;

/**
 * As `FetchBytes`, into the caller's own memory: as many bytes as fit. `into` is written once, before
 * the promise resolves; after an error its contents are as before.
 */
export type FetchFile = (
  file: FederatedFile,
  offsetBytes: number,
  into: Uint8Array,
  options: FetchOptions,
) => Promise<ReadOutcome>;

/** Copies what is fetched to the beginning of `into`, and gives its memory back. */
export async function copied(
  fetching: Promise<FetchedBytes>,
  into: Uint8Array,
): Promise<ReadOutcome> {
  using fetched = await fetching;
  into.set(fetched.bytes);
  return fetched.outcome;
}

/** How a READ was answered, from wherever its bytes came. */
export interface ServedRead {
  readonly bytesRead: number;
  /** False: some of the bytes are of a `probable` replica. */
  readonly proved: boolean;
  /** Bytes that were on the cache's disk, */
  readonly cacheBytes: number;
  /** that were read ahead, or for somebody else, and were in memory, */
  readonly memoryBytes: number;
  /** and that an origin had to be waited for. */
  readonly originBytes: number;
  /** The origin that the latest of the bytes came from; undefined when all were in the cache. */
  readonly origin?: OriginId;
  /** Tries at origins that failed before they came. */
  readonly failures: number;
  /** The origin that should have served it, when another did. */
  readonly failedOver?: OriginId;
  /** A second origin was asked beside a slow one for some of them. */
  readonly hedged: boolean;
}

/** Answers READs: from memory, from the cache, or as `FetchFile`. */
export type ReadFile = (
  file: FederatedFile,
  offsetBytes: number,
  into: Uint8Array,
  options: { readonly signal: AbortSignal },
) => Promise<ServedRead>;
