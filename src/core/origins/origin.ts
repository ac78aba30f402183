/**
 * What a storage must offer to be an origin, and the promises its callers rely on.
 *
 * The required part is small. What an origin cannot do is absent (`watch`, `proof`), not
 * throwing. Retry, time-out, concurrency limit, metrics and faults are Origins that wrap an Origin;
 * `buildOrigin` shows their order. Nothing outside a type's own file asks which type an origin is:
 * `capabilities` say what matters. Every origin passes `test/suites/origin.ts`.
 *
 * Errors: every method rejects with `OriginError`, or with `OwnError` `cancelled` when its signal
 * aborts; nothing else. After an abort no callback, write into `into` or further request happens.
 */

import type { ByteName, BytePath } from "../bytes.ts";

declare const originId: unique symbol;

/** `[a-z0-9_-]{1,64}`, unique in a configuration. */
export type OriginId = string & { readonly [originId]: true };

export const ORIGIN_TYPES = ["local", "nfs", "smb", "s3", "sftp"] as const;
/** Types a configuration may name. */
export type ConfiguredOriginType = (typeof ORIGIN_TYPES)[number];
/** `memory` exists for tests and the simulator only. */
export type OriginType = ConfiguredOriginType | "memory";

export interface OriginCapabilities {
  /** Names may be any bytes. False: names are UTF-8; what is not is reported and left out. */
  readonly byteNames: boolean;
  /** The coarsest step between two mtimes the origin can tell apart, in milliseconds. */
  readonly mtimePrecisionMs: number;
  /** How many operations at once serve it best; the limit wrapper's default. */
  readonly maxConcurrency: number;
  /**
   * True: two different byte sequences never share size and token. False: an edit in place that
   * keeps size and mtime goes unseen (docs/semantics.md names the class).
   */
  readonly strongTokens: boolean;
  /** Its files lie on a disk of this machine: reading them takes no network. */
  readonly onThisMachine: boolean;
  /** Whether reads tell of bytes as they come: see `ReadOptions.onProgress`. */
  readonly tellsProgress: boolean;
}

/** An opaque mark of one version's bytes on one origin; comparable by `===` only, with the size. */
export type VersionToken = string;

/** One sequence of bytes as an origin names it. */
export interface OriginVersion {
  readonly sizeBytes: number;
  readonly token: VersionToken;
}

export type FileKind = "file" | "directory";

/**
 * Attributes with symbolic links followed. Only regular files and directories exist here: FIFOs,
 * sockets, devices, links that dangle, loop or leave the root are never listed.
 */
export interface FileStat extends OriginVersion {
  readonly kind: FileKind;
  /** Modification time: whole seconds since the epoch (may be negative) and 0..999_999_999 ns. */
  readonly mtimeSec: number;
  readonly mtimeNsec: number;
  /** Permission bits only (07777). Origins without permissions answer 0644 or 0755. */
  readonly mode: number;
  /** Owner; -1 where the origin has none that means anything here. */
  readonly uid: number;
  readonly gid: number;
  /**
   * Of a directory: what identifies it (`dev:ino` locally, the resolved path over SFTP), so that a
   * walk notices a link to one of its own ancestors. Absent where links cannot exist.
   */
  readonly identity?: string;
  /** Of a directory: the device it lies on, where that means something; see *absence*. */
  readonly device?: number;
}

export interface DirEntry extends FileStat {
  readonly name: ByteName;
}

/** What a listing is known by once it has ended; the caller makes one for each. */
export interface ListingMemo {
  /**
   * Set before the first entries, by origins whose directories have a device: that of the directory
   * that is listed, to which its path may not lead any more.
   */
  device: number | undefined;
  /** Set by origins that have `marks`: as they would answer for this very listing. */
  mark: string | undefined;
}

/** A stretch of a directory's listing. */
export interface TreePage {
  readonly directory: BytePath;
  readonly entries: readonly DirEntry[];
  readonly first: boolean;
  readonly last: boolean;
}

