/**
 * Reads of local disks without leaving the FUSE thread, for as long as nothing has to wait: paths
 * are opened only if their directories are in the kernel's cache (RESOLVE_CACHED), bytes are read
 * only if they are in the page cache (RWF_NOWAIT). What would wait is somebody else's.
 */

import { localToken } from "../origins/disk/token.ts";
import type { OriginVersion } from "../origins/origin.ts";
import {
  O_CLOEXEC,
  O_NOCTTY,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_CACHED,
  RESOLVE_NO_MAGICLINKS,
  RWF_NOWAIT,
  S_IFMT,
  S_IFREG,
} from "../sys/arch.ts";
import { EAGAIN, EBADF, EISDIR } from "../sys/errno.ts";
import type { Syscalls } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { STATX_BASIC_STATS, STATX_BYTES, StatxView } from "../sys/statx.ts";
import type { HandleTable } from "./handles.ts";

/** The file is there and is not the version asked for. */
export const CHANGED = -0x10001;
/** Nothing is wrong, but going on might wait. */
export const WOULD_WAIT = -0x10002;

const OPEN_FLAGS = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY;
const PATH_BYTES = 4096;
/** struct open_how: u64 flags, mode, resolve. struct iovec: u64 base, length. */
const HOW_BYTES = 24;
const HOW = PATH_BYTES;
const IOV = HOW + 32;
const STAT = IOV + 32;

export class LocalFiles {
  readonly #memory = new Memory(STAT + STATX_BYTES);
  readonly #stat = new StatxView(this.#memory, STAT);

  constructor(
    readonly syscalls: Syscalls,
    readonly handles: HandleTable,
  ) {
    this.#memory.view.setBigUint64(HOW, BigInt(OPEN_FLAGS), true);
  }

  /**
   * Opens `path` below `rootFd` and binds it to handle `fh` if it is `expected`. `cachedOnly`:
   * WOULD_WAIT instead of reading directories from the disk. Answers the descriptor, CHANGED,
   * WOULD_WAIT or a negative errno.
   */
  open(
    fh: number,
    origin: number,
    rootFd: number,
    path: Uint8Array,
    expected: OriginVersion,
    epoch: number,
    cachedOnly: boolean,
  ): number {
    const fd = this.#openBeneath(rootFd, path, cachedOnly);
    if (fd < 0) return fd;
    const failed = this.syscalls.fstatx(fd, STATX_BASIC_STATS, this.#stat.address);
    if (failed < 0 || (this.#stat.mode & S_IFMT) !== S_IFREG) {
      this.syscalls.close(fd);
      return failed < 0 ? failed : -EISDIR;
    }
    if (this.#stat.sizeBytes !== expected.sizeBytes || localToken(this.#stat) !== expected.token) {
      this.syscalls.close(fd);
      return CHANGED;
    }
    this.handles.bind(fh, fd, origin, epoch, this.#stat);
    return fd;
  }

  /** Opens `path` below `rootFd`, whatever it is. Answers a descriptor or a negative errno. */
  openToFetch(rootFd: number, path: Uint8Array): number {
    return this.#openBeneath(rootFd, path, false);
  }

  /**
   * Reads what the page cache holds into `into`. Answers `lengthBytes`, WOULD_WAIT when not all of
   * it is there, CHANGED when the file is no longer what was opened, or a negative errno.
   */
  readCached(
    fh: number,
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): number {
    const { view } = this.#memory;
    const target = into.address + intoOffset;
    view.setUint32(IOV, target % 0x1_0000_0000, true);
    view.setUint32(IOV + 4, Math.floor(target / 0x1_0000_0000), true);
    view.setUint32(IOV + 8, lengthBytes, true);
    const iov = this.#memory.address + IOV;
    const read = this.syscalls.preadv2(fd, iov, 1, offsetBytes, RWF_NOWAIT);
    if (read === lengthBytes) return this.#verified(fh, fd, read);
    // A partial answer, EAGAIN and a file system without NOWAIT all mean that the disk is needed;
    // what is really wrong shows again there.
    return read === -EBADF ? read : WOULD_WAIT;
  }

  /** As `readCached`, but waits for the disk. A short answer is CHANGED: the size is known. */
  read(
    fh: number,
    fd: number,
    offsetBytes: number,
    lengthBytes: number,
    into: Memory,
    intoOffset: number,
  ): number {
    let done = 0;
    while (done < lengthBytes) {
      const read = this.syscalls.pread(
        fd,
        into.address + intoOffset + done,
        lengthBytes - done,
        offsetBytes + done,
      );
      if (read < 0) return read;
      if (read === 0) return CHANGED;
      done += read;
    }
    return this.#verified(fh, fd, done);
  }

  #openBeneath(rootFd: number, path: Uint8Array, cachedOnly: boolean): number {
    if (path.byteLength >= PATH_BYTES) return WOULD_WAIT;
    this.#memory.bytes.set(path);
    this.#memory.bytes[path.byteLength] = 0;
    const resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (cachedOnly ? RESOLVE_CACHED : 0);
    this.#memory.view.setBigUint64(HOW + 16, BigInt(resolve), true);
    const { address } = this.#memory;
    const fd = this.syscalls.openat2(rootFd, address, address + HOW, HOW_BYTES);
    return cachedOnly && fd === -EAGAIN ? WOULD_WAIT : fd;
  }

  /** Bytes count only if the file is still the one that was opened, after they were read. */
  #verified(fh: number, fd: number, read: number): number {
    const failed = this.syscalls.fstatx(fd, STATX_BASIC_STATS, this.#stat.address);
    if (failed < 0) return failed;
    return this.handles.unchanged(fh, this.#stat) ? read : CHANGED;
  }
}
