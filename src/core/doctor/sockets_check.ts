/** Whether mounts can be talked to: the directory of their sockets, and those that run. */

import { displayText } from "../bytes.ts";
import { runtimeDir, runtimeDirs, type Surroundings } from "../config/paths.ts";
import { mountsIn } from "../control/find_mount.ts";
import { messageOf } from "../errors.ts";
import { type Finding, Findings } from "./finding.ts";
import { existing, type Machine } from "./machine.ts";

/** Sockets that mounts left behind when they were killed are removed on the way. */
export async function checkSockets(
  machine: Machine,
  around: Surroundings,
): Promise<readonly Finding[]> {
  const findings = new Findings("sockets");
  const places: string[] = [];
  for (const directory of runtimeDirs(around)) {
    try {
      for (const mount of await mountsIn([directory], around.uid)) {
        places.push(displayText(mount.status.mount_point));
        mount[Symbol.dispose]();
      }
    } catch (error) {
      findings.problem(
        messageOf(error),
        `make it yours alone (chown, chmod 700), or remove it and mount again: ${displayText(directory)}`,
      );
    }
  }
  const directory = runtimeDir(around);
  const above = existing(directory, machine.state);
  const state = machine.state(above);
  if (above !== directory && around.uid !== 0 && state?.uid !== around.uid) {
    findings.problem(
      `${displayText(directory)}, where sockets of mounts are to be, cannot be made: ${displayText(above)} is not yours`,
      "set XDG_RUNTIME_DIR to a directory of your own, as a login does",
    );
  }
  const running = places.length === 0 ? "no mount runs" : `mounts run at ${places.join(", ")}`;
  return findings.elseOk(`${running}; sockets are in ${displayText(directory)}`);
}
