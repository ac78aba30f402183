/**
 * Who keeps a mount busy, by /proc alone: links are read and never followed, since following one
 * would ask the mount itself.
 */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { sep } from "node:path";

export interface MountUser {
  readonly pid: number;
  readonly command: string;
  /** A path of the mount that it has open, or works in. */
  readonly path: string;
}

/** Processes with a file, a working directory or a root on the mount, this one left out. */
export function usersOf(mountPoint: string): readonly MountUser[] {
  const users: MountUser[] = [];
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const path = linksOf(pid).find((link) => isInside(mountPoint, link));
    if (path !== undefined) users.push({ pid, command: commandOf(pid), path });
  }
  return users;
}

/** "mpd (812, /mnt/music/a.flac), bash (44, /mnt/music)"; empty when nobody is found. */
export function describeUsers(users: readonly MountUser[]): string {
  const shown = users.slice(0, 5).map(({ command, pid, path }) => `${command} (${pid}, ${path})`);
  if (users.length > shown.length) shown.push(`and ${users.length - shown.length} more`);
  return shown.join(", ");
}

function linksOf(pid: number): string[] {
  const links = [`/proc/${pid}/cwd`, `/proc/${pid}/root`];
  const fds = quietly(() => readdirSync(`/proc/${pid}/fd`)) ?? [];
  links.push(...fds.map((fd) => `/proc/${pid}/fd/${fd}`));
  return links
    .map((link) => quietly(() => readlinkSync(link)))
    .filter((link) => link !== undefined);
}

function commandOf(pid: number): string {
  return quietly(() => readFileSync(`/proc/${pid}/comm`, "utf8").trim()) ?? "?";
}

function isInside(mountPoint: string, path: string): boolean {
  return path === mountPoint || path.startsWith(mountPoint + sep);
}

/** Processes come and go while they are looked at, and some are not ours to look at. */
function quietly<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
