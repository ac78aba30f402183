/** Servers that mean harm behind a mount, trick by trick: what they may cost is their own files, for as long as it lasts. */

import { afterAll, beforeAll, expect } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nameFromText } from "../../src/core/bytes.ts";
import { Reply, Request, Status } from "../../src/core/origins/sftp/packet.ts";
import {
  FILE_MODE,
  MTIME,
  type Script,
  ScriptedServer,
} from "../core/origins/sftp/scripted_server.ts";
import { raw, replies, u32 } from "../core/origins/sftp/wire.ts";
import { BINARY, eventually, Mount, type Outcome, Workspace } from "../e2e/support/musicfs.ts";
import { fakeBucket } from "../support/fake_bucket.ts";
import { needing } from "../support/needs.ts";
import { RAW_KEYS } from "../support/raw_bucket.ts";
import { type Answer, type RawHttpServer, reply, writeForEver } from "../support/raw_http.ts";
import { errorXml, listXml } from "../support/s3_answers.ts";
import { readFiles } from "./support/read_files.ts";

const { describe, test } = needing("root", "fuse");

const SONG = Buffer.from("the song, byte by byte ".repeat(10_000));
const ENV = {
  BUCKET_ACCESS_KEY_ID: RAW_KEYS.accessKeyId,
  BUCKET_SECRET_ACCESS_KEY: RAW_KEYS.secretAccessKey,
};
/** Clears a screen, sets a title, makes a line of its own: what a terminal should never be told. */
const ESCAPES = "\x1b[2J\x1b]0;owned\x07\r\n";
const MEMORY_LIMIT_KIB = 500 * 1024;
/** Far more than any of it may take; a hang is longer. */
const PATIENCE_MS = 20_000;

const isRead: (request: Parameters<Answer>[1]) => boolean = ({ headers }) => headers.has("range");

