/** The disk under catalog and cache. */

import { displayText } from "../bytes.ts";
import { capacityBytes } from "../cache/capacity.ts";
import type { Config } from "../config/config.ts";
import { shownBytes } from "../quantities.ts";
import { mayHang, mountOf } from "../sys/mountinfo.ts";
import { type Finding, Findings } from "./finding.ts";
import { existing, type Machine } from "./machine.ts";

const OTHERS_MAY_DO_ANYTHING = 0o077;
/** The disk's kinds that a restart of the machine empties. */
const IN_MEMORY = new Set(["tmpfs", "ramfs"]);

export function checkCache(machine: Machine, uid: number, config: Config): readonly Finding[] {
  const findings = new Findings("cache");
  const { cacheDir } = config;
  const shown = displayText(cacheDir);
  const at = existing(cacheDir, machine.state);
  const mount = mountOf(machine.mounts(), at);
  if (mount !== undefined && mayHang(mount.type)) {
    findings.problem(
      `the cache directory ${shown} lies on ${mount.type}: what hangs with a server cannot serve while it is away`,
      "set cache_dir to a directory on a local disk",
    );
    return findings.elseOk("");
  }
  const state = machine.state(at);
  if (state !== undefined && !state.isDirectory) {
    findings.problem(
      `${displayText(at)} is not a directory`,
      "remove it, or set another cache_dir",
    );
    return findings.elseOk("");
  }
  if (state !== undefined && uid !== 0 && state.uid !== uid) {
    const whose = `belongs to user ${state.uid}`;
    findings.problem(
      at === cacheDir
        ? `the cache directory ${shown} ${whose}`
        : `the cache directory ${shown} cannot be made: ${displayText(at)} ${whose}`,
      `set another cache_dir, or: mkdir -p ${shown}; chown ${uid} ${shown}`,
    );
  } else if (!machine.isWritable(at)) {
    findings.problem(
      `${displayText(at)}, where catalog and cache are kept, cannot be written`,
      "mount its disk writable, or set cache_dir to another",
    );
  } else if (
    at === cacheDir &&
    state !== undefined &&
    (state.mode & OTHERS_MAY_DO_ANYTHING) !== 0
  ) {
    findings.warning(
      `the cache directory ${shown} is open to other users; the next mount changes that`,
      `chmod 700 ${shown}`,
    );
  }
  if (mount !== undefined && IN_MEMORY.has(mount.type)) {
    findings.warning(
      `the cache directory ${shown} lies in memory (${mount.type}): all is forgotten when the machine restarts`,
      "set cache_dir to a directory on a disk",
    );
  }
  const space = machine.space(cacheDir);
  const budget = config.cache.contentCacheBytes;
  if (capacityBytes(Number.POSITIVE_INFINITY, 0, space) === 0) {
    findings.warning(
      `the disk of ${shown} is full: ${shownBytes(space.freeBytes)} of ${shownBytes(space.sizeBytes)} are free, and nothing new is kept`,
      "free some of it, or set cache_dir to another disk",
    );
  } else if (budget > space.sizeBytes) {
    findings.warning(
      `content_cache_gb is more (${shownBytes(budget)}) than the whole disk of ${shown} (${shownBytes(space.sizeBytes)})`,
      "set a smaller content_cache_gb under [cache], or cache_dir to a larger disk",
    );
  }
  return findings.elseOk(`${shown}, with ${shownBytes(space.freeBytes)} free on its disk`);
}
