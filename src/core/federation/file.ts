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
  /** False: the bytes are of a `probable` replica and must never be stored as this version's. */
  readonly proved: boolean;
}
