/** The kernel's handles on a running mount's connection, by its number (`Mounted.connection`). */

import { readFileSync, writeFileSync } from "node:fs";
import { MAX_READ_BYTES } from "../limits.ts";
import { MNT_FORCE } from "../sys/arch.ts";
import { cString, libc } from "../sys/libc.ts";

/**
 * Ends the connection: pending and future requests fail, whoever waits for one is released, and
 * reads of the device answer ENODEV. Through fusectl where it is mounted (allowed to the mount's
 * owner), else by a forced unmount (root only). False: neither way was open.
 */
export function abortConnection(connection: number, mountPoint: string): boolean {
  if (writeControl(`/sys/fs/fuse/connections/${connection}/abort`, "1")) return true;
  if (process.getuid?.() !== 0) return false;
  // What it answers is of no interest: EBUSY while files are open, but aborted all the same.
  const target = cString(mountPoint);
  libc().umount2(target.address, MNT_FORCE);
  return true;
}

/**
 * Lets the kernel read ahead as far as one READ can carry (1 MiB) instead of 128 KiB. Only root may,
 * and only after the reply to INIT has been written, which resets it. False: not allowed, or sysfs
 * is read-only.
 */
export function raiseReadahead(connection: number): boolean {
  const path = `/sys/class/bdi/0:${connection}/read_ahead_kb`;
  const kib = MAX_READ_BYTES / 1024;
  try {
    if (Number(readFileSync(path, "latin1")) >= kib) return true;
  } catch {
    return false;
  }
  return writeControl(path, String(kib));
}

function writeControl(path: string, value: string): boolean {
  try {
    writeFileSync(path, value, { flag: "r+" });
    return true;
  } catch {
    return false;
  }
}
