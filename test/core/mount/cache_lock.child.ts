/**
 * Takes the lock of a cache directory, and its first thread ends: to others this process is a zombie
 * that still holds the lock, until its last thread ends. So is one whose threads the kernel has yet
 * to end after SIGKILL. Arguments: the directory, which is its mount point as well, and after how many milliseconds all of it ends.
 */

import { dlopen, FFIType } from "bun:ffi";
import { systemClock } from "../../../src/core/clock.ts";
import { lockCache } from "../../../src/core/mount/cache_lock.ts";

const SYS_exit = process.arch === "arm64" ? 93 : 60;

const [, , cacheDir = "", lifeMs = ""] = process.argv;
await lockCache(cacheDir, cacheDir, {
  clock: systemClock,
  cleanUpDeadMount: () => Promise.reject(new Error("the child waits for nobody")),
});
const { symbols } = dlopen("libc.so.6", {
  syscall: { args: [FFIType.i64_fast, FFIType.i32], returns: FFIType.i64_fast },
});
const last = new Worker(
  URL.createObjectURL(
    new Blob([`setTimeout(() => process.kill(process.pid, "SIGKILL"), ${lifeMs}); postMessage(0)`]),
  ),
);
last.addEventListener("message", () => {
  console.log("ending");
  symbols.syscall(SYS_exit, 0);
});
