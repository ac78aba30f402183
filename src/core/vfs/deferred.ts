/**
 * What the FUSE thread hands to the main thread, and where it hands it. Plain data: it crosses
 * threads by structured clone. A request handed over is the receiver's to answer, exactly once.
 */

/** Why a file could not be opened or read on the FUSE or a reader thread. */
export interface LocalFailure {
  /** Row of the origin in the routing table. */
  readonly origin: number;
  /** Positive errno, or `changed`: the file is no longer the version the catalog knows. */
  readonly reason: number | "changed";
}

export type Deferred =
  /** A LOOKUP or OPENDIR in a directory that some origin was never asked for. */
  | {
      readonly kind: "directory";
      readonly unique: number;
      readonly directory: number;
      /** The whole request, to be handled again once the directory is listed. */
      readonly request: Uint8Array;
    }
  /** `fh` is allocated and has no descriptor. */
  | {
      readonly kind: "open";
      readonly unique: number;
      readonly version: number;
      readonly fh: number;
      /** What to answer with, as `Passthrough.handedOver` says. */
      readonly backingId: number;
      readonly failure?: LocalFailure;
    }
  | {
      readonly kind: "read";
      readonly unique: number;
      readonly fh: number;
      readonly offsetBytes: number;
      readonly lengthBytes: number;
      /** Who asked, to be given up when it is gone; 0 when unknown. */
      readonly pid: number;
      readonly failure?: LocalFailure;
    }
  /** The caller of `unique` got a signal. Needs no answer itself. */
  | { readonly kind: "interrupt"; readonly unique: number }
  /** A descriptor of the handle was closed; reads whose caller is gone are to be given up. */
  | { readonly kind: "flush"; readonly fh: number }
  /** The handle is closed and free; sent only when the main thread knows it. */
  | { readonly kind: "release"; readonly fh: number }
  /** A third of a file that several origins hold was read. */
  | { readonly kind: "fingerprint"; readonly version: number };

export type Defer = (deferred: Deferred) => void;