describe("a mount over hostile servers", () => {
  let bucket: RawHttpServer;
  let ssh: ScriptedServer;
  let workspace: Workspace;
  let mount: Mount;
  let honest: Answer;

  const musicfs = (...args: readonly string[]) =>
    workspace.run([BINARY, ...args, "--config", workspace.path("config.toml")], { env: ENV });

  beforeAll(async () => {
    bucket = await fakeBucket({ "song.flac": SONG });
    honest = bucket.answer;
    ssh = await ScriptedServer.start({ tree: { "song.flac": SONG } });
    workspace = new Workspace("hostile");
    workspace.file("disk/song.flac", SONG);
    workspace.config(`
[health]
check_interval_secs = 1
timeout_ms = 1000

[read]
read_deadline_ms = 3000

[cache]
content_cache_gb = 0

[[origins]]
id = "disk"
origin_type = "local"
path = "${workspace.path("disk")}"
prefix = "disk"

[[origins]]
id = "bucket"
origin_type = "s3"
bucket = "music"
region = "us-east-1"
endpoint = "${bucket.endpoint}"
prefix = "bucket"
operation_timeout_ms = 2000
credentials = { env = "BUCKET" }

[[origins]]
id = "attic"
origin_type = "sftp"
host = "127.0.0.1"
port = ${ssh.port}
user = "music"
path = "/music"
identity_file = "${ssh.keyFile}"
known_hosts = "${ssh.knownHosts}"
prefix = "attic"
operation_timeout_ms = 2000
`);
    mount = await Mount.scanned(workspace, ["--config", workspace.path("config.toml")], {
      env: ENV,
    });
  }, 60_000);

  afterAll(async () => {
    await mount[Symbol.asyncDispose]();
    await ssh[Symbol.asyncDispose]();
    await bucket[Symbol.asyncDispose]();
    workspace[Symbol.dispose]();
  });

  const song = (origin: string) => join(workspace.mountPoint, origin, "song.flac");
  const healthy = async () => (await musicfs("health", "--check")).code === 0;
  const rssKib = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${mount.pid}/status`, "utf8"))?.[1]);

  function expectTame(...outcomes: readonly Outcome[]): void {
    for (const { stdout, stderr } of outcomes) {
      expect((stdout + stderr).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
    }
  }

  /** Uses everything while the trick is played, and the played-on origin once it is over. */
  async function stand(origin: "bucket" | "attic", reads: "EIO" | "right"): Promise<void> {
    const started = performance.now();
    const [scan, listed, disk, own] = await Promise.all([
      musicfs("scan", origin),
      workspace.run(["ls", "-lRb", workspace.mountPoint]),
      readFiles([song("disk")]),
      readFiles([song(origin)]),
    ]);
    const health = await musicfs("health", "--check");
    expect(performance.now() - started).toBeLessThan(PATIENCE_MS);
    const right = new Bun.CryptoHasher("sha256").update(SONG).digest("hex");
    expect(disk[0]?.content).toBe(right);
    expect(own[0]?.content).toBe(reads === "right" ? right : "EIO");
    expectTame(scan, listed, health);
    expect(health.stdout).toMatch(/^disk .* healthy/m);
    expect(rssKib()).toBeLessThan(MEMORY_LIMIT_KIB);
  }

  /** Nothing was restarted, nothing of the library is lost, and its bytes are right. */
  async function recover(origin: string): Promise<void> {
    bucket.answer = honest;
    ssh.script = { tree: ssh.script.tree ?? {} };
    await eventually(`${origin} is healthy again`, healthy);
    const [read] = await readFiles([song(origin)]);
    expect(read?.content).toBe(new Bun.CryptoHasher("sha256").update(SONG).digest("hex"));
    // The kernel forgets what it was answered, so that the next trick is asked for all of it.
    writeFileSync("/proc/sys/vm/drop_caches", "1");
    expect(mount.log.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  }

  const range = { ETag: '"e"', "Content-Range": `bytes 0-${SONG.length - 1}/${SONG.length}` };
  const badKeys = ["../../etc/passwd", "a//b", "..", "nul\0", `odd${ESCAPES}`, "song.flac"];
  const bucketTricks: Readonly<Record<string, readonly [reads: "EIO" | "right", Answer]>> = {
    "fewer bytes than it announces": [
      "EIO",
      (socket, request) => {
        if (!isRead(request)) return honest(socket, request);
        reply(socket, 206, { ...range, "Content-Length": SONG.length }, SONG.subarray(0, 1000));
        socket.end();
      },
    ],
    "data beyond the range asked for": [
      "EIO",
      (socket, request) => {
        if (!isRead(request)) return honest(socket, request);
        const headers = Object.entries(range).map(([name, value]) => `${name}: ${value}\r\n`);
        socket.write(
          `HTTP/1.1 206 x\r\n${headers.join("")}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n`,
        );
        writeForEver(socket);
      },
    ],
    "a listing without end": [
      "right",
      (socket, request) => {
        if (isRead(request) || request.method === "HEAD") return honest(socket, request);
        const token = `${bucket.requests.length}`;
        reply(socket, 200, {}, listXml({ keys: [{ key: "same" }], token }));
      },
    ],
    "keys with /, .., NUL and terminal escapes": [
      "right",
      (socket, request) => {
        if (isRead(request) || request.method === "HEAD") return honest(socket, request);
        const keys = badKeys.map((key) => ({ key: encodeURIComponent(key), size: SONG.length }));
        reply(socket, 200, {}, listXml({ keys, encoding: "url" }));
      },
    ],
    "errors of 100 MB, with terminal escapes": [
      "EIO",
      (socket, request) => {
        reply(socket, 400, { "Content-Length": 100_000_000 }, errorXml(ESCAPES));
        if (request.method !== "HEAD") writeForEver(socket);
      },
    ],
    "no answer, over connections that never close": ["EIO", () => undefined],
    "what is neither HTTP nor TLS": ["EIO", (socket) => void socket.write(`SSH-2.0${ESCAPES}\r\n`)],
  };
  for (const [trick, [reads, answer]] of Object.entries(bucketTricks)) {
    test(`stands a bucket that sends ${trick}`, async () => {
      bucket.answer = answer;
      await stand("bucket", reads);
      await recover("bucket");
    });
  }

  const instead = (type: number, answer: (id: number, honestly: Buffer) => Buffer): Script => ({
    answer: (asked, channel, honestly) =>
      channel.write(asked.type === type ? answer(asked.id, honestly()) : honestly()),
  });
  const file = { size: SONG.length, mode: FILE_MODE, mtime: MTIME };
  const bytesOf = (name: string) => nameFromText(name) as string;
  const listingOf = (names: readonly string[]): Script => {
    const left = new Set<string>();
    return {
      answer: (asked, channel, honestly) => {
        if (asked.type !== Request.readdir) channel.write(honestly());
        else if (left.delete(asked.target)) channel.write(replies.status(asked.id, Status.eof));
        else {
          left.add(asked.target);
          channel.write(
            replies.names(
              asked.id,
              names.map((name) => [bytesOf(name), file]),
            ),
          );
        }
      },
    };
  };
  const sshTricks: Readonly<Record<string, readonly [reads: "EIO" | "right", Script]>> = {
    "a length that is not the packet's": [
      "EIO",
      instead(Request.read, (id) => raw(Reply.data, u32(id), u32(500), Buffer.alloc(5))),
    ],
    "data beyond the range asked for": [
      "EIO",
      instead(Request.read, (id) => replies.data(id, Buffer.alloc(250_000, 0xee))),
    ],
    "a listing without end": [
      "right",
      instead(Request.readdir, (id) => replies.names(id, [["same", file]])),
    ],
    "names with /, .., NUL and terminal escapes": ["right", listingOf(badKeys)],
    "errors of 100 MB, with terminal escapes": [
      "EIO",
      instead(Request.read, (id) => replies.status(id, Status.failure, ESCAPES.repeat(10_000_000))),
    ],
    "no answer to CLOSE, ever": [
      "right",
      {
        answer: ({ type }, channel, honestly) => {
          if (type !== Request.close) channel.write(honestly());
        },
      },
    ],
    "no answer at all": ["EIO", { answer: () => undefined }],
  };
  for (const [trick, [reads, script]] of Object.entries(sshTricks)) {
    test(`stands an SSH server that sends ${trick}`, async () => {
      ssh.script = { tree: { "song.flac": SONG }, ...script };
      await stand("attic", reads);
      await recover("attic");
    });
  }

  test("stands an SSH server whose host key was replaced (R-4)", async () => {
    const known = readFileSync(ssh.knownHosts, "utf8");
    await using other = await ScriptedServer.start();
    writeFileSync(ssh.knownHosts, `[127.0.0.1]:${ssh.port} ${other.hostKey}\n`);
    ssh.cut();
    await stand("attic", "EIO");
    expect((await musicfs("health")).stdout).toContain("has CHANGED");
    writeFileSync(ssh.knownHosts, known);
    await recover("attic");
  });

  test("keeps no connection, and ends well after all that", async () => {
    expect(await mount.stop()).toBe(0);
    await eventually("no connection is left", () => bucket.open + ssh.connections === 0);
  });
});
