/**
 * The system calls under one root directory. Everything here blocks: a Disk lives in a reader
 * thread or in a guard process, never on the main thread of a mount.
 *
 * No path leads out of the root (openat2 with RESOLVE_BENEATH: a link with an absolute target
 * counts as leading out), nothing but regular files is read, and opening never waits for the other
 * end of a FIFO. Methods throw {@link DiskFailure}.
 */

import { type BytePath, displayPath, joinPath, toBytes } from "../../bytes.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  arch,
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from "../../sys/arch.ts";
import { EAGAIN, EINTR, EISDIR, ENODEV, ENOENT, ENXIO } from "../../sys/errno.ts";
import { libc, type Syscalls } from "../../sys/libc.ts";
import { Memory } from "../../sys/memory.ts";
import { STATX_BASIC_STATS, STATX_BYTES, StatxView } from "../../sys/statx.ts";
import type { DirEntry, FileStat, OriginVersion, ProbeResult } from "../origin.ts";
import { DIRENT, type Dirent, readDirents } from "./dirents.ts";
import { check, DiskFailure, failureOf, isOwnTrouble } from "./failure.ts";
import { KeptFiles } from "./kept_files.ts";
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
  /** An entry that could not be looked at: the listing goes on, but is not complete. */
  readonly failure?: DiskFailure;
}

const PATH_AT = 0;
const PATH_BYTES = 4096;
const HOW_AT = PATH_AT + PATH_BYTES;
const HOW_BYTES = 24;
const STAT_AT = HOW_AT + 64;
const DIRENTS_AT = STAT_AT + STATX_BYTES;
/** Room for LIST_PAGE_ENTRIES of short names, 100 of the longest. */
const DIRENTS_BYTES = 32 * 1024;

const FILE_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
const DIRECTORY_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | arch.O_DIRECTORY;
const LOOK_FLAGS = O_PATH | O_CLOEXEC;

/** Entries are looked at without making an automounter mount each of them (linux/fcntl.h). */
const AT_NO_AUTOMOUNT = 0x800;
/** Signals and renames that race with `..` make the kernel ask for another try. */
const MAX_TRIES = 32;
const PERMISSIONS = 0o7777;

export class Disk implements Disposable {
  readonly #sys: Syscalls;
  readonly #root: DiskRoot;
  readonly #kept: KeptFiles;
  readonly #memory = new Memory(DIRENTS_AT + DIRENTS_BYTES);
  readonly #stat = new StatxView(this.#memory, STAT_AT);
  readonly #tokenOf: (stat: StatxView) => string;

  /** Opens nothing yet: a disk may be away when its origin is made. */
  constructor(
    readonly rootPath: string,
    options: DiskOptions = {},
  ) {
    this.#sys = options.syscalls ?? libc();
    const nowMs = options.nowMs ?? (() => performance.now());
    this.#root = new DiskRoot(rootPath, this.#sys, nowMs, options.rootCheck);
    this.#kept = new KeptFiles(this.#sys, options.keptFiles ?? 0);
    this.#tokenOf = options.tokens === "weak" ? weakToken : localToken;
  }

  /** Answers a descriptor for `readDirectory`, which the caller closes with `closeDirectory`. */
  openDirectory(path: BytePath): number {
    return this.#reopening(() => check("open", this.#open(path, DIRECTORY_FLAGS)));
  }

