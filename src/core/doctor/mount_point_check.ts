/** Whether the configured place can be mounted on, or is by a mount that lives. */

import { displayText } from "../bytes.ts";
import type { Config } from "../config/config.ts";
import type { Surroundings } from "../config/paths.ts";
import { runtimeDirs } from "../config/paths.ts";
import { mountsIn } from "../control/find_mount.ts";
import { messageOf, OwnError } from "../errors.ts";
import { canonicalMountPoint, checkMountPoint, musicfsMountAt } from "../fuse/mount_point.ts";
import { type Finding, Findings } from "./finding.ts";

export async function checkPlace(
  { mountPoint: path }: Config,
  around: Surroundings,
): Promise<readonly Finding[]> {
  const findings = new Findings("mount_point");
  const shown = displayText(path);
  try {
    const mountPoint = canonicalMountPoint(path);
    if (musicfsMountAt(mountPoint) === undefined) {
      checkMountPoint(mountPoint);
      return findings.elseOk(`${shown} can be mounted on`);
    }
    if (await isServed(mountPoint, around)) return findings.elseOk(`${shown} is mounted`);
    findings.problem(
      `a mount of MusicFS lies on ${shown}, and no process of yours serves it`,
      `remove it: musicfs unmount ${shown}`,
    );
  } catch (error) {
    if (!(error instanceof OwnError)) throw error;
    findings.problem(
      messageOf(error),
      "or name another place: mount_point in the configuration, or musicfs mount PATH",
    );
  }
  return findings.elseOk("");
}

async function isServed(mountPoint: string, around: Surroundings): Promise<boolean> {
  try {
    const mounts = await mountsIn(runtimeDirs(around), around.uid);
    for (const mount of mounts) mount[Symbol.dispose]();
    return mounts.some(({ status }) => status.mount_point === mountPoint);
  } catch (error) {
    // What is wrong with the sockets is told where they are looked at.
    if (error instanceof OwnError) return false;
    throw error;
  }
}
