/** File systems that show one local directory at another place. */

import { musicfs, notInstalled, OURS, type Peer } from "./peers.ts";

/** MusicFS that lets the kernel read local files by itself. */
export const PASSTHROUGH = "musicfs passthrough=all";

export function localPeers(source: string): readonly Peer[] {
  const ours = (name: string, passthrough: "off" | "all") =>
    musicfs(name, ["--origin", source, "--passthrough", passthrough], 1);
  return [
    ours(OURS, "off"),
    ours(PASSTHROUGH, "all"),
    {
      name: "mergerfs",
      // Its own advice for media: nothing of the page cache is lost at open.
      command: (mountPoint) => [
        "mergerfs",
        "-f",
        "-o",
        "cache.files=auto-full,dropcacheonclose=false,category.create=mfs",
        source,
        mountPoint,
      ],
      missing: notInstalled("mergerfs"),
    },
    {
      name: "bindfs",
      command: (mountPoint) => ["bindfs", "-f", "-r", source, mountPoint],
      missing: notInstalled("bindfs"),
    },
    {
      name: "rclone",
      command: (mountPoint, scratch) => [
        "env",
        `HOME=${scratch}`,
        "rclone",
        "mount",
        "--read-only",
        "--dir-cache-time=1h",
        source,
        mountPoint,
      ],
      missing: notInstalled("rclone"),
    },
  ];
}
