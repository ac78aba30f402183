/** The limits of the system that a large library runs into. */

import type { Config } from "../config/config.ts";
import { MAX_OPEN_HANDLES, OTHER_DESCRIPTORS } from "../limits.ts";
import { type Finding, Findings } from "./finding.ts";
import type { Machine } from "./machine.ts";

const INOTIFY = "/proc/sys/fs/inotify/";
const WANTED_DESCRIPTORS = MAX_OPEN_HANDLES + OTHER_DESCRIPTORS;

export interface KnownLibrary {
  /** Of all origins together. */
  readonly directories: number;
}

/** `known`: undefined before the first scan. */
export function checkLimits(
  machine: Machine,
  config: Config | undefined,
  known: KnownLibrary | undefined,
): readonly Finding[] {
  const findings = new Findings("limits");
  const descriptors = openFiles(machine);
  if (descriptors < WANTED_DESCRIPTORS) {
    findings.warning(
      `only ${descriptors} files can be open at once; ${WANTED_DESCRIPTORS} are never exceeded`,
      "raise the limit: ulimit -n, LimitNOFILE= in the unit, or /etc/security/limits.conf",
    );
  }
  if (config?.origins.some(isWatched)) watches(machine, known, findings);
  return findings.elseOk(
    `${Number.isFinite(descriptors) ? descriptors : "any number of"} files can be open at once`,
  );
}

function isWatched(origin: Config["origins"][number]): boolean {
  return origin.enabled && origin.originType === "local" && origin.watch;
}

function watches(machine: Machine, known: KnownLibrary | undefined, findings: Findings): void {
  const most = Number(machine.text(`${INOTIFY}max_user_watches`) ?? Number.NaN);
  if (most <= (known?.directories ?? 0)) {
    findings.warning(
      `${known?.directories} directories are known and at most ${most} can be watched; others are polled`,
      `raise it: echo fs.inotify.max_user_watches=${2 * (known?.directories ?? 0)} > /etc/sysctl.d/90-musicfs.conf; sysctl --system`,
    );
  }
  if (Number(machine.text(`${INOTIFY}max_user_instances`) ?? Number.NaN) < 1) {
    findings.warning(
      "no directory can be watched (max_user_instances is 0); all are polled",
      "raise it: echo fs.inotify.max_user_instances=128 > /etc/sysctl.d/90-musicfs.conf; sysctl --system",
    );
  }
}

/** The soft limit (getrlimit(2)), which the runtime has raised to the hard one. */
function openFiles(machine: Machine): number {
  const text = machine.text("/proc/self/limits") ?? "";
  const [, limit] = /^Max open files\s+(\S+)/m.exec(text) ?? [];
  return limit === undefined || limit === "unlimited" ? Number.POSITIVE_INFINITY : Number(limit);
}
