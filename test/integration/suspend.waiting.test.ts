/**
 * A machine that sleeps: everything stops, and goes on when every deadline has long passed. None of that
 * is an origin's failure (F-5). What the clock does meanwhile is in test/core/federation/health_sleep.test.ts.
 */

import { expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sshd, startSshd } from "../../scripts/servers/index.ts";
import { CLOCK_JUMP_MS } from "../../src/core/limits.ts";
import { ControlledLibrary } from "../e2e/support/controlled_library.ts";
import { bytes } from "../e2e/support/library.ts";
import { eventually } from "../e2e/support/musicfs.ts";
import { guardsOf } from "../support/guards.ts";
import { needing } from "../support/needs.ts";

const { test } = needing("root", "fuse");

const CHECK_MS = 1000;
const TIMEOUT_MS = 4000;
/** The servers fall asleep so much earlier: a check of each and a read are under way then. */
const DROWSY_MS = 1500;
/** Longer than a check's interval, its time-out and an operation's; a sleep is told from being slow. */
const ASLEEP_MS = CLOCK_JUMP_MS + 2 * TIMEOUT_MS;
const PATIENCE_MS = 60_000;
const SONG = bytes(1, 8 * 1024 * 1024);

/** `nas` over SFTP, `share` by guards, `disk` by threads; only nas has `alone`. */
function threeOrigins(server: Sshd): ControlledLibrary {
  const library = new ControlledLibrary("disk");
  for (const name of ["song", "alone"]) writeFileSync(join(server.dataDir, name), SONG);
  for (const origin of ["share", "disk"]) library.file(`${origin}/song`, SONG);
  const limits = `operation_timeout_ms = ${TIMEOUT_MS}\n`;
  library.config(`
[health]
check_interval_secs = ${CHECK_MS / 1000}
timeout_ms = ${TIMEOUT_MS}
unhealthy_threshold = 1

[[origins]]
id = "nas"
origin_type = "sftp"
priority = 1
host = "${server.host}"
port = ${server.port}
user = "${server.user}"
path = "."
identity_file = "${server.keyFile}"
known_hosts = "${server.knownHosts}"
${limits}
[[origins]]
id = "share"
origin_type = "nfs"
require_mount = false
priority = 2
path = "${library.path("share")}"
${limits}
${library.written("disk")}priority = 3
${limits}`);
  return library;
}

function logins({ logFile }: Sshd): number {
  return readFileSync(logFile, "utf8").split("Accepted publickey").length - 1;
}

test("after a sleep nothing is unhealthy for it, connections are made anew, and reads go on (F-5, F-8)", async () => {
  await using server = await startSshd();
  using library = threeOrigins(server);
  await using mount = await library.mount();
  using running = await library.client();
  const { client } = running;
  const healthy = async () =>
    (await client.origins()).origins.every(({ status }) => status === "healthy");
  await eventually("all are healthy", healthy, PATIENCE_MS);
  const changes = () => mount.lines('"level":"warn"').concat(mount.lines('"level":"error"'));
  const before = { logins: logins(server), changes: changes() };

  const script = 'exec 3< "$1/alone"; dd bs=64k count=1 status=none <&3; read -r _; exec cat <&3';
  const reader = Bun.spawn(["sh", "-c", script, "sh", library.mountPoint], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  });
  const read = new Response(reader.stdout).arrayBuffer();
  await library.shell('head -c 100000 "$1/song" > /dev/null');

  const guards = guardsOf(mount.pid);
  const signal = (name: NodeJS.Signals, pids: readonly number[]) => {
    for (const pid of pids) process.kill(pid, name);
  };
  let meanwhile: Promise<string>;
  try {
    server.pause();
    signal("SIGSTOP", guards);
    reader.stdin.write("go\n");
    reader.stdin.end();
    await Bun.sleep(DROWSY_MS);
    signal("SIGSTOP", [mount.pid]);
    meanwhile = library.shell('md5sum < "$1/song"');
    await Bun.sleep(ASLEEP_MS);
  } finally {
    server.resume();
    signal("SIGCONT", [...guards, mount.pid]);
  }

  expect(Buffer.compare(Buffer.from(await read), SONG)).toBe(0);
  expect(await new Response(reader.stderr).text()).toBe("");
  expect((await meanwhile).split(" ")[0]).toBe(Bun.MD5.hash(SONG, "hex"));
  await eventually("it logged in again", () => logins(server) > before.logins, PATIENCE_MS);
  // A few more checks say nothing else.
  await Bun.sleep(3 * CHECK_MS);
  expect(await healthy()).toBe(true);
  expect(changes()).toEqual(before.changes);
  expect(await mount.stop()).toBe(0);
}, 180_000);
