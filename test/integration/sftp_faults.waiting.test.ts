/** The SFTP origin while OpenSSH, or the network before it, fails in every way. */

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Sshd, startSshd } from "../../scripts/servers/sshd.ts";
import type { BytePath } from "../../src/core/bytes.ts";
import type { SftpOriginSettings } from "../../src/core/config/config.ts";
import { SFTP_KEEPALIVE_MS, SFTP_KEEPALIVES, SFTP_QUIET_MS } from "../../src/core/limits.ts";
import type { OriginVersion } from "../../src/core/origins/origin.ts";
import { openSftpOrigin, type SftpOrigin } from "../../src/core/origins/sftp/origin.ts";
import { sftpSettings, surroundings } from "../core/origins/sftp/settings.ts";
import { eventually } from "../e2e/support/process.ts";
import { TcpProxy } from "../support/proxy.ts";

const SONG = "song" as BytePath;
const SIZE_BYTES = 16 * 1024 * 1024;
/** So much of it has arrived when a transfer is in its middle. */
const BEGUN_BYTES = 1024 * 1024;
/** Within it a server that is well has answered, on any machine. */
const TIMEOUT_MS = 6000;
/** When a connection whose server is stopped is given up, whatever its reads wait for. */
const GIVEN_UP_MS = SFTP_KEEPALIVE_MS * SFTP_KEEPALIVES;
const LIMIT_MS = 120_000;
const content = Buffer.alloc(SIZE_BYTES, Buffer.from(Array.from({ length: 251 }, (_, i) => i)));

let server: Sshd;
let directory: string;
beforeEach(async () => {
  server = await startSshd();
  directory = mkdtempSync(join(tmpdir(), "musicfs-sftp-faults-"));
  writeFileSync(join(server.dataDir, "song"), content, { mode: 0o644 });
}, 120_000);
afterEach(async () => {
  rmSync(directory, { recursive: true, force: true });
  await server[Symbol.asyncDispose]();
});

function open(port = server.port, own: Partial<SftpOriginSettings> = {}): SftpOrigin {
  const knownHosts = join(directory, `known_hosts.${port}`);
  writeFileSync(knownHosts, `[127.0.0.1]:${port} ${server.hostKey}\n`);
  const { host, user, keyFile } = server;
  return openSftpOrigin(
    sftpSettings({ host, port, user, identityFile: keyFile, knownHosts, ...own }),
    { surroundings: surroundings("/nonexistent") },
  );
}

async function readWhole(origin: SftpOrigin, version: OriginVersion): Promise<void> {
  const into = new Uint8Array(SIZE_BYTES);
  expect(await origin.read(SONG, 0, into, { version })).toBe(SIZE_BYTES);
  expect(Buffer.compare(into, content)).toBe(0);
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => "resolved",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
}

const descriptors = () => readdirSync("/proc/self/fd").length;

/** Resolves in the middle of a transfer that begins now. */
async function begun(proxy: TcpProxy): Promise<void> {
  const before = proxy.bytes.toClient;
  await eventually("a part has arrived", () => proxy.bytes.toClient > before + BEGUN_BYTES);
}

