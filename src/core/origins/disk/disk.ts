/**
 * What an origin asks of one directory tree. Everything here blocks: a Disk lives in a reader
 * thread or in a guard process, never on the main thread of a mount.
 *
 * No path leads out of the root, nothing but regular files is read, and opening never waits for the
 * other end of a FIFO. Methods throw {@link DiskFailure}.
 */

import {
  type BytePath,
  displayPath,
  isValidName,
  isValidPath,
  joinPath,
  nameFromBytes,
  ROOT_PATH,
  toBytes,
} from "../../bytes.ts";
import { MARKED_ENTRIES } from "../../limits.ts";
import {
  arch,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
} from "../../sys/arch.ts";
import { EISDIR, ENODEV, ENOENT, ENXIO } from "../../sys/errno.ts";
import { libc, type Syscalls } from "../../sys/libc.ts";
import type { Memory } from "../../sys/memory.ts";
import type { StatxView } from "../../sys/statx.ts";
import type { DirEntry, FileStat, OriginVersion, ProbeResult } from "../origin.ts";
import { Beneath } from "./beneath.ts";
import { DIRENT, type Dirent } from "./dirents.ts";
import { check, DiskFailure, failureOf, isOwnTrouble } from "./failure.ts";
import { KeptFiles } from "./kept_files.ts";
import { ListingMark, NEW_MARK } from "./listing_mark.ts";
import { DiskRoot, type RootCheck } from "./root.ts";
import { localToken, weakToken } from "./token.ts";

export interface DiskOptions {
  /** `weak`: tokens without inode and ctime. Default `strong`. */
  readonly tokens?: "strong" | "weak";
  /** Files left open between reads. Default 0. */
  readonly keptFiles?: number;
  /** Looks at every root before it is served. Default: anything will do. */
  readonly rootCheck?: RootCheck;
  readonly syscalls?: Syscalls;
  /** Monotonic milliseconds. Default: the machine's clock. */
  readonly nowMs?: () => number;
}

/** A stretch of a listing. */
export interface DirectoryPage {
  readonly entries: readonly DirEntry[];
  /** True: the listing ends here. */
  readonly done: boolean;
  /** Of the listing up to here; with its last page, what `markDirectories` answers. */
  readonly mark?: string;
  /** An entry that could not be looked at: the listing goes on, but is not complete. */
  readonly failure?: DiskFailure;
}

/**
 * A directory to be listed. What a listing is known by travels with its requests, as each may be
 * served by another thread.
 */
export interface OpenedDirectory {
  /** A descriptor for `readDirectory`, which the caller closes with `closeDirectory`. */
  readonly fd: number;
  /** Of the opened directory itself, whatever its path leads to meanwhile. */
  readonly device: number;
}

/** A record of getdents64, where it lies. */
interface RawEntry {
  readonly name: Uint8Array;
  readonly address: number;
  readonly type: number;
}

const FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
const DIRECTORY_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | arch.O_DIRECTORY;
const LOOK_FLAGS = O_PATH | O_CLOEXEC;

const PERMISSIONS = 0o7777;

export class Disk implements Disposable {
  readonly #sys: Syscalls;
  readonly #root: DiskRoot;
  readonly #beneath: Beneath;
  readonly #kept: KeptFiles;
  readonly #tokens: "strong" | "weak";
  readonly #tokenOf: (stat: StatxView) => string;
  readonly #mark = new ListingMark();

  /** Opens nothing yet: a disk may be away when its origin is made. */
  constructor(
    readonly rootPath: string,
    options: DiskOptions = {},
  ) {
    this.#sys = options.syscalls ?? libc();
    const nowMs = options.nowMs ?? (() => performance.now());
    this.#root = new DiskRoot(rootPath, this.#sys, nowMs, options.rootCheck);
    this.#beneath = new Beneath(this.#root, this.#sys);
    this.#kept = new KeptFiles(this.#sys, options.keptFiles ?? 0);
    this.#tokens = options.tokens ?? "strong";
    this.#tokenOf = this.#tokens === "weak" ? weakToken : localToken;
  }

