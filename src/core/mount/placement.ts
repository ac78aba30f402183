/**
 * Where things may lie: a mount point or cache directory inside an origin, or an origin inside one
 * of them, would make the library contain itself, and a scan never end.
 */

import { realpathSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import type { Config } from "../config/config.ts";
import { OwnError } from "../errors.ts";
import { isOnLocalDisk } from "../origins/disk/placement.ts";

export interface Places {
  readonly mountPoint: string;
  readonly cacheDir: string;
  /** Origins that are paths of this machine. */
  readonly origins: readonly { readonly id: string; readonly path: string }[];
}

/** The places of a configuration. */
export function placesOf({
  mountPoint,
  cacheDir,
  origins,
}: Pick<Config, "mountPoint" | "cacheDir" | "origins">): Places {
  const onThisMachine = origins.flatMap((origin) =>
    "path" in origin && origin.originType !== "s3" && origin.originType !== "sftp"
      ? [{ id: origin.id, path: origin.path }]
      : [],
  );
  return { mountPoint, cacheDir, origins: onThisMachine };
}

/**
 * Throws `config` that names both places and what to change. `isLocal`: system calls on the path
 * return, so that links in it may be followed.
 */
export function checkPlacement(
  { mountPoint, cacheDir, origins }: Places,
  isLocal: (path: string) => boolean = isOnLocalDisk,
): void {
  const ours = [
    { what: "the mount point", setting: "mount_point", path: real(mountPoint) },
    { what: "the cache directory", setting: "cache_dir", path: real(cacheDir) },
  ];
  for (const origin of origins) {
    const path = isLocal(origin.path) ? real(origin.path) : resolve(origin.path);
    for (const place of ours) {
      if (!contains(path, place.path) && !contains(place.path, path)) continue;
      const relation =
        path === place.path
          ? "is the same directory as"
          : contains(path, place.path)
            ? "lies inside"
            : "contains";
      throw new OwnError(
        "config",
        `${place.what} ${place.path} ${relation} origin ${origin.id} (${path}): the library would contain itself; change ${place.setting} or the origin's path`,
      );
    }
  }
}

/** True when `inner` is `outer` or lies below it. */
function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer === "/" ? "/" : outer + sep);
}

/** Without symbolic links as far as the path exists. */
function real(path: string): string {
  const absolute = resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const parent = dirname(absolute);
    return parent === absolute ? absolute : join(real(parent), absolute.slice(parent.length));
  }
}
