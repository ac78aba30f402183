/** The SFTP origin on OpenSSH keeps the contract of every origin. */

import { afterAll, beforeAll } from "bun:test";
import { chmodSync } from "node:fs";
import { type Sshd, startSshd } from "../../scripts/servers/sshd.ts";
import { systemClock } from "../../src/core/clock.ts";
import { buildOrigin } from "../../src/core/origins/build.ts";
import type { Origin } from "../../src/core/origins/origin.ts";
import { openSftpOrigin } from "../../src/core/origins/sftp/origin.ts";
import { FaultPlan } from "../../src/core/origins/wrappers/faults.ts";
import { OriginMetrics } from "../../src/core/origins/wrappers/metrics.ts";
import { sftpSettings, surroundings } from "../core/origins/sftp/settings.ts";
import { treeFixture } from "../suites/harnesses.ts";
import { type OriginFixture, type OriginHarness, originConformance } from "../suites/origin.ts";
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

const nobody = surroundings("/nonexistent");

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
  open: () => opened((path) => openSftpOrigin(settings(path), { surroundings: nobody })),
};

async function opened(make: (path: string) => Origin | Promise<Origin>): Promise<OriginFixture> {
  const tree = new LocalTree();
  // The server's user is another one.
  chmodSync(tree.directory, 0o755);
  return treeFixture(await make(tree.root), tree);
}

originConformance("SFTP to OpenSSH", harness);
originConformance("SFTP to OpenSSH in all wrappers", {
  ...harness,
  open: () =>
    opened((path) =>
      buildOrigin(settings(path), {
        clock: systemClock,
        localDisk: () => {
          throw new Error("no disk is asked for");
        },
        metrics: new OriginMetrics(),
        faults: new FaultPlan(systemClock),
      }),
    ),
});
