/**
 * The system calls themselves: paths resolved beneath a root directory and nowhere else (openat2
 * with RESOLVE_BENEATH: a link with an absolute target counts as leading out), and what statx says
 * of what was opened. One block of memory is used for all calls: an answer is valid until the next.
 */

import { type ByteName, type BytePath, toBytes } from "../../bytes.ts";
import {
  AT_SYMLINK_NOFOLLOW,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  S_IFMT,
} from "../../sys/arch.ts";
import { EAGAIN, EINTR } from "../../sys/errno.ts";
import type { Syscalls } from "../../sys/libc.ts";
import { Memory } from "../../sys/memory.ts";
import { STATX_BASIC_STATS, STATX_BYTES, StatxView } from "../../sys/statx.ts";
import { type Dirent, eachDirent, readDirents } from "./dirents.ts";
import { check, DiskFailure } from "./failure.ts";
import type { DiskRoot } from "./root.ts";

const PATH_AT = 0;
/** PATH_MAX. */
const PATH_BYTES = 4096;
const HOW_AT = PATH_AT + PATH_BYTES;
const HOW_BYTES = 24;
const STAT_AT = HOW_AT + 64;
const DIRENTS_AT = STAT_AT + STATX_BYTES;
/** Room for LIST_PAGE_ENTRIES of short names, a hundred of the longest. */
const DIRENTS_BYTES = 32 * 1024;

/** Entries are looked at without making an automounter mount each of them (linux/fcntl.h). */
const AT_NO_AUTOMOUNT = 0x800;
/** Signals, and renames that race with `..`, make the kernel ask for another try. */
const MAX_TRIES = 32;

const DOT = 0x2e;

export class Beneath {
  /** What the latest `look` or `lookAt` found. */
  readonly stat: StatxView;
  readonly #memory = new Memory(DIRENTS_AT + DIRENTS_BYTES);

  constructor(
    readonly root: DiskRoot,
    readonly syscalls: Syscalls,
  ) {
    this.stat = new StatxView(this.#memory, STAT_AT);
    const { view } = this.#memory;
    view.setBigUint64(HOW_AT + 16, BigInt(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS), true);
  }

  /** Opens what `path` leads to. Answers a descriptor of the caller's, or a negative errno. */
  open(path: BytePath, flags: number): number {
    const root = this.root.fd;
    this.#setPath(path === "" ? ("." as BytePath) : path);
    this.#memory.view.setBigUint64(HOW_AT, BigInt(flags), true);
    const { address } = this.#memory;
    return this.#patiently(() =>
      this.syscalls.openat2(root, address + PATH_AT, address + HOW_AT, HOW_BYTES),
    );
  }

  /** Looks at what is open. */
  look(fd: number): void {
    check("statx", this.syscalls.fstatx(fd, STATX_BASIC_STATS, this.stat.address));
  }

  /** Looks at an entry of an open directory, a link not followed. Answers 0 or a negative errno. */
  lookAt(fd: number, name: ByteName): number {
    this.#setPath(name);
    const { address } = this.#memory;
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    return this.syscalls.statx(fd, address + PATH_AT, flags, STATX_BASIC_STATS, this.stat.address);
  }

  /** The file type (S_IF*) of what was looked at. */
  get type(): number {
    return this.stat.mode & S_IFMT;
  }

  /** The next entries of an open directory, `.` and `..` left out; undefined at its end. */
  entries(fd: number): Dirent[] | undefined {
    const address = this.#memory.address + DIRENTS_AT;
    const read = () => this.syscalls.getdents64(fd, address, DIRENTS_BYTES);
    const length = check("getdents64", this.#patiently(read));
    return length === 0 ? undefined : readDirents(this.#memory, DIRENTS_AT, length);
  }

  /**
   * As `entries`, without making anything of them: `visit` gets each name's bytes, valid until it
   * returns, and whether it looked at them is its own affair. False at the end.
   */
  eachEntry(fd: number, visit: (name: Uint8Array, address: number, type: number) => void): boolean {
    const { bytes, address } = this.#memory;
    const read = () => this.syscalls.getdents64(fd, address + DIRENTS_AT, DIRENTS_BYTES);
    const length = check("getdents64", this.#patiently(read));
    eachDirent(this.#memory, DIRENTS_AT, length, (from, to, type) => {
      const isDots =
        bytes[from] === DOT && to - from < 3 && (to - from === 1 || bytes[from + 1] === DOT);
      if (!isDots) visit(bytes.subarray(from, to), address + from, type);
    });
    return length > 0;
  }

  /** As `lookAt`, of the name that `eachEntry` gave the address of. */
  lookAtAddress(fd: number, name: number): number {
    const flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT;
    return this.syscalls.statx(fd, name, flags, STATX_BASIC_STATS, this.stat.address);
  }

  /** The `struct statx` of what was looked at. */
  get statBytes(): Uint8Array {
    return this.#memory.bytes.subarray(STAT_AT, STAT_AT + STATX_BYTES);
  }

  /** Reads until `lengthBytes` are there or the file ends; answers how many. */
  read(
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): number {
    let done = 0;
    while (done < lengthBytes) {
      const target = into.address + intoOffset + done;
      const read = this.#patiently(() =>
        this.syscalls.pread(fd, target, lengthBytes - done, offsetBytes + done),
      );
      if (check("read", read) === 0) break;
      done += read;
    }
    return done;
  }

  #setPath(path: BytePath | ByteName): void {
    const bytes = toBytes(path);
    if (bytes.byteLength >= PATH_BYTES) throw new DiskFailure("bad_name", "the path is too long");
    this.#memory.bytes.set(bytes, PATH_AT);
    this.#memory.bytes[PATH_AT + bytes.byteLength] = 0;
  }

  #patiently(call: () => number): number {
    let result = call();
    for (let tries = 1; tries < MAX_TRIES && (result === -EINTR || result === -EAGAIN); tries++) {
      result = call();
    }
    return result;
  }
}
