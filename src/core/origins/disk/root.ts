/**
 * The directory at the top of a disk, held open. Its path decides which directory that is: a disk
 * mounted anew, or another directory moved into its place, is noticed within ROOT_RECHECK_MS.
 */

import { displayPath, nameFromText } from "../../bytes.ts";
import { AT_FDCWD, arch, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../../sys/arch.ts";
import { EACCES, ENOENT, ENOTDIR, EPERM, errnoName } from "../../sys/errno.ts";
import { cString, type Syscalls } from "../../sys/libc.ts";
import { Memory } from "../../sys/memory.ts";
import { STATX_BASIC_STATS, STATX_BYTES, StatxView } from "../../sys/statx.ts";
import { DiskFailure, failureOf } from "./failure.ts";

/** How long an open root is trusted to be what its path leads to. */
export const ROOT_RECHECK_MS = 1000;

const OPEN_FLAGS = O_RDONLY | arch.O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
const CLOSED = -1;
const UNKNOWN = -1;

/** Throws a {@link DiskFailure} when an opened root must not be served (an unmounted share). */
export type RootCheck = (fd: number, path: string) => void;

export class DiskRoot {
  readonly #cPath: Memory;
  readonly #stat = new StatxView(new Memory(STATX_BYTES));
  #fd = CLOSED;
  #device = UNKNOWN;
  #inode = UNKNOWN;
  #checkedMs = 0;

  constructor(
    readonly path: string,
    readonly syscalls: Syscalls,
    readonly nowMs: () => number,
    readonly check?: RootCheck,
  ) {
    this.#cPath = cString(path);
  }

  /** The open root, opened or looked at again where needed. Valid until the next call of `fd`. */
  get fd(): number {
    if (this.#fd === CLOSED || this.nowMs() - this.#checkedMs >= ROOT_RECHECK_MS) this.refresh();
    return this.#fd;
  }

  /** Goes by the path again. True when it leads to another directory than before. */
  refresh(): boolean {
    const known = this.#device !== UNKNOWN;
    const { syscalls } = this;
    const failed = syscalls.statx(
      AT_FDCWD,
      this.#cPath.address,
      0,
      STATX_BASIC_STATS,
      this.#stat.address,
    );
    if (failed < 0) throw this.#lost(failed);
    const same = this.#stat.device === this.#device && this.#stat.inode === this.#inode;
    if (this.#fd === CLOSED || !same) this.#open();
    else this.#check();
    this.#checkedMs = this.nowMs();
    return known && !same;
  }

  /** Closes it, and forgets which directory it was. */
  close(): void {
    this.rest();
    this.#device = UNKNOWN;
  }

  /** Closes it until it is used again. */
  rest(): void {
    if (this.#fd !== CLOSED) this.syscalls.close(this.#fd);
    this.#fd = CLOSED;
  }

  #open(): void {
    const fd = this.syscalls.open(this.#cPath.address, OPEN_FLAGS);
    if (fd < 0) throw this.#lost(fd);
    this.close();
    this.#fd = fd;
    this.#check();
    const failed = this.syscalls.fstatx(fd, STATX_BASIC_STATS, this.#stat.address);
    if (failed < 0) throw this.#lost(failed);
    this.#device = this.#stat.device;
    this.#inode = this.#stat.inode;
  }

  #check(): void {
    try {
      this.check?.(this.#fd, this.path);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #lost(errno: number): DiskFailure {
    this.close();
    const shown = displayPath(nameFromText(this.path));
    const name = errnoName(errno);
    switch (-errno) {
      case ENOENT:
      case ENOTDIR: {
        const remedy = "mount its disk or correct the origin's path";
        const message = `there is no directory ${shown} (${name}); ${remedy}`;
        return new DiskFailure("device_gone", message, -errno);
      }
      case EACCES:
      case EPERM: {
        const message = `this user may not list the directory ${shown} (${name})`;
        return new DiskFailure("denied", message, -errno);
      }
      default:
        return failureOf(`open ${shown}`, errno);
    }
  }
}
