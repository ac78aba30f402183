/** Ending the mount at a path, whoever serves it. */

import { MusicFsError, OwnError } from "../errors.ts";
import { cleanUpDeadMount, unmount } from "../fuse/device.ts";
import type { UnmountOptions } from "./options.ts";
import { describeUsers, usersOf } from "./users.ts";

/**
 * Unmounts; a dead mount is removed. Rejects with `busy`, naming who uses the mount, and `mount`
 * when there is none or it may not be unmounted.
 */
export async function unmountAt(mountPoint: string, { lazy }: UnmountOptions): Promise<void> {
  if (await cleanUpDeadMount(mountPoint)) return;
  try {
    await unmount(mountPoint, { lazy });
  } catch (error) {
    throw explainBusy(error, mountPoint);
  }
}

function explainBusy(error: unknown, mountPoint: string): unknown {
  if (!(error instanceof MusicFsError) || error.code !== "busy") return error;
  const users = describeUsers(usersOf(mountPoint));
  const who = users === "" ? "" : ` by ${users}`;
  return new OwnError(
    "busy",
    `${mountPoint} is in use${who}: end that and try again, or detach it at once with musicfs unmount --lazy`,
    { cause: error },
  );
}
