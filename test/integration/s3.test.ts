import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secret } from "../../scripts/secrets.ts";
import { startS3 } from "../../scripts/servers/index.ts";
import { type BytePath, joinPath, nameFromText, ROOT_PATH } from "../../src/core/bytes.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { S3OriginSettings } from "../../src/core/config/config.ts";
import { buildOrigin } from "../../src/core/origins/build.ts";
import type { DirEntry, Origin } from "../../src/core/origins/origin.ts";
import { openS3Origin, S3_CAPABILITIES } from "../../src/core/origins/s3/origin.ts";
import { UsageLedger } from "../../src/core/origins/usage.ts";
import { eventually } from "../e2e/support/process.ts";
import { inAllWrappers, wrapped } from "../suites/harnesses.ts";
import { originConformance, patterned } from "../suites/origin.ts";
import { type Bucket, credentialsOf, type Keys, makeBucket } from "../support/buckets.ts";
import { TcpProxy } from "../support/proxy.ts";
import { codeOf, failureOf } from "../support/raw_bucket.ts";

const server = await startS3();
afterAll(() => server[Symbol.asyncDispose]());

const HARNESS = {
  capabilities: S3_CAPABILITIES,
  emptyDirectories: true,
  editInPlace: false,
  sparseFiles: false,
  // Two pages; Swift takes 5 ms for each object put.
  manyEntries: 1100,
};

originConformance("a bucket", { ...HARNESS, open: () => makeBucket(server) });
originConformance("a part of a bucket in all wrappers", {
  ...wrapped(
    { ...HARNESS, open: () => makeBucket(server, { path: "music + more/päth%20" }) },
    inAllWrappers,
  ),
  manyEntries: 10,
});

const path = (text: string) => nameFromText(text) as string as BytePath;

async function namesIn(origin: Origin, directory: BytePath): Promise<readonly string[]> {
  const names: string[] = [];
  for await (const page of origin.list(directory)) {
    names.push(...page.map(({ name, kind }) => `${name}${kind === "directory" ? "/" : ""}`));
  }
  return names.sort();
}

describe("a bucket with odd keys", () => {
  test("shows what can be shown, and tells of the rest", async () => {
    const skipped: string[] = [];
    const onSkipped = (_: BytePath, name: string) => void skipped.push(name);
    await using bucket = await makeBucket(server, {}, { onSkipped });
    const good = ["album/ok", "album/a/b", "album/%2F", "album/a+b"];
    const bad = ["album//b", "album/../x", "album/./y", `album/${"x".repeat(300)}`, "/rooted"];
    const both = ["album/both", "album/both/inside"];
    for (const key of [...good, ...bad, ...both]) await bucket.putKey(key, key);

    expect(await namesIn(bucket.origin, ROOT_PATH)).toEqual(["album/"]);
    expect(await namesIn(bucket.origin, path("album"))).toEqual([
      "%2F",
      "a+b",
      "a/",
      "both/",
      "ok",
    ]);
    expect(await namesIn(bucket.origin, path("album/both"))).toEqual(["inside"]);
    expect(skipped.sort()).toEqual(["/", "/", "../", "./", "both", "x".repeat(300)].sort());
    for (const key of good) {
      const into = new Uint8Array(100);
      const read = await bucket.origin.read(path(key), 0, into);
      expect(Buffer.from(into.subarray(0, read)).toString()).toBe(key);
    }
  });
});

describe("a bucket listed in one go", () => {
  test("is what its directories list, in a tenth of the requests", async () => {
    let requests = 0;
    const nothing = () => undefined;
    const meter = { request: () => void requests++, received: nothing, sent: nothing };
    await using bucket = await makeBucket(server, { path: "music + more" }, { meter });
    const albums = ["a", "a.b", "a-", "a b/disc 1", "a b/disc 2", "ä+%", "z/y/x"];
    for (const album of albums) await bucket.put(path(`${album}/track`), patterned(album.length));
    const lines = (directory: BytePath, entries: readonly DirEntry[]) =>
      entries.map(({ name, sizeBytes, token }) => `${directory}/${name} ${sizeBytes} ${token}`);
    const walk = async (directory: BytePath): Promise<readonly string[]> => {
      const found: string[] = [];
      for await (const page of bucket.origin.list(directory)) {
        found.push(...lines(directory, page));
        for (const { name, kind } of page) {
          if (kind === "directory") found.push(...(await walk(joinPath(directory, name))));
        }
      }
      return found;
    };
    const one = await walk(ROOT_PATH);
    const [before, inOneGo] = [requests, [] as string[]];
    requests = 0;
    for await (const pages of bucket.origin.listTree?.() ?? []) {
      for (const { directory, entries } of pages) inOneGo.push(...lines(directory, entries));
    }
    expect(inOneGo.sort()).toEqual(one.toSorted());
    expect([before, requests]).toEqual([11, 1]);
  });
});

