/** What a killed process leaves behind: a mount that answers ENOTCONN, or hangs, until removed. */

import { OwnError } from "../errors.ts";
import { abortConnection } from "./connection.ts";
import { canonicalMountPoint, musicfsMountAt } from "./mount_point.ts";
import { unmount } from "./unmount.ts";

/** A living MusicFS answers STATFS within milliseconds, whatever its origins do. */
const ANSWER_TIMEOUT_MS = 5000;

/** Dead mounts on top of each other that are removed at once. */
const MAX_STACKED = 16;

/**
 * Removes the MusicFS mounts on `path` whose process is gone or answers nothing for
 * `timeoutMs` (default 5000), aborting their connections first. Answers whether any was removed; a
 * living one stays. Throws what `unmount` throws.
 */
export async function cleanUpDeadMount(
  path: string,
  timeoutMs = ANSWER_TIMEOUT_MS,
): Promise<boolean> {
  const mountPoint = canonicalMountPoint(path);
  for (let removed = 0; removed < MAX_STACKED; removed++) {
    const mount = musicfsMountAt(mountPoint);
    if (mount === undefined || (await isAlive(mountPoint, timeoutMs))) return removed > 0;
    abortConnection(mount.minor, mountPoint);
    // A forced abort may have unmounted it already.
    if (musicfsMountAt(mountPoint)?.id === mount.id) await unmount(mountPoint, { lazy: true });
  }
  throw new OwnError("mount", `too many dead mounts lie on ${mountPoint}: umount them by hand`);
}

/**
 * Asks by statfs(2), which the kernel never answers from a cache, in a child process: a call on a
 * hung mount cannot be cancelled and would keep this process from ever ending.
 */
async function isAlive(mountPoint: string, timeoutMs: number): Promise<boolean> {
  const { PATH = "/usr/bin:/bin" } = process.env;
  const child = Bun.spawn(["stat", "-f", "--", mountPoint], {
    env: { PATH, LC_ALL: "C" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const answer = Promise.all([new Response(child.stderr).text(), child.exited]);
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), timeoutMs);
  const said = await Promise.race([answer, timeout.promise]);
  clearTimeout(timer);
  if (said === undefined) {
    child.kill("SIGKILL");
    child.unref();
    return false;
  }
  const [message] = said;
  return !/Transport endpoint is not connected|Software caused connection abort/.test(message);
}
