/** The file systems that are measured side by side: how each mounts one directory at another. */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Peer {
  readonly name: string;
  /** The command that serves the mount in the foreground. */
  command(source: string, mountPoint: string, scratch: string): readonly string[];
  /** What must be there; undefined: it is. */
  missing(): string | undefined;
}

const BINARY = resolve(import.meta.dir, "../dist/musicfs");

function installed(program: string, debianPackage: string): string | undefined {
  return Bun.which(program) === null ? `${program} (apt-get install ${debianPackage})` : undefined;
}

function musicfs(passthrough: "off" | "all"): Peer {
  return {
    name: `musicfs ${passthrough === "off" ? "" : "passthrough"}`.trim(),
    command: (source, mountPoint, scratch) => [
      "env",
      `HOME=${scratch}`,
      `MUSICFS_CACHE_DIR=${join(scratch, `cache-${passthrough}`)}`,
      BINARY,
      "mount",
      mountPoint,
      "--origin",
      source,
      "--passthrough",
      passthrough,
    ],
    missing: () => (existsSync(BINARY) ? undefined : `${BINARY} (npm run build)`),
  };
}

/** The bare directory is measured, too: what any of them could reach at best. */
export const PEERS: readonly Peer[] = [
  musicfs("off"),
  musicfs("all"),
  {
    name: "mergerfs",
    // Its own advice for media: nothing of the page cache is lost at open.
    command: (source, mountPoint) => [
      "mergerfs",
      "-f",
      "-o",
      "cache.files=auto-full,dropcacheonclose=false,category.create=mfs",
      source,
      mountPoint,
    ],
    missing: () => installed("mergerfs", "mergerfs"),
  },
  {
    name: "bindfs",
    command: (source, mountPoint) => ["bindfs", "-f", "-r", source, mountPoint],
    missing: () => installed("bindfs", "bindfs"),
  },
  {
    name: "rclone",
    command: (source, mountPoint, scratch) => [
      "env",
      `HOME=${scratch}`,
      "rclone",
      "mount",
      "--read-only",
      "--dir-cache-time=1h",
      source,
      mountPoint,
    ],
    missing: () => installed("rclone", "rclone"),
  },
];