  openDirectory(path: BytePath): OpenedDirectory {
    // A directory that was removed opens as itself: only its listing would fail.
    if (path === ROOT_PATH) this.#goByPath();
    const fd = this.#reopening(() => check("open", this.#beneath.open(path, DIRECTORY_FLAGS)));
    try {
      this.#beneath.look(fd);
      return { fd, device: this.#beneath.stat.device };
    } catch (error) {
      this.#sys.close(fd);
      throw error;
    }
  }

  /**
   * Marks of directories' listings, without the listings. Undefined for one that cannot be looked at
   * in full, and for what would go beyond MARKED_ENTRIES entries.
   */
  markDirectories(paths: readonly BytePath[]): readonly (string | undefined)[] {
    let left = MARKED_ENTRIES;
    return paths.map((path) => {
      if (left <= 0 || !isValidPath(path)) return undefined;
      try {
        return this.#markDirectory(path, () => left-- > 0);
      } catch (error) {
        // Listing it tells what is wrong, if something is.
        if (error instanceof DiskFailure) return undefined;
        throw error;
      }
    });
  }

  /**
   * The next entries of `directory`, whose descriptor is `fd`. `mark` is that of the page before, or
   * NEW_MARK; without one, the listing will not be known by a mark.
   */
  readDirectory(fd: number, directory: BytePath, mark?: string): DirectoryPage {
    const dirents = this.#beneath.entries(fd);
    if (dirents === undefined) return { entries: [], done: true, ...(mark && { mark }) };
    const entries: DirEntry[] = [];
    const next = this.#mark.begin(mark);
    let failure: DiskFailure | undefined;
    for (const dirent of dirents) {
      try {
        const stat = this.#entryStat(fd, directory, dirent);
        next.add(toBytes(dirent.name), stat && this.#beneath.statBytes, this.#tokens);
        if (stat !== undefined) entries.push({ name: dirent.name, ...stat });
      } catch (error) {
        if (!(error instanceof DiskFailure) || error.code === "device_gone") throw error;
        const message = `${displayPath(dirent.name)}: ${error.message}`;
        failure ??= new DiskFailure(error.code, message, error.errno);
      }
    }
    if (failure !== undefined) return { entries, done: false, failure };
    return { entries, done: false, ...(mark && { mark: next.end() }) };
  }

  closeDirectory(fd: number): void {
    this.#sys.close(fd);
  }

  stat(path: BytePath): FileStat {
    return this.#reopening(() => {
      const fd = check("open", this.#beneath.open(path, LOOK_FLAGS));
      try {
        this.#beneath.look(fd);
        const stat = this.#servable();
        if (stat === undefined) throw notAFile();
        return stat;
      } finally {
        this.#sys.close(fd);
      }
    });
  }

  /**
   * Reads up to `lengthBytes` into `into` from `intoOffset` on; fewer only at the end of the file.
   * With `version`, the bytes are of that version or the read fails with `version_changed`.
   */
  read(
    path: BytePath,
    offsetBytes: number,
    lengthBytes: number,
    version: OriginVersion | undefined,
    into: Memory,
    intoOffset: number,
  ): number {
    return this.#reopening(() => {
      const key = version && `${version.sizeBytes} ${version.token} ${path}`;
      const kept = key === undefined ? undefined : this.#kept.take(key);
      const fd = kept ?? this.#openFile(path);
      let keep = false;
      try {
        this.#checkVersion(fd, version);
        const read = this.#beneath.read(fd, offsetBytes, lengthBytes, into, intoOffset);
        this.#checkVersion(fd, version);
        if (read < Math.min(lengthBytes, this.#beneath.stat.sizeBytes - offsetBytes)) {
          throw new DiskFailure("short_read", "the file ended before its size");
        }
        keep = this.#kept.limit > 0;
        return read;
      } finally {
        if (key !== undefined && keep) this.#kept.keep(key, fd);
        else this.#sys.close(fd);
      }
    });
  }

  /** Goes by the root's path again and reads one stretch of its entries. */
  probe(): ProbeResult {
    try {
      const replaced = this.#goByPath();
      const { fd } = this.openDirectory(ROOT_PATH);
      try {
        this.#beneath.entries(fd);
      } finally {
        this.closeDirectory(fd);
      }
      if (!replaced) return { status: "ok" };
      const reason = "its path leads to another directory than before; scan it";
      return { status: "degraded", reason };
    } catch (error) {
      if (!(error instanceof DiskFailure) || !isOwnTrouble(error.errno)) throw error;
      return { status: "degraded", reason: error.message };
    }
  }

  /** Closes what is kept open while the disk is not used; the next call opens it again. */
  rest(): void {
    this.#kept.closeAll();
    this.#root.rest();
  }

  /** As `rest`, and whatever its path leads to then is the disk: it may be unmounted meanwhile. */
  release(): void {
    this.#kept.closeAll();
    this.#root.close();
  }

  [Symbol.dispose](): void {
    this.release();
  }