describe("buildOrigin", () => {
  test("opens a bucket with credentials from a file, and counts what it costs", async () => {
    await using bucket = await makeBucket(server);
    await bucket.put(path("file"), patterned(1000));
    const directory = await mkdtemp(join(tmpdir(), "musicfs-s3-"));
    try {
      const file = join(directory, "keys");
      const { accessKeyId, secretAccessKey } = server.owner;
      const lines = `ACCESS_KEY_ID=${accessKeyId}\nSECRET_ACCESS_KEY=${secretAccessKey}\n`;
      await writeFile(file, lines, { mode: 0o600 });
      const settings = { ...bucket.settings, credentials: { from: "file", path: file } as const };
      const store = { load: async () => undefined, save: async () => undefined };
      await using ledger = await UsageLedger.open({ clock: systemClock, store });
      const origin = await buildOrigin(settings, {
        clock: systemClock,
        localDisk: () => {
          throw new Error("there is no disk here");
        },
        usage: ledger.meter(settings.id),
      });
      expect(await origin.read(path("file"), 0, new Uint8Array(2000))).toBe(1000);
      await origin.close();
      const { requests, receivedBytes } = ledger.usage(settings.id).today;
      expect(requests).toBe(1);
      expect(receivedBytes).toBeWithin(1000, 3000);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe("a bucket's checksums", () => {
  test("are the MD5 of what was uploaded in one part", async () => {
    await using bucket = await makeBucket(server);
    const content = patterned(100_000);
    await bucket.put(path("file"), content);
    const md5 = createHash("md5").update(content).digest("hex");
    const version = await bucket.origin.stat(path("file"));
    expect(await bucket.origin.proof?.(path("file"), version)).toEqual({ kind: "md5", hex: md5 });
  });
});

describe("a bucket that cannot be used", () => {
  const wrongKey = { accessKeyId: "musicfs:nobody", secretAccessKey: secret("nobody") };
  const wrongSecret = { ...server.owner, secretAccessKey: secret("wrong") };
  const cases: Record<string, readonly [Partial<S3OriginSettings>, Keys, string, string]> = {
    "an unknown key": [{}, wrongKey, "credentials", "check access key and secret"],
    "a wrong secret": [{}, wrongSecret, "credentials", "check access key and secret"],
    "credentials without rights": [{}, server.denied, "credentials", "s3:ListBucket"],
    "a missing bucket": [{ bucket: "none" }, server.owner, "misconfigured", "does not exist"],
    "another region": [
      { region: "eu-west-3" },
      server.owner,
      "misconfigured",
      'set region = "us-east-1"',
    ],
  };
  for (const [what, [settings, keys, code, message]] of Object.entries(cases)) {
    test(`says what to do about ${what} (R-6)`, async () => {
      await using bucket = await makeBucket(server);
      const origin = openS3Origin(
        { ...bucket.settings, ...settings },
        { credentials: credentialsOf(keys) },
      );
      for (const use of [() => origin.probe(), () => origin.stat(path("file"))]) {
        const failure = await failureOf(use());
        expect(failure).toMatchObject({ code, scope: "origin" });
        expect(failure.message).toContain(message);
      }
      await origin.close();
    });
  }

  test("serves who may only read", async () => {
    await using bucket = await makeBucket(server);
    await bucket.put(path("file"), patterned(10));
    const origin = openS3Origin(bucket.settings, { credentials: credentialsOf(server.reader) });
    expect(await origin.probe()).toEqual({ status: "ok" });
    expect(await namesIn(origin, ROOT_PATH)).toEqual(["file"]);
    await origin.close();
  });
});

const SIZE = 2_000_000;

/** An origin that reaches the server through a proxy, with one file of two megabytes. */
async function throughProxy() {
  const proxy = new TcpProxy({ port: server.port });
  const bucket: Bucket = await makeBucket(server, { endpoint: `http://127.0.0.1:${proxy.port}` });
  const content = patterned(SIZE);
  await bucket.put(path("file"), content);
  const version = await bucket.origin.stat(path("file"));
  const into = new Uint8Array(SIZE);
  return {
    proxy,
    origin: bucket.origin,
    async read(signal?: AbortSignal): Promise<boolean> {
      const options = { version, ...(signal === undefined ? {} : { signal }) };
      const read = await bucket.origin.read(path("file"), 0, into, options);
      return read === SIZE && Buffer.compare(into, content) === 0;
    },
    async [Symbol.asyncDispose]() {
      await bucket[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

describe("a bucket behind a bad network", () => {
  test("fails reads cut in the middle, and serves byte-exact when the line is back", async () => {
    await using at = await throughProxy();
    at.proxy.cutAfterBytes = SIZE / 2;
    expect(await codeOf(at.read())).toBe("connection");
    expect(await codeOf(at.read())).toBe("connection");
    at.proxy.cutAfterBytes = Number.POSITIVE_INFINITY;
    expect(await at.read()).toBe(true);

    at.proxy.bytesPerSecond = 1_000_000;
    const before = at.proxy.bytes.toClient;
    const cut = codeOf(at.read());
    await eventually("a part has arrived", () => at.proxy.bytes.toClient > before + SIZE / 10);
    at.proxy.reset();
    expect(await cut).toBe("connection");
    at.proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
    expect(await at.read()).toBe(true);
  });

  test("lets go of a stalled read at once, and of its connection (R-2)", async () => {
    await using at = await throughProxy();
    at.proxy.stall();
    const read = codeOf(at.read(AbortSignal.timeout(50)));
    expect(await read).toBe("cancelled");
    at.proxy.resume();
    expect(await at.read()).toBe(true);
    // The stalled proxy learns only now that the connection of the first read was closed.
    await eventually("it is closed", () => at.proxy.connections.length <= 1);
    expect(at.proxy.connections).toHaveLength(1);
  });

  test("says that nobody answers, and recovers by itself", async () => {
    await using at = await throughProxy();
    at.proxy.refuse();
    at.proxy.cut();
    const failure = await failureOf(at.origin.probe());
    expect(failure).toMatchObject({ code: "connection", retryable: true });
    expect(failure.message).toContain("refuses connections");
    at.proxy.accept();
    expect(await at.origin.probe()).toEqual({ status: "ok" });
    expect(await at.read()).toBe(true);
  });

  test("has the first byte of a file after one round trip", async () => {
    await using at = await throughProxy();
    expect(await at.read()).toBe(true);
    // A round trip takes four seconds, far longer than anything else.
    at.proxy.delayMs = 2000;
    const into = new Uint8Array(10);
    const startMs = performance.now();
    await at.origin.read(path("file"), 5, into);
    expect(performance.now() - startMs).toBeLessThan(7900);
  }, 60_000);

  test("fetches no more than it is asked for, over connections it keeps", async () => {
    await using at = await throughProxy();
    const { bytes, accepted } = at.proxy;
    const before = bytes.toClient;
    for (let i = 0; i < 20; i++) {
      await at.origin.read(path("file"), i * 50_000, new Uint8Array(10_000));
    }
    expect(bytes.toClient - before).toBeLessThan(20 * 11_000);
    expect(at.proxy.accepted).toBe(accepted);
  });
});

describe("a bucket whose server stops", () => {
  test("hangs no read beyond its signal, and serves on when it goes on", async () => {
    await using at = await throughProxy();
    server.pause();
    try {
      expect(await codeOf(at.read(AbortSignal.timeout(100)))).toBe("cancelled");
      expect(await codeOf(at.origin.probe(AbortSignal.timeout(100)))).toBe("cancelled");
    } finally {
      server.resume();
    }
    expect(await at.read()).toBe(true);
  });

  test("comes back after its server was killed", async () => {
    await using at = await throughProxy();
    await server.kill();
    expect(await codeOf(at.origin.probe())).toBe("connection");
    await server.restart();
    expect(await at.origin.probe()).toEqual({ status: "ok" });
    expect(await at.read()).toBe(true);
  }, 120_000);
});
