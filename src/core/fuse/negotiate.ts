/** What INIT settles between the kernel and us. */

import { OwnError } from "../errors.ts";
import { MAX_BACKGROUND_REQUESTS, MAX_READ_BYTES } from "../limits.ts";
import { INIT, INIT2, MAJOR, MINOR_MAX, MINOR_MIN } from "./abi.ts";
import { INIT_IN, INIT_IN_COMPAT, INIT_OUT } from "./layout.ts";

/** A plain object, so that it can be posted to other threads. */
export interface Negotiated {
  readonly minor: number;
  /** Words of INIT_* flags: asked for by us and offered by the kernel. */
  readonly flags: number;
  readonly flags2: number;
  /** Largest READ, and largest request for directory entries, in bytes. */
  readonly maxReadBytes: number;
  readonly maxPages: number;
  /** Largest readahead; more only through `raiseReadahead`. */
  readonly maxReadaheadBytes: number;
  /** FOPEN_PASSTHROUGH may be used. */
  readonly passthrough: boolean;
  /** FOPEN_DIRECT_IO takes nothing from programs, mmap(2) least of all. */
  readonly directIo: boolean;
  /** INVAL_ENTRY may carry EXPIRE_ONLY. */
  readonly expireOnly: boolean;
}

export interface Wishes {
  readonly pageSizeBytes: number;
  /** Passthrough is wanted, should the kernel offer it. */
  readonly passthrough: boolean;
}

/** What the kernel's INIT says. */
export interface Offer {
  readonly major: number;
  readonly minor: number;
  readonly maxReadaheadBytes: number;
  readonly flags: number;
  readonly flags2: number;
}

/** The kernel writes nothing to a read-only mount; it takes no less than this. */
const MAX_WRITE_BYTES = 4096;

/** Our own file system under the backing files; theirs may not be stacked itself. */
const PASSTHROUGH_STACK_DEPTH = 1;

/**
 * - READDIRPLUS always and not by the kernel's own judgement (READDIRPLUS_AUTO), which falls back to
 *   one LOOKUP per entry when a directory is read to its end before its entries are looked at.
 * - EXPLICIT_INVAL_DATA, because every version of a file has a nodeid of its own: a nodeid's pages
 *   never turn wrong.
 * - No ASYNC_DIO, with which a reader by O_DIRECT could not be interrupted.
 * - No EXPORT_SUPPORT: what the kernel has forgotten cannot be found by nodeid for NFS, so exporting
 *   is refused (NO_EXPORT_SUPPORT) where it would otherwise fail now and then.
 */
const WANTED =
  INIT.ASYNC_READ |
  INIT.ATOMIC_O_TRUNC |
  INIT.DO_READDIRPLUS |
  INIT.PARALLEL_DIROPS |
  INIT.MAX_PAGES |
  INIT.NO_OPENDIR_SUPPORT |
  INIT.EXPLICIT_INVAL_DATA |
  INIT.INIT_EXT;

const WANTED2 = INIT2.HAS_EXPIRE_ONLY | INIT2.DIRECT_IO_ALLOW_MMAP | INIT2.NO_EXPORT_SUPPORT;

/** `bodyBytes` is at least the compatible size. */
export function readOffer(view: DataView, at: number, bodyBytes: number): Offer {
  const flags = view.getUint32(at + INIT_IN.at.flags, true);
  const extended = (flags & INIT.INIT_EXT) !== 0 && bodyBytes >= INIT_IN_COMPAT.sizeBytes + 4;
  return {
    major: view.getUint32(at + INIT_IN.at.major, true),
    minor: view.getUint32(at + INIT_IN.at.minor, true),
    maxReadaheadBytes: view.getUint32(at + INIT_IN.at.max_readahead, true),
    flags,
    flags2: extended ? view.getUint32(at + INIT_IN.at.flags2, true) : 0,
  };
}

/** `unsupported` for a kernel that is too old. Newer major versions are not for this function. */
export function negotiate(offer: Offer, wishes: Wishes): Negotiated | OwnError {
  if (offer.major < MAJOR || offer.minor < MINOR_MIN) {
    return new OwnError(
      "unsupported",
      `this kernel speaks FUSE ${offer.major}.${offer.minor}; ` +
        `MusicFS needs ${MAJOR}.${MINOR_MIN} or newer, which Linux has from 5.4 on`,
    );
  }
  const flags = offer.flags & WANTED;
  const wanted2 = WANTED2 | (wishes.passthrough ? INIT2.PASSTHROUGH : 0);
  const flags2 = (flags & INIT.INIT_EXT) !== 0 ? offer.flags2 & wanted2 : 0;
  // MAX_PAGES is as old as 7.28, so every kernel that gets here offers it.
  const maxPages = Math.floor(MAX_READ_BYTES / wishes.pageSizeBytes);
  return {
    minor: Math.min(offer.minor, MINOR_MAX),
    flags,
    flags2,
    maxPages,
    maxReadBytes: maxPages * wishes.pageSizeBytes,
    maxReadaheadBytes: offer.maxReadaheadBytes,
    passthrough: (flags2 & INIT2.PASSTHROUGH) !== 0,
    directIo: (flags2 & INIT2.DIRECT_IO_ALLOW_MMAP) !== 0,
    expireOnly: (flags2 & INIT2.HAS_EXPIRE_ONLY) !== 0,
  };
}

/**
 * Writes `fuse_init_out` at `at` and answers its size. `undefined`: the kernel's major version is
 * newer than ours; it is told ours and asks again.
 */
export function putInit(view: DataView, at: number, agreed: Negotiated | undefined): number {
  const out = INIT_OUT.at;
  for (let i = 0; i < INIT_OUT.sizeBytes; i += 4) view.setUint32(at + i, 0, true);
  view.setUint32(at + out.major, MAJOR, true);
  view.setUint32(at + out.minor, agreed?.minor ?? MINOR_MAX, true);
  if (agreed === undefined) return INIT_OUT.sizeBytes;
  view.setUint32(at + out.max_readahead, agreed.maxReadaheadBytes, true);
  view.setUint32(at + out.flags, agreed.flags, true);
  view.setUint16(at + out.max_background, MAX_BACKGROUND_REQUESTS, true);
  view.setUint16(at + out.congestion_threshold, MAX_BACKGROUND_REQUESTS, true);
  view.setUint32(at + out.max_write, MAX_WRITE_BYTES, true);
  view.setUint32(at + out.time_gran, 1, true);
  view.setUint16(at + out.max_pages, agreed.maxPages, true);
  view.setUint32(at + out.flags2, agreed.flags2, true);
  view.setUint32(at + out.max_stack_depth, agreed.passthrough ? PASSTHROUGH_STACK_DEPTH : 0, true);
  return INIT_OUT.sizeBytes;
}
