/** What the doctor sees of the machine, as a parameter: tests show it sick ones. */

import { accessSync, constants, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Space } from "../cache/capacity.ts";
import { type Clock, systemClock } from "../clock.ts";
import { fusermountProgram } from "../fuse/fusermount.ts";
import { O_CLOEXEC, O_RDWR } from "../sys/arch.ts";
import { cString, libc } from "../sys/libc.ts";
import { type MountInfo, readMountInfo } from "../sys/mountinfo.ts";

export interface FileState {
  readonly isDirectory: boolean;
  readonly uid: number;
  /** With its setuid bit. */
  readonly mode: number;
  readonly mtimeMs: number;
}

export interface Machine {
  readonly clock: Clock;
  /** Opens /dev/fuse and closes it again: 0, or the negative errno. */
  tryDevice(): number;
  /** Where fusermount3 is; undefined when it is not installed. */
  fusermount(): string | undefined;
  /** The text of a small file of the system; undefined when it cannot be read. */
  text(path: string): string | undefined;
  /** Undefined when there is nothing there, or nothing that may be seen. */
  state(path: string): FileState | undefined;
  /** Whether this user may write there (access(2), which knows of read-only disks). */
  isWritable(path: string): boolean;
  /** In the kernel's order. */
  mounts(): readonly MountInfo[];
  /** The disk on which this directory is, or would be made. */
  space(path: string): Space;
  /** What the server at this URL says the time is (its `Date`, whole seconds); undefined: it says nothing. */
  serverTimeMs(url: string, timeoutMs: number): Promise<number | undefined>;
}

export const thisMachine: Machine = {
  clock: systemClock,
  tryDevice() {
    const fd = libc().open(cString("/dev/fuse").address, O_RDWR | O_CLOEXEC);
    if (fd < 0) return fd;
    libc().close(fd);
    return 0;
  },
  fusermount: fusermountProgram,
  text(path) {
    return ifThere(() => readFileSync(path, "utf8"));
  },
  state(path) {
    return ifThere(() => {
      const stat = statSync(path);
      const { uid, mode, mtimeMs } = stat;
      return { isDirectory: stat.isDirectory(), uid, mode, mtimeMs };
    });
  },
  isWritable(path) {
    const look = () => {
      accessSync(path, constants.W_OK);
      return true;
    };
    return ifThere(look) ?? false;
  },
  mounts: readMountInfo,
  space(path) {
    const { bavail, blocks, bsize } = statfsSync(existing(path, (at) => thisMachine.state(at)));
    return { freeBytes: bavail * bsize, sizeBytes: blocks * bsize };
  },
  async serverTimeMs(url, timeoutMs) {
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const { headers } = await fetch(url, { method: "HEAD", redirect: "manual", signal });
      const timeMs = Date.parse(headers.get("date") ?? "");
      return Number.isNaN(timeMs) ? undefined : timeMs;
    } catch (error) {
      // Whether the server can be reached is another check's question.
      if (error instanceof Error) return undefined;
      throw error;
    }
  },
};

/** `path`, or the nearest directory above it that is there. */
export function existing(path: string, state: Machine["state"]): string {
  let at = path;
  while (at !== "/" && state(at) === undefined) at = dirname(at);
  return at;
}

function ifThere<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
}