  /** The next entries of `directory`, whose descriptor is `fd`. */
  readDirectory(fd: number, directory: BytePath): DirectoryPage {
    const address = this.#memory.address + DIRENTS_AT;
    const length = check(
      "getdents64",
      this.#patiently(() => this.#sys.getdents64(fd, address, DIRENTS_BYTES)),
    );
    const entries: DirEntry[] = [];
    let failure: DiskFailure | undefined;
    for (const dirent of readDirents(this.#memory, DIRENTS_AT, length)) {
      try {
        const stat = this.#entryStat(fd, directory, dirent);
        if (stat !== undefined) entries.push({ name: dirent.name, ...stat });
      } catch (error) {
        if (!(error instanceof DiskFailure) || error.code === "device_gone") throw error;
        failure ??= new DiskFailure(
          error.code,
          `${displayPath(dirent.name)}: ${error.message}`,
          error.errno,
        );
      }
    }
    return { entries, done: length === 0, ...(failure && { failure }) };
  }

  closeDirectory(fd: number): void {
    this.#sys.close(fd);
  }

  stat(path: BytePath): FileStat {
    return this.#reopening(() => {
      const fd = check("open", this.#open(path, LOOK_FLAGS));
      try {
        check("statx", this.#sys.fstatx(fd, STATX_BASIC_STATS, this.#stat.address));
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
        const read = this.#readFully(fd, offsetBytes, lengthBytes, into, intoOffset);
        this.#checkVersion(fd, version);
        if (read < Math.min(lengthBytes, this.#stat.sizeBytes - offsetBytes)) {
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
      const replaced = this.#root.refresh();
      const fd = this.openDirectory("" as BytePath);
      try {
        const address = this.#memory.address + DIRENTS_AT;
        check("getdents64", this.#sys.getdents64(fd, address, DIRENTS_BYTES));
      } finally {
        this.#sys.close(fd);
      }
      if (!replaced) return { status: "ok" };
      this.#kept.closeAll();
      return {
        status: "degraded",
        reason: "its path leads to another directory than before; scan it",
      };
    } catch (error) {
      if (!(error instanceof DiskFailure) || !isOwnTrouble(error.errno)) throw error;
      return { status: "degraded", reason: error.message };
    }
  }

  /** Closes what is kept open, so that the disk can be unmounted; the next call opens it again. */
  release(): void {
    this.#kept.closeAll();
    this.#root.close();
  }

  close(): void {
    this.release();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** A file system that was mounted anew answers on the descriptors that are opened anew. */
  #reopening<T>(operation: () => T): T {
    try {
      return operation();
    } catch (error) {
      if (!(error instanceof DiskFailure) || error.code !== "device_gone") throw error;
      this.release();
      return operation();
    }
  }

  #open(path: BytePath, flags: number): number {
    const root = this.#root.fd;
    const bytes = toBytes(path === "" ? ("." as BytePath) : path);
    if (bytes.byteLength >= PATH_BYTES) throw new DiskFailure("bad_name", "the path is too long");
    const { bytes: memory, view, address } = this.#memory;
    memory.set(bytes, PATH_AT);
    memory[PATH_AT + bytes.byteLength] = 0;
    view.setBigUint64(HOW_AT, BigInt(flags), true);
    view.setBigUint64(HOW_AT + 8, 0n, true);
    view.setBigUint64(HOW_AT + 16, BigInt(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), true);
    return this.#patiently(() =>
      this.#sys.openat2(root, address + PATH_AT, address + HOW_AT, HOW_BYTES),
    );
  }

  #openFile(path: BytePath): number {
    const fd = this.#open(path, FILE_FLAGS);
    if (fd >= 0) return fd;
    // Opening a socket or a device without a driver fails as a lost disk does.
    if (fd === -ENXIO || fd === -ENODEV) this.stat(path);
    throw failureOf("open", fd);
  }

  /** Leaves what fstat says in `#stat`. */
  #checkVersion(fd: number, version: OriginVersion | undefined): void {
    check("statx", this.#sys.fstatx(fd, STATX_BASIC_STATS, this.#stat.address));
    const type = this.#stat.mode & S_IFMT;
    if (type === S_IFDIR) throw failureOf("read", EISDIR);
    if (type !== S_IFREG) throw notAFile();
    if (version === undefined) return;
    if (version.sizeBytes !== this.#stat.sizeBytes || version.token !== this.#tokenOf(this.#stat)) {
      throw new DiskFailure("version_changed", "the file is another version than was asked for");
    }
  }

  #readFully(fd: number, offset: number, length: number, into: Memory, intoOffset: number): number {
    let done = 0;
    while (done < length) {
      const target = into.address + intoOffset + done;
      const read = this.#patiently(() => this.#sys.pread(fd, target, length - done, offset + done));
      if (check("read", read) === 0) break;
      done += read;
    }
    return done;
  }

  /** Undefined for what is not listed: FIFOs, sockets, devices, links that lead nowhere. */
  #entryStat(fd: number, directory: BytePath, { name, type }: Dirent): FileStat | undefined {
    const known = type === DIRENT.file || type === DIRENT.directory;
    if (known || type === DIRENT.unknown) {
      const { bytes, address } = this.#memory;
      bytes.set(toBytes(name), PATH_AT);
      bytes[PATH_AT + name.length] = 0;
      const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
      const result = this.#sys.statx(
        fd,
        address + PATH_AT,
        flags,
        STATX_BASIC_STATS,
        this.#stat.address,
      );
      if (result === -ENOENT) return undefined;
      check("statx", result);
      if ((this.#stat.mode & S_IFMT) !== S_IFLNK) return this.#servable();
    } else if (type !== DIRENT.link) return undefined;
    return this.#linkStat(joinPath(directory, name));
  }

  #linkStat(path: BytePath): FileStat | undefined {
    try {
      return this.stat(path);
    } catch (error) {
      if (error instanceof DiskFailure && LEADS_NOWHERE.has(error.code)) return undefined;
      throw error;
    }
  }

  /** What `#stat` holds, unless it is nothing that an origin serves. */
  #servable(): FileStat | undefined {
    const stat = this.#stat;
    const type = stat.mode & S_IFMT;
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

  #patiently(call: () => number): number {
    let result = call();
    for (let tries = 1; tries < MAX_TRIES && (result === -EINTR || result === -EAGAIN); tries++) {
      result = call();
    }
    return result;
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
