/** Whether this kernel and this user can have a FUSE mount at all. */

import { explainDevice } from "../fuse/remedies.ts";
import { type Finding, Findings } from "./finding.ts";
import type { Machine } from "./machine.ts";

/** FUSE protocol 7.31. */
const OLDEST_LINUX = [5, 4] as const;

/** capabilities(7). */
const CAP_SYS_ADMIN = 1n << 21n;

export function checkFuse(machine: Machine, uid: number): readonly Finding[] {
  const findings = new Findings("fuse");
  const release = machine.text("/proc/sys/kernel/osrelease")?.trim() ?? "";
  if (isOlder(release)) {
    findings.problem(
      `this is Linux ${release}, whose FUSE is too old`,
      `use a kernel of ${OLDEST_LINUX.join(".")} or newer`,
    );
  }
  const errno = machine.tryDevice();
  if (errno < 0) {
    findings.problem(
      explainDevice(errno).message,
      "see that /dev/fuse is there and open to everyone: ls -l /dev/fuse shows crw-rw-rw-",
    );
  }
  if (uid === 0 && lacksAdmin(machine)) {
    findings.problem(
      "this is root, but without the right to mount (CAP_SYS_ADMIN)",
      "start the container with --cap-add SYS_ADMIN --device /dev/fuse --security-opt apparmor=unconfined",
    );
  }
  return findings.elseOk(`/dev/fuse can be opened, by Linux ${release}`);
}

/** A release that cannot be understood is taken for new. */
function isOlder(release: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(release) ?? [];
  if (major === undefined || minor === undefined) return false;
  const [oldestMajor, oldestMinor] = OLDEST_LINUX;
  const [ourMajor, ourMinor] = [Number(major), Number(minor)];
  return ourMajor < oldestMajor || (ourMajor === oldestMajor && ourMinor < oldestMinor);
}

function lacksAdmin(machine: Machine): boolean {
  const effective = processStatus(machine, "CapEff");
  return effective !== undefined && (BigInt(`0x${effective}`) & CAP_SYS_ADMIN) === 0n;
}

/** A field of /proc/self/status (proc_pid_status(5)). */
export function processStatus(machine: Machine, field: string): string | undefined {
  const text = machine.text("/proc/self/status") ?? "";
  return new RegExp(`^${field}:\\s*([0-9a-f]+)$`, "m").exec(text)?.[1];
}
