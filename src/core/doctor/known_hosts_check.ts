/** Whether the host keys of the SFTP servers are recorded, as nothing unknown is ever accepted (R-4). */

import { displayText } from "../bytes.ts";
import type { Config, SftpOriginSettings } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { SftpFault } from "../origins/sftp/errors.ts";
import { HOST_KEY_TYPES, readKnownHosts } from "../origins/sftp/host_key_check.ts";
import { knownKeyTypes, parseKnownHosts, SSH_PORT } from "../origins/sftp/known_hosts.ts";
import { resolveTarget, type SshSurroundings, type SshTarget } from "../origins/sftp/target.ts";
import { type Finding, Findings } from "./finding.ts";
import type { Machine } from "./machine.ts";

const OTHERS_MAY_WRITE = 0o022;

export function checkKnownHosts(
  machine: Machine,
  { origins }: Config,
  ssh: SshSurroundings,
): readonly Finding[] {
  return origins.flatMap((origin) =>
    origin.enabled && origin.originType === "sftp" ? checkOrigin(machine, origin, ssh) : [],
  );
}

function checkOrigin(
  machine: Machine,
  settings: SftpOriginSettings,
  ssh: SshSurroundings,
): readonly Finding[] {
  const findings = new Findings("known_hosts", settings.id);
  try {
    const target = resolveTarget(settings, ssh);
    checkTarget(machine, target, findings);
    return findings.elseOk(`the key of ${displayText(target.host)} is known`);
  } catch (error) {
    if (!(error instanceof SftpFault)) throw error;
    findings.problem(messageOf(error), "mend the file that it names, or its owner and mode");
    return findings.elseOk("");
  }
}

function checkTarget(machine: Machine, target: SshTarget, findings: Findings): void {
  const { host, port, knownHostsFiles, acceptCommand } = target;
  for (const file of knownHostsFiles) {
    if (((machine.state(file)?.mode ?? 0) & OTHERS_MAY_WRITE) === 0) continue;
    findings.warning(
      `${displayText(file)} can be written by other users, who can have any server trusted`,
      `after a look at it: chmod go-w ${displayText(file)}`,
    );
  }
  const entries = knownHostsFiles.flatMap((file) => parseKnownHosts(readKnownHosts(file)));
  const types = knownKeyTypes(entries, host, port);
  if (types.some((type) => HOST_KEY_TYPES.includes(type))) return;
  const files = knownHostsFiles.map(displayText).join(" or ");
  const scan = `ssh-keyscan ${port === SSH_PORT ? "" : `-p ${port} `}${displayText(host)}`;
  findings.problem(
    `no key of ${displayText(host)} is recorded in ${files}`,
    `see its fingerprint with \`${scan} | ssh-keygen -lf -\`, compare it with what the server's owner tells ` +
      `you, and accept it: ${acceptCommand} --accept-host-key FINGERPRINT`,
  );
}
