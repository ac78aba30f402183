/** How much memory a mount takes while many files of an SSH server are open and read at once. */

import { expect } from "bun:test";
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { startSshd } from "../../scripts/servers/index.ts";
import { Mount, Workspace } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";

const MIB = 1024 * 1024;
/** Twice what is measured (docs/benchmarks.md): what it takes without bounds is far more. */
const LIMIT_KIB = 600 * 1024;

const OPENED = 1000;
const STREAMED = 8;
/** Together far more than may be in memory; in the long mode 1 GiB each. */
const STREAMED_BYTES = process.env["MUSICFS_LONG"] === "1" ? 1024 * MIB : 96 * MIB;
const TIMEOUT_MS = process.env["MUSICFS_LONG"] === "1" ? 900_000 : 180_000;

const CHILD = join(import.meta.dir, "support/read_much.child.ts");

const { test } = needing("root", "fuse");

test(
  `${OPENED} open files and ${STREAMED} readers side by side take no more than twice the memory that is measured`,
  async () => {
    using workspace = new Workspace("memory");
    await using sshd = await startSshd();
    makeSparse(join(sshd.dataDir, "opened"), OPENED, MIB);
    makeSparse(join(sshd.dataDir, "streamed"), STREAMED, STREAMED_BYTES);
    const knownHosts = workspace.file(
      "known_hosts",
      `[${sshd.host}]:${sshd.port} ${sshd.hostKey}\n`,
    );
    const config = workspace.config(`
[cache]
content_cache_gb = 0.25

[[origins]]
id = "sftp"
origin_type = "sftp"
host = "${sshd.host}"
port = ${sshd.port}
user = "${sshd.user}"
path = "${sshd.dataDir}"
identity_file = "${sshd.keyFile}"
known_hosts = "${knownHosts}"
`);
    await using mount = await Mount.scanned(workspace, config);
    const at = (name: string) => join(workspace.mountPoint, name);
    const command = [process.execPath, CHILD, at("opened"), at("streamed")];
    const read = JSON.parse(await workspace.must(command, { timeoutMs: TIMEOUT_MS }));
    expect(read).toEqual({ opened: OPENED, streamed: STREAMED });
    expect(peakKib(mount.pid)).toBeLessThan(LIMIT_KIB);
  },
  TIMEOUT_MS,
);

function makeSparse(directory: string, count: number, sizeBytes: number): void {
  mkdirSync(directory, { mode: 0o755 });
  for (let i = 0; i < count; i++) {
    const fd = openSync(join(directory, `${i}.flac`), "w", 0o644);
    ftruncateSync(fd, sizeBytes);
    closeSync(fd);
  }
}

/** The most that was ever resident, with what is mapped of files. */
function peakKib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
}
