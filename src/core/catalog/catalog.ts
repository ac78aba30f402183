/**
 * The catalog: what the origins hold and the tree that follows from it, in SQLite.
 *
 * One writer (`CatalogWriter`, on the store thread), any number of readers (`CatalogReader`, each
 * with a read-only connection of its own and no transaction held open between calls).
 *
 * - An *entry* is a path of the tree, a directory or a file. Its id is never reused: it is the
 *   path's `st_ino` and the cookie of READDIR. The root is entry 1.
 * - A *replica* is what one origin holds at an entry.
 * - A *version* is one sequence of bytes of a file. Its id is never reused: the file's nodeid comes
 *   from it. Replicas proved equal share one version; others have their own.
 * - An entry's *visible* version is that of the replica on the enabled origin of best priority,
 *   whatever the origin's health.
 * - A directory and a file of one name are two entries; the best priority decides which is shown.
 */

import type { ByteName, BytePath } from "../bytes.ts";
import type { MusicFsEvent } from "../events.ts";
import type { DirEntry, FileStat, OriginId, OriginVersion } from "../origins/origin.ts";

export const ROOT_ENTRY = 1;

/** What the catalog must know of a configured origin. */
export interface CatalogOrigin {
  readonly id: OriginId;
  /** 0..255, lower is preferred; equal ones are settled by the order in the configuration. */
  readonly priority: number;
  readonly enabled: boolean;
  /** Where the origin's root appears in the tree. */
  readonly prefix: BytePath;
}

/** One row of the tree as the kernel sees it. Readers reuse one object: copy what is kept. */
export interface TreeNode {
  entry: number;
  parent: number;
  isDirectory: boolean;
  /** Visible version of a file, 0 of a directory. */
  version: number;
  sizeBytes: number;
  mtimeSec: number;
  mtimeNsec: number;
  /** Permission bits as the origin gives them, without type. */
  mode: number;
  /** -1: the origin has no owner that means anything here. */
  uid: number;
  gid: number;
}

/** How a replica relates to a given version of its file (docs/semantics.md). */
export type ReplicaMatch =
  /** It is of this version: the same replica, or proved equal by size and whole-file hash. */
  | "proved"
  /** Equal size and equal fingerprint. */
  | "probable"
  /** Equal size, nothing compared yet. */
  | "unverified"
  /** Known to differ, by size, fingerprint or an earlier mismatch. */
  | "different";

export interface Replica {
  readonly origin: OriginId;
  /** The path on the origin, i.e. without the origin's prefix. */
  readonly path: BytePath;
  readonly entry: number;
  /** The replica's own version in the catalog, and as the origin names it. */
  readonly version: number;
  readonly originVersion: OriginVersion;
  readonly match: ReplicaMatch;
}

/** All that opening a version of a file asks the catalog for. */
export interface KnownFile {
  readonly version: number;
  readonly entry: number;
  /** 0 when the entry is gone. */
  readonly parent: number;
  readonly sizeBytes: number;
  /** As of `CatalogReader.replicas`. */
  readonly replicas: readonly Replica[];
}

/** What the kernel must forget after a change, and what listeners are told. */
export interface CatalogChanges {
  /** Directory entries that were added, removed, or lead to another node now. */
  readonly names: readonly { readonly parent: number; readonly name: ByteName }[];
  /** Directories whose contents or mtime changed. */
  readonly directories: readonly number[];
  readonly events: readonly MusicFsEvent[];
  /** A listing lacked so much of this origin that only a scan may decide what goes, and tell of it. */
  readonly needsScan?: OriginId;
}

export interface BegunScan {
  /** Files that the origin has as its scan begins. */
  readonly knownFiles: number;
}

export type ScanOutcome = "complete" | "partial" | "held";

export interface ScanReport {
  readonly outcome: ScanOutcome;
  readonly directories: number;
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
  readonly modified: number;
  readonly removed: number;
  /** Removals not carried out: `held` and `partial` keep what was not seen. */
  readonly kept: number;
  /** Why removals were held: says what was seen and what to do. */
  readonly reason?: string;
  readonly changes: CatalogChanges;
}

/**
 * Every write. The in-process and the store-thread version have this one asynchronous face. Each
 * call is one transaction; it rejects with OwnError `catalog` and then has changed nothing.
 */
export interface CatalogWriter {
  /**
   * Makes the catalog's origins exactly these, in this order. Replicas of origins not named go;
   * priorities, prefixes and enabling take effect on the visible tree.
   */
  configureOrigins(origins: readonly CatalogOrigin[]): Promise<CatalogChanges>;

  /** Starts a scan of an origin; a scan of it that was never finished is forgotten. */
  beginScan(origin: OriginId): Promise<BegunScan>;

  /**
   * One page of a directory's listing. The first page of a directory has `first`, the last (maybe
   * empty) has `last`. New and changed entries are visible at once; what a completed listing did
   * not show is removed only by `finishScan`, or at once when no scan of the origin runs (a listing
   * on demand), with the same holds.
   */
  applyListing(page: ListingPage): Promise<CatalogChanges>;

  /**
   * What the last complete listings of directories brought, where that is exactly what is held there.
   * Reads only.
   */
  knownListings(
    origin: OriginId,
    directories: readonly BytePath[],
  ): Promise<readonly (KnownListing | undefined)[]>;

