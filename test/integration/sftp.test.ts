/** The SFTP origin on OpenSSH keeps the contract of every origin. */

import { afterAll, beforeAll } from "bun:test";
import { chmodSync } from "node:fs";
import { type Sshd, startSshd } from "../../scripts/servers/sshd.ts";
import { openSftpOrigin } from "../../src/core/origins/sftp/origin.ts";
import { sftpSettings, surroundings } from "../core/origins/sftp/settings.ts";
import { type OriginHarness, originConformance } from "../suites/origin.ts";
import { LocalTree } from "../support/local_tree.ts";

let sshd: Sshd;
beforeAll(async () => {
  sshd = await startSshd();
}, 120_000);
afterAll(async () => {
  await sshd[Symbol.asyncDispose]();
});

function settings(path: string) {
  const { host, port, user, keyFile, knownHosts } = sshd;
  return sftpSettings({ host, port, user, path, identityFile: keyFile, knownHosts });
}

const harness: OriginHarness = {
  capabilities: openSftpOrigin(sftpSettings({ host: "unused", knownHosts: "/unused" }))
    .capabilities,
  emptyDirectories: true,
  editInPlace: true,
  sparseFiles: true,
  links: { outside: "/etc/passwd" },
  specialFiles: ["fifo", "socket"],
  countDescriptors: true,
  holdsVersions: true,
  async open() {
    const tree = new LocalTree();
    // The server's user is another one.
    chmodSync(tree.directory, 0o755);
    const origin = openSftpOrigin(settings(tree.root), {
      surroundings: surroundings("/nonexistent"),
    });
    return {
      origin,
      put: (path, bytes) => tree.put(path, bytes),
      remove: (path) => tree.remove(path),
      makeDirectory: (path) => tree.makeDirectory(path),
      edit: (path, offset, bytes) => tree.edit(path, offset, bytes),
      putSparse: (path, size, tail) => tree.putSparse(path, size, tail),
      link: (path, target) => tree.link(path, target),
      makeSpecial: (path, kind) => tree.makeSpecial(path, kind),
      async [Symbol.asyncDispose]() {
        await origin.close();
        tree[Symbol.dispose]();
      },
    };
  },
};

originConformance("SFTP to OpenSSH", harness);
