/** The preferred origin, which is lost in the middle of a file: an SSH server. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { startSshd } from "../servers/index.ts";
import type { DemoOrigin } from "./origin.ts";

/** OpenSSH's sshd with its data and keys below `root`, serving a copy of the directory `files`. */
export async function startSftpNas(files: string, root: string): Promise<DemoOrigin> {
  await using starting = new AsyncDisposableStack();
  const sshd = starting.use(await startSshd({ root }));
  cpSync(files, sshd.dataDir, { recursive: true, preserveTimestamps: true });
  const cleanUp = starting.move();
  return {
    what: "OpenSSH's sshd, over SFTP",
    flags: [
      ...["--type", "sftp", "--host", sshd.host, "--port", String(sshd.port), "--user", sshd.user],
      ...["--identity-file", sshd.keyFile, "--known-hosts", join(root, "accepted_keys")],
      ...["--accept-host-key", sshd.fingerprint],
    ],
    env: {},
    server: { name: "sshd", kill: () => sshd.kill(), restart: () => sshd.restart() },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
}
