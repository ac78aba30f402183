/**
 * One mount per cache directory: the catalog has one writer and the cache one owner. The lock is
 * the kernel's (flock), so it is gone with its process however that ends.
 */

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { OwnError } from "../errors.ts";
import { LOCK_EX, LOCK_NB } from "../sys/arch.ts";
import { EAGAIN, errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";

/** Takes the lock until disposed. Throws `busy`, naming the process that holds it. */
export function lockCache(cacheDir: string, mountPoint: string): Disposable {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const path = join(cacheDir, "mount.lock");
  const fd = openSync(path, "a+", 0o600);
  const result = libc().flock(fd, LOCK_EX | LOCK_NB);
  if (result < 0) {
    const holder = readFileSync(path, "utf8").trim();
    closeSync(fd);
    if (result !== -EAGAIN) {
      throw new OwnError("mount", `${path} cannot be locked: ${errnoName(result)}`);
    }
    throw new OwnError(
      "busy",
      `the cache directory ${cacheDir} is in use by another mount${holder === "" ? "" : ` (${holder})`}: unmount that one, or give this one another cache_dir`,
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `pid ${process.pid} on ${mountPoint}\n`);
  return { [Symbol.dispose]: () => closeSync(fd) };
}