  /**
   * Directories were looked at in a scan and would list what their marks stand for: as listings that
   * show nothing new. False for one where that is not what is held, or no scan runs; then nothing
   * was done.
   */
  confirmListings(
    origin: OriginId,
    confirmations: readonly Confirmation[],
  ): Promise<readonly boolean[]>;

  /**
   * Ends a scan. `complete`: every directory was listed. Removes what the origin's successful
   * listings no longer showed, unless (and without `allowEmpty`) the root became empty, more than
   * half of the files went, or a mount point in it vanished: then nothing is removed and the
   * outcome is `held`. With `complete` false only directories listed successfully lose entries.
   */
  finishScan(
    origin: OriginId,
    options: { readonly complete: boolean; readonly allowEmpty: boolean },
  ): Promise<ScanReport>;

  /**
   * Ends a scan without a result: nothing is removed, and listings on demand remove again. Does
   * nothing when no scan of the origin runs.
   */
  abandonScan(origin: OriginId): Promise<void>;

  /**
   * A directory was shown to someone while listings of it were missing: its mtime moves now and
   * with whatever they bring, so that scanners look again.
   */
  noteIncomplete(directory: number): Promise<CatalogChanges>;

  /** One file was looked at: its attributes and version are now these. */
  applyStat(origin: OriginId, path: BytePath, stat: FileStat): Promise<CatalogChanges>;

  /** The sampled fingerprint of a version (see limits.ts), as lower-case hex. */
  setFingerprint(version: number, fingerprint: string): Promise<CatalogChanges>;

  /**
   * The whole-file SHA-256 of a version, lower-case hex. Versions of the entry with equal size and
   * hash become one: the visible one's id stays.
   */
  setSha256(version: number, sha256: string): Promise<CatalogChanges>;

  /** All bytes of a version were read, and this is what they are. As `setSha256` with its hash. */
  setContent(version: number, content: VersionContent): Promise<CatalogChanges>;

  /** Two versions of one entry were compared and differ: `match` is `different` from now on. */
  setDifferent(version: number, other: number): Promise<void>;

  /**
   * `on_mismatch = "serve"`: LOOKUP of the entry leads to `version` until cleared with undefined.
   * Not kept across restarts.
   */
  setServedVersion(entry: number, version: number | undefined): Promise<CatalogChanges>;

  /** Checkpoints, keeps the good copy if a scan was completed since, closes. Idempotent. */
  close(): Promise<void>;
}

/** See `Origin.list` for marks. */
export interface KnownListing extends ListedFiles {
  readonly mark: string;
  readonly directories: readonly DirEntry[];
}

export interface Confirmation {
  readonly directory: BytePath;
  readonly mark: string;
  /** Attributes of the directory itself. */
  readonly stat: FileStat;
}

/** The files directly in a directory. */
export interface ListedFiles {
  readonly files: number;
  readonly bytes: number;
}

/** What a version's bytes are, as a whole and in chunks. */
export interface VersionContent {
  /** Of the whole, lower-case hex. */
  readonly md5: string;
  readonly sha256: string;
  /** As `encodeManifest` writes it. */
  readonly manifest: Uint8Array;
}

export interface ListingPage {
  readonly origin: OriginId;
  /** Path on the origin. */
  readonly directory: BytePath;
  readonly entries: readonly DirEntry[];
  readonly first: boolean;
  readonly last: boolean;
  /** Attributes of the directory itself, with the first page. */
  readonly stat?: FileStat;
  /** Of the whole listing, with the last page: what is known of it from now on. */
  readonly mark?: string | undefined;
  /** Tells listings of one directory apart that run at once. Default 0. */
  readonly listing?: number;
}

/** Reads; synchronous, microseconds. Every method sees the newest committed state. */
export interface CatalogReader {
  /** The visible entry of that name; false when there is none. Fills `out`. */
  lookup(parent: number, name: Uint8Array, out: TreeNode): boolean;
  /** A directory by its entry; false when it is gone. */
  directory(entry: number, out: TreeNode): boolean;
  /** A file version, visible or not, with its entry and attributes; false when unknown. */
  version(version: number, out: TreeNode): boolean;
  /**
   * Visible entries of a directory with ids after `afterEntry`, ascending. `visit` gets a name that
   * is valid until it returns and answers false to stop.
   */
  list(
    directory: number,
    afterEntry: number,
    out: TreeNode,
    visit: (name: Uint8Array) => boolean,
  ): void;
  /** Enabled origins that hold this directory but whose listing of it was never completed. */
  unlisted(directory: number): readonly { readonly origin: OriginId; readonly path: BytePath }[];
  /** Replicas of the version's file on enabled origins, by priority, with their relation to it. */
  replicas(version: number): readonly Replica[];
  /** The version's file with its replicas; undefined when the version is unknown. */
  knownFile(version: number): KnownFile | undefined;
  /**
   * Up to `limit` visible files of a directory with ids after `afterEntry`, ascending; those that no
   * enabled origin holds are left out.
   */
  filesAfter(directory: number, afterEntry: number, limit: number): readonly KnownFile[];
  /** What the version consists of, if all of its bytes were read. */
  content(version: number): VersionContent | undefined;
  /** The tree path of an entry; undefined when it is gone. */
  pathOf(entry: number): BytePath | undefined;
  /** When the listing of every directory of the origin was last completed, ms; 0 for never. */
  lastCompleteScanMs(origin: OriginId): number;
  totals(): { readonly files: number; readonly directories: number; readonly bytes: number };
  /** Files whose visible version has no second proved replica. */
  filesWithoutProvedReplica(): number;
  close(): void;
}
