/** Whether an ordinary user can mount: by fusermount3, which has to be root's and setuid. */

import type { Config } from "../config/config.ts";
import { type Finding, Findings } from "./finding.ts";
import { processStatus } from "./fuse_check.ts";
import type { Machine } from "./machine.ts";

const SETUID = 0o4000;
const FUSE_CONF = "/etc/fuse.conf";

/** `config`: undefined where it cannot be read. */
export function checkFusermount(
  machine: Machine,
  uid: number,
  config: Config | undefined,
): readonly Finding[] {
  const findings = new Findings("fusermount3");
  if (uid === 0) return findings.elseOk("root mounts without it");
  const program = machine.fusermount();
  if (program === undefined) {
    findings.problem(
      "fusermount3 is not installed, without which only root can mount",
      "install the package fuse3: apt install fuse3",
    );
    return findings.elseOk("");
  }
  const state = machine.state(program);
  if (state?.uid !== 0 || (state.mode & SETUID) === 0) {
    findings.problem(
      `${program} is not setuid root, so it may not mount`,
      "install the package fuse3 anew: apt install --reinstall fuse3",
    );
  }
  if (processStatus(machine, "NoNewPrivs") === "1") {
    findings.problem(
      "this process may not gain privileges, so fusermount3 does nothing for it",
      "leave out NoNewPrivileges= (and what implies it) in the unit, no-new-privileges in the container",
    );
  }
  if (config?.mount.allowOther && !allowsOther(machine.text(FUSE_CONF) ?? "")) {
    findings.problem(
      `allow_other is set, which ${FUSE_CONF} forbids to ordinary users`,
      `put a line user_allow_other into ${FUSE_CONF}, or set allow_other = false`,
    );
  }
  return findings.elseOk(`${program} mounts for this user`);
}

function allowsOther(fuseConf: string): boolean {
  return /^\s*user_allow_other\s*$/m.test(fuseConf);
}