  /**
   * A file system that was mounted anew answers on the descriptors that are opened anew. And what is
   * not below a root that has given its place to another may well be below that one.
   */
  #reopening<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      if (!(error instanceof DiskFailure)) throw error;
      if (error.code === "device_gone") this.release();
      else if (error.code !== "not_found" || !this.#goByPath()) throw error;
      return operation();
    }
  }

  /** True when the root's path leads to another directory than before; throws when to none. */
  #goByPath(): boolean {
    const replaced = this.#root.refresh();
    if (replaced) this.#kept.closeAll();
    return replaced;
  }

  #openFile(path: BytePath): number {
    const fd = this.#beneath.open(path, FILE_FLAGS);
    if (fd >= 0) return fd;
    // Opening a socket, or a device without a driver, fails as on a lost disk.
    if (fd === -ENXIO || fd === -ENODEV) this.stat(path);
    throw failureOf("open", fd);
  }

  /** Looks at an open file: is it one, and of that version? */
  #checkVersion(fd: number, version: OriginVersion | undefined): void {
    this.#beneath.look(fd);
    const { stat, type } = this.#beneath;
    if (type === S_IFDIR) throw failureOf("read", EISDIR);
    if (type !== S_IFREG) throw notAFile();
    if (version === undefined) return;
    if (version.sizeBytes !== stat.sizeBytes || version.token !== this.#tokenOf(stat)) {
      throw new DiskFailure("version_changed", "the file is another version than was asked for");
    }
  }

  /** Undefined when `next`, asked before each entry, says that it is enough. */
  #markDirectory(path: BytePath, next: () => boolean): string | undefined {
    const fd = this.#reopening(() => check("open", this.#beneath.open(path, DIRECTORY_FLAGS)));
    try {
      let mark = NEW_MARK;
      let told = true;
      const add = (name: Uint8Array, address: number, type: number) => {
        told &&= next() && this.#markEntry(this.#mark, fd, path, { name, address, type });
      };
      for (let more = true; more && told; mark = this.#mark.end()) {
        this.#mark.begin(mark);
        more = this.#beneath.eachEntry(fd, add);
      }
      return told ? mark : undefined;
    } finally {
      this.#sys.close(fd);
    }
  }

  /** False for an entry that cannot be looked at. */
  #markEntry(mark: ListingMark, fd: number, directory: BytePath, entry: RawEntry): boolean {
    const { name, address, type } = entry;
    if (type === DIRENT.file || type === DIRENT.directory) {
      const result = this.#beneath.lookAtAddress(fd, address);
      if (result < 0 && result !== -ENOENT) return false;
      mark.add(name, result < 0 ? undefined : this.#beneath.statBytes, this.#tokens);
      return true;
    }
    const kept = nameFromBytes(name);
    if (!isValidName(kept)) return false;
    try {
      const stat = this.#entryStat(fd, directory, { name: kept, type });
      mark.add(toBytes(kept), stat && this.#beneath.statBytes, this.#tokens);
      return true;
    } catch (error) {
      if (error instanceof DiskFailure) return false;
      throw error;
    }
  }

  /** Undefined for what is not listed: FIFOs, sockets, devices, links that lead nowhere. */
  #entryStat(fd: number, directory: BytePath, { name, type }: Dirent): FileStat | undefined {
    switch (type) {
      case DIRENT.file:
      case DIRENT.directory:
      case DIRENT.unknown: {
        const result = this.#beneath.lookAt(fd, name);
        if (result === -ENOENT) return undefined;
        check("statx", result);
        if (this.#beneath.type !== S_IFLNK) return this.#servable();
        return this.#linkStat(joinPath(directory, name));
      }
      case DIRENT.link:
        return this.#linkStat(joinPath(directory, name));
      default:
        return undefined;
    }
  }

  #linkStat(path: BytePath): FileStat | undefined {
    try {
      return this.stat(path);
    } catch (error) {
      if (error instanceof DiskFailure && LEADS_NOWHERE.has(error.code)) return undefined;
      throw error;
    }
  }

  /** What was looked at, unless it is nothing that an origin serves. */
  #servable(): FileStat | undefined {
    const { stat, type } = this.#beneath;
    if (type !== S_IFREG && type !== S_IFDIR) return undefined;
    const common = {
      token: this.#tokenOf(stat),
      mtimeSec: stat.mtimeSec,
      mtimeNsec: stat.mtimeNsec,
      mode: stat.mode & PERMISSIONS,
      uid: stat.uid,
      gid: stat.gid,
    };
    if (type === S_IFREG) return { kind: "file", sizeBytes: stat.sizeBytes, ...common };
    const { device, inode } = stat;
    return { kind: "directory", sizeBytes: 0, ...common, identity: `${device}:${inode}`, device };
  }
}

/** Why a symbolic link is not listed. Other failures say nothing about where it leads. */
const LEADS_NOWHERE: ReadonlySet<string> = new Set([
  "not_found",
  "not_a_directory",
  "not_a_file",
  "symlink_loop",
  "outside_root",
  "denied",
  "bad_name",
]);

function notAFile(): DiskFailure {
  return new DiskFailure("not_a_file", "neither a regular file nor a directory");
}