describe("SFTP origin", () => {
  test(
    "stands a server that stops and goes on (SIGSTOP)",
    async () => {
      const origin = open();
      const version = await origin.stat(SONG);
      server.pause();
      const patient = origin.read(SONG, 0, new Uint8Array(100_000), { version });
      const limit = AbortSignal.timeout(200);
      expect(
        await codeOf(origin.read(SONG, 0, new Uint8Array(10), { version, signal: limit })),
      ).toBe("cancelled");
      expect(await codeOf(origin.probe(AbortSignal.timeout(200)))).toBe("cancelled");
      server.resume();
      expect(await patient).toBe(100_000);
      expect(await origin.probe()).toEqual({ status: "ok" });
      await readWhole(origin, version);
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "gives a stopped server up after the operation's limit, and finds it again (R-2)",
    async () => {
      const origin = open(server.port, { operationTimeoutMs: TIMEOUT_MS });
      const version = await origin.stat(SONG);
      server.pause();
      const started = performance.now();
      expect(await codeOf(origin.read(SONG, 0, new Uint8Array(10), { version }))).toBe("timeout");
      expect(performance.now() - started).toBeWithin(TIMEOUT_MS - 100, 10 * TIMEOUT_MS);
      server.resume();
      await readWhole(origin, version);
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "serves over other connections while one session hangs (R-1)",
    async () => {
      const origin = open();
      const version = await origin.stat(SONG);
      const before = new Set(server.processes().map(({ pid }) => pid));
      // A second connection, made because the first is busy.
      await Promise.all(Array.from({ length: 8 }, () => readWhole(origin, version)));
      const second = server.processes().filter(({ pid }) => !before.has(pid));
      expect(second.length).toBeGreaterThan(0);
      const started = performance.now();
      for (const pid of before) if (pid !== process.pid) process.kill(pid, "SIGSTOP");
      const limit = new AbortController();
      const stuck = Array.from({ length: 4 }, () =>
        codeOf(origin.read(SONG, 0, new Uint8Array(10), { version, signal: limit.signal })),
      );
      await Bun.sleep(SFTP_QUIET_MS + 50);
      for (let i = 0; i < 20; i++) await origin.stat(SONG);
      expect(await Promise.race(stuck)).toBe("resolved");
      // Nobody waited until the hung session is given up.
      expect(performance.now() - started).toBeLessThan(GIVEN_UP_MS);
      limit.abort();
      for (const code of await Promise.all(stuck))
        expect(["resolved", "cancelled"]).toContain(code as string);
      server.resume();
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "stands a server that is killed in mid-transfer, and comes back",
    async () => {
      const origin = open();
      const version = await origin.stat(SONG);
      const reads = Array.from({ length: 4 }, () =>
        codeOf(origin.read(SONG, 0, new Uint8Array(SIZE_BYTES), { version })),
      );
      await Bun.sleep(5);
      await server.kill();
      for (const code of await Promise.all(reads))
        expect(["connection", "resolved"]).toContain(code as string);
      const down: unknown = await origin.probe().catch((error: unknown) => error);
      expect(down).toMatchObject({ code: "connection" });
      expect(String(down)).toContain("refuses the connection");
      await server.restart();
      expect(await origin.probe()).toEqual({ status: "ok" });
      await readWhole(origin, version);
      await origin.close();
    },
    LIMIT_MS,
  );

  test.each(["cut", "reset"] as const)(
    "stands a connection that is %s in mid-transfer",
    async (how) => {
      await using proxy = new TcpProxy({ port: server.port });
      const origin = open(proxy.port);
      const version = await origin.stat(SONG);
      proxy.bytesPerSecond = 8 * 1024 * 1024;
      const read = codeOf(origin.read(SONG, 0, new Uint8Array(SIZE_BYTES), { version }));
      await begun(proxy);
      proxy[how]();
      expect(await read).toBe("connection");
      proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
      await readWhole(origin, version);
      await origin.close();
      await eventually("no connection is left", () => proxy.connections.length === 0);
    },
    LIMIT_MS,
  );

  test(
    "stands a network that swallows everything, and drops what is dead on demand (F-5)",
    async () => {
      await using proxy = new TcpProxy({ port: server.port });
      const origin = open(proxy.port);
      const version = await origin.stat(SONG);
      proxy.stall();
      const stuck = codeOf(origin.read(SONG, 0, new Uint8Array(10), { version }));
      await Bun.sleep(50);
      origin.dropConnections();
      expect(await stuck).toBe("connection");
      proxy.resume();
      await readWhole(origin, version);
      proxy.stall();
      const again = codeOf(origin.read(SONG, 0, new Uint8Array(10), { version }));
      await Bun.sleep(50);
      await origin.close();
      expect(await again).toBe("connection");
    },
    LIMIT_MS,
  );

  test(
    "notices by keep-alives that the other end is gone",
    async () => {
      await using proxy = new TcpProxy({ port: server.port });
      const origin = open(proxy.port, { operationTimeoutMs: 600_000 });
      const version = await origin.stat(SONG);
      proxy.stall();
      expect(await codeOf(origin.read(SONG, 0, new Uint8Array(10), { version }))).toBe("timeout");
      proxy.resume();
      await readWhole(origin, version);
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "loses one connection, and nothing else, to a FIFO in a known file's place",
    async () => {
      const origin = open(server.port, { operationTimeoutMs: TIMEOUT_MS });
      const version = await origin.stat(SONG);
      writeFileSync(join(server.dataDir, "other"), content, { mode: 0o644 });
      rmSync(join(server.dataDir, "song"));
      Bun.spawnSync(["mkfifo", "-m", "644", join(server.dataDir, "song")]);
      const read = codeOf(origin.read(SONG, 0, new Uint8Array(10), { version }));
      await Bun.sleep(SFTP_QUIET_MS + 50);
      const other = "other" as BytePath;
      expect(await origin.read(other, 0, new Uint8Array(10))).toBe(10);
      expect(Bun.peek.status(read)).toBe("pending");
      expect(await read).toBe("timeout");
      expect(await codeOf(origin.stat(SONG))).toBe("not_a_file");
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "cancels for real: what is under way stops crossing the wire",
    async () => {
      await using proxy = new TcpProxy({ port: server.port });
      const origin = open(proxy.port);
      const version = await origin.stat(SONG);
      proxy.bytesPerSecond = 2 * 1024 * 1024;
      const controller = new AbortController();
      const read = codeOf(
        origin.read(SONG, 0, new Uint8Array(SIZE_BYTES), { version, signal: controller.signal }),
      );
      await begun(proxy);
      controller.abort();
      expect(await read).toBe("cancelled");
      proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
      await origin.probe();
      await Bun.sleep(200);
      // At most what was asked for already: the window, not the file.
      expect(proxy.bytes.toClient).toBeLessThan(SIZE_BYTES / 2);
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "needs two round trips to the first byte of a file, and pipelines the rest (R-1)",
    async () => {
      await using proxy = new TcpProxy({ port: server.port });
      const origin = open(proxy.port);
      const version = await origin.stat(SONG);
      // A round trip takes three seconds, far longer than anything else.
      proxy.delayMs = 1500;
      const took = async (bytes: number) => {
        const started = performance.now();
        await origin.read(SONG, 0, new Uint8Array(bytes), { version });
        return performance.now() - started;
      };
      // Two round trips, then one.
      expect(await took(4096)).toBeWithin(5990, 8990);
      expect(await took(4096)).toBeWithin(2990, 5990);
      // 32 requests, one after the other, would take 96 s.
      expect(await took(8 * 1024 * 1024)).toBeLessThan(45_000);
      await origin.close();
    },
    LIMIT_MS,
  );

  test(
    "leaves no descriptor, process or connection behind",
    async () => {
      const before = descriptors();
      const sessions = () => server.processes().length;
      const idle = sessions();
      for (let round = 0; round < 5; round++) {
        const origin = open();
        const version = await origin.stat(SONG);
        await Promise.all(Array.from({ length: 6 }, () => readWhole(origin, version)));
        if (round % 2 === 0) origin.dropConnections();
        await origin.close();
      }
      await eventually("all is given back", () => sessions() <= idle && descriptors() <= before);
    },
    LIMIT_MS,
  );
});
