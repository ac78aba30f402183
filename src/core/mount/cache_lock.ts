/** One mount per cache directory: the kernel is told of changes by the mount that knows of them. */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../catalog/process_lock.ts";
import { OwnError } from "../errors.ts";

/** Takes the cache directory until disposed. Throws `busy`, naming the mount that has it. */
export function lockCache(cacheDir: string, mountPoint: string): Disposable {
  mkdirSync(cacheDir, { recursive: true, mode: 0o700 });
  const file = join(cacheDir, "mount.lock");
  const lock = ProcessLock.tryAcquire(file);
  if (lock === undefined) {
    const holder = readFileSync(file, "utf8").trim();
    throw new OwnError(
      "busy",
      `the cache directory ${cacheDir} is in use by another mount (${holder}): unmount that one, or give this one another cache_dir`,
    );
  }
  writeFileSync(file, `process ${process.pid} on ${mountPoint}\n`);
  return lock;
}
