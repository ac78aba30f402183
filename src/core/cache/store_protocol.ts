/**
 * What the main thread and the thread of the store say to each other. Messages arrive in order, and
 * the store answers in the order of its writes, so that both end with the same picture.
 *
 * A *slot* is the main thread's number for a version that is open; what has a slot is in use.
 */

import type { BytePath } from "../bytes.ts";
import type { CacheState } from "./block_cache.ts";
import type { ContentName } from "./content_name.ts";

export type StoreRequest =
  /** A version is in use. `content`: what the index led the main thread to, 0 for none. */
  | {
      readonly kind: "bind";
      readonly slot: number;
      readonly names: readonly ContentName[];
      readonly path: BytePath;
      readonly sizeBytes: number;
      readonly content: number;
    }
  /** This very content is in use, whatever version it was of. */
  | { readonly kind: "hold"; readonly slot: number; readonly content: number }
  /** What the slot holds is this version's, too, and lies at this path now. Answered with `kept`. */
  | {
      readonly kind: "adopt";
      readonly slot: number;
      readonly names: readonly ContentName[];
      readonly path: BytePath;
    }
  /** What the slot holds is not wanted any more; it is removed unless another slot has it. */
  | { readonly kind: "discard"; readonly slot: number }
  /** It is no longer in use; `wasRead` since it was bound. */
  | { readonly kind: "unbind"; readonly slot: number; readonly wasRead: boolean }
  /** Whole blocks, transferred. Answered with `kept`. */
  | {
      readonly kind: "keep";
      readonly slot: number;
      readonly offsetBytes: number;
      readonly bytes: Uint8Array;
    }
  /** The block is not what its checksum proves, or not there. */
  | { readonly kind: "drop"; readonly slot: number; readonly block: number }
  /** Its data file is gone. */
  | { readonly kind: "lose"; readonly slot: number }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: StoreCall;
      readonly args: readonly unknown[];
    };

export type StoreAnswer =
  /** An index was opened: contents are looked up in this generation from now on. */
  | { readonly kind: "opened"; readonly generation: string }
  | { readonly kind: "state"; readonly state: CacheState }
  /** For the log. */
  | { readonly kind: "notice"; readonly message: string }
  /** What the slot's version has, where it is not what the main thread found. 0: nothing. */
  | {
      readonly kind: "bound";
      readonly slot: number;
      readonly content: number;
      readonly groups: ReadonlyMap<number, BigUint64Array>;
    }
  /** One `keep`: the checksums of its blocks; undefined: they were not kept. */
  | {
      readonly kind: "kept";
      readonly slot: number;
      readonly content: number;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
      readonly sums: BigUint64Array | undefined;
    }
  | { readonly kind: "dropped"; readonly slot: number; readonly block: number }
  /** What the disk holds, after it changed. */
  | { readonly kind: "used"; readonly bytes: number }
  | { readonly kind: "evicted"; readonly files: number; readonly bytes: number }
  /** How far a call has come. */
  | {
      readonly kind: "progress";
      readonly id: number;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: unknown };

/** What a person asks of the cache; each rejects with OwnError `cache` while the cache is degraded. */
export interface StoreCalls {
  stats(): Promise<CacheStats>;
  /** Removes what lies at or below the paths; all with none. Pinned contents only with `pinned`. */
  clear(options: ClearOptions): Promise<ClearReport>;
  /** Keeps what lies at or below the paths from being evicted; kept across restarts. */
  pin(paths: readonly BytePath[]): Promise<void>;
  /** Answers the paths that were pinned. */
  unpin(paths: readonly BytePath[]): Promise<readonly BytePath[]>;
  /** Reads everything, or what lies at or below the paths, and compares it with its checksums. */
  verify(options: VerifyOptions): Promise<VerifyReport>;
}

export type StoreCall = keyof StoreCalls;

export interface CacheStats {
  readonly budgetBytes: number;
  readonly usedBytes: number;
  readonly files: number;
  /** Files of which every block is there. */
  readonly completeFiles: number;
  readonly pinnedFiles: number;
  readonly pinnedBytes: number;
  readonly pins: readonly BytePath[];
  /** Files that are open now. */
  readonly openFiles: number;
}

export interface ClearOptions {
  readonly paths: readonly BytePath[];
  readonly pinned: boolean;
}

export interface ClearReport {
  readonly files: number;
  readonly bytes: number;
  /** Pinned, and therefore left. */
  readonly leftFiles: number;
}

export interface VerifyOptions {
  readonly paths: readonly BytePath[];
  /** Drop what is bad, so that it is fetched again. */
  readonly repair: boolean;
}

export interface VerifyReport {
  readonly files: number;
  readonly blocks: number;
  readonly bytes: number;
  readonly bad: readonly BadBlocks[];
}

export interface BadBlocks {
  readonly path: BytePath;
  /** Not what their checksums prove, or not there at all. */
  readonly blocks: number;
}