export interface ReadOptions {
  /** Refuse with `version_changed` unless the bytes read are of this version. */
  readonly version?: OriginVersion;
  readonly signal?: AbortSignal;
  /** Nobody waits for it: where operations wait for their turn, it goes after those of others. */
  readonly background?: boolean;
  /**
   * Told when the read begins to wait for its turn or its share of bandwidth (true), and when that
   * ends (false): meanwhile nobody has asked the origin. Not called for one that need not wait.
   */
  readonly onWaiting?: (isWaiting: boolean) => void;
  /**
   * Told whenever bytes have come from an origin that `tellsProgress`, before the read is answered: its silence
   * means something even while a long read is under way.
   */
  readonly onProgress?: (() => void) | undefined;
}

/** A probe that fails throws; one that works may still say the origin is not at its best. */
export type ProbeResult =
  | { readonly status: "ok" }
  | { readonly status: "degraded"; readonly reason: string };

/** What a server stores or computes of all bytes of a file; lower-case hex. */
export type ContentProof =
  | { readonly kind: "md5" | "sha256"; readonly hex: string }
  /**
   * MD5 of the MD5s of parts, as objects uploaded in parts have it in their ETag. `partBytes` are
   * lengths that the parts may have, all but the last one of a file; only one of them is right.
   */
  | { readonly kind: "parts"; readonly hex: string; readonly partBytes: readonly number[] };

/**
 * What a watch reports: names or files in `directory` changed, or (`undefined`) anything may have. A
 * directory that is new, and each that came with it, is told too: nobody has listed it yet.
 */
export type ChangeListener = (directory: BytePath | undefined) => void;

/**
 * What a watch says of itself: that it hears of every change from now on, or no longer, and why. One
 * that ended for good is not worth asking for again soon.
 */
export type WatchState =
  | { readonly watching: true }
  | { readonly watching: false; readonly reason: string; readonly forGood: boolean };

export interface Origin {
  readonly id: OriginId;
  readonly type: OriginType;
  readonly capabilities: OriginCapabilities;

  /**
   * The entries of a directory in pages, in no particular order, without `.` and `..`; only names
   * for which `isValidName` holds, each once. A listing that ends without throwing is complete.
   * Entries that vanish while it runs may be left out. Leaving the loop early releases everything.
   */
  list(
    directory: BytePath,
    signal?: AbortSignal,
    memo?: ListingMemo,
  ): AsyncIterable<readonly DirEntry[]>;

  /**
   * Marks of directories' listings, in the order asked for and without listing anything: equal marks
   * mean equal entries. Undefined for a directory of which that cannot be told, or not cheaply. Ask
   * for MARKED_ENTRIES entries at most, as far as is known.
   */
  marks?(
    directories: readonly BytePath[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]>;

  /**
   * Every directory below the root, for storages that list all of their names in one go: steps of
   * pages. A directory's pages come after the page of its parent that shows it; after its last one
   * it is complete. What ends before the root's last page turned out not to be listed that way: then
   * directories are listed one by one. Else as `list`.
   */
  listTree?(signal?: AbortSignal): AsyncIterable<readonly TreePage[]>;

  stat(path: BytePath, signal?: AbortSignal): Promise<FileStat>;

  /**
   * Reads `into.byteLength` bytes at `offsetBytes` (at least 0) and answers how many were read:
   * fewer only at the end of the file, 0 at or past it. `into` is the caller's; its contents past
   * the answer, and all of it after an error, are undefined.
   */
  read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    options?: ReadOptions,
  ): Promise<number>;

  /** A cheap look at metadata: is the origin there? Throws when it is not. */
  probe(signal?: AbortSignal): Promise<ProbeResult>;

  /**
   * Tells of changes until disposed, from the state `watching` on, which takes as long as it takes
   * to see every directory. Having missed something is told as a change of everything. A watch that
   * is no longer `watching` tells nothing more.
   */
  watch?(onChange: ChangeListener, onState?: (state: WatchState) => void): Disposable;

  /**
   * What the server says of all bytes of this version, without sending them; undefined where it has
   * nothing to say. Rejects with `version_changed` when it holds another version.
   */
  proof?(
    path: BytePath,
    version: OriginVersion,
    signal?: AbortSignal,
  ): Promise<ContentProof | undefined>;

  /**
   * Lets go of connections that may lead nowhere any more (a suspend, another network). What is
   * under way rejects with `connection`; the next operation connects anew.
   */
  dropConnections?(): void;

  /** Releases connections, descriptors, processes. Pending operations reject. Idempotent. */
  close(): Promise<void>;
}
