/** Delta sync of real files that real taggers changed, over real servers; bytes are counted on the wire. */

import { afterAll, beforeAll, describe, expect } from "bun:test";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import {
  makeRetagged,
  RETAGGING_PROGRAMS,
  type RetaggedFile,
  sizeOf,
} from "../../scripts/library/retagged.ts";
import { type S3Server, type Sshd, startS3, startSshd } from "../../scripts/servers/index.ts";
import type { SyncDeltaAnswer } from "../../src/core/control/delta_answers.ts";
import { needing } from "../support/needs.ts";
import { TcpProxy } from "../support/proxy.ts";
import { type Case, Library } from "./support/delta_library.ts";
import { putInParts } from "./support/multipart.ts";
import { BINARY, Mount, Workspace } from "./support/musicfs.ts";

const { test } = needing("root", ...RETAGGING_PROGRAMS);
const mounted = needing("root", "fuse", ...RETAGGING_PROGRAMS);
const BUCKET = "music";
/** Of M4A the share is told, and aimed at; of the others it is promised. */
const PROMISED = new Set(["flac", "mp3", "ogg", "wav"]);
const SHARE = 0.02;
const PATIENCE_MS = 120_000;

/** So little of a file that a reader does not fetch it whole before it is spliced. */
const HEAD_BYTES = 65_536;

/** Prints the hash of the head of `$1/$2`, again and again until it is `$4`. */
const FOLLOW_HEAD = `while :; do
  head="$(head -c "$3" "$1/$2" | sha256sum)" || exit; echo "$head"
  if test "$head" = "$4"; then break; fi; sleep 0.05
done`;

interface Measured {
  readonly file: RetaggedFile;
  readonly wireBytes: number;
  readonly answer: SyncDeltaAnswer["files"][number] | undefined;
}

describe("sync-delta over the wire (S-4)", () => {
  let directory: string;
  let files: readonly RetaggedFile[];
  let s3: S3Server;
  let client: S3Client;
  let sshd: Sshd;

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), "musicfs-retagged-"));
    [files, s3, sshd] = await Promise.all([makeRetagged(directory, 1), startS3(), startSshd()]);
    client = s3.client();
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  }, 600_000);

  afterAll(async () => {
    client?.destroy();
    await s3?.[Symbol.asyncDispose]();
    await sshd?.[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }, PATIENCE_MS);

  const bucketCase = (
    prefix: string,
    put: (key: string, file: string) => Promise<unknown>,
  ): Case => {
    const proxy = new TcpProxy({ port: s3.port });
    const { accessKeyId, secretAccessKey } = s3.owner;
    return {
      proxy,
      origin:
        `id = "cloud"\norigin_type = "s3"\nbucket = "${BUCKET}"\npath = "${prefix}"\n` +
        `region = "${s3.region}"\nendpoint = "http://127.0.0.1:${proxy.port}"\n` +
        `force_path_style = true\n[origins.credentials]\nenv = "CLOUD"\n`,
      env: { CLOUD_ACCESS_KEY_ID: accessKeyId, CLOUD_SECRET_ACCESS_KEY: secretAccessKey },
      put: async (name, file) => void (await put(`${prefix}/${name}`, file)),
    };
  };

  const single = (prefix: string) =>
    bucketCase(prefix, (Key, file) =>
      client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body: readFileSync(file) })),
    );

  const multipart = (prefix: string) =>
    bucketCase(prefix, (Key, file) =>
      putInParts(client, { Bucket: BUCKET, Key }, readFileSync(file)),
    );

  const overSsh = (): Case => {
    const proxy = new TcpProxy({ port: sshd.port });
    const port = String(proxy.port);
    const knownHosts = readFileSync(sshd.knownHosts, "utf8").replaceAll(String(sshd.port), port);
    const file = join(directory, "known_hosts");
    writeFileSync(file, knownHosts);
    return {
      proxy,
      origin:
        `id = "attic"\norigin_type = "sftp"\nhost = "127.0.0.1"\nport = ${port}\n` +
        `user = "${sshd.user}"\npath = "${sshd.dataDir}"\nidentity_file = "${sshd.keyFile}"\n` +
        `known_hosts = "${file}"\n`,
      put: async (name, from) => {
        const to = join(sshd.dataDir, name);
        copyFileSync(from, to);
        // Versions are told apart by size and whole seconds.
        const mtime = sizeOf(from) % 1_000_000;
        utimesSync(to, mtime, mtime + (from.includes("after") ? 10 : 0));
      },
    };
  };

  /** Fills the cache, changes the files, and syncs them one by one. */
  async function measure(library: Library): Promise<readonly Measured[]> {
    const { at } = library;
    for (const { name, before } of files) await at.put(name, before);
    await library.asked("scan");
    expect(await library.asked("cache", "prefetch", ".")).toMatchObject({ failed: [] });
    for (const { name, after } of files) await at.put(name, after);
    const planned: SyncDeltaAnswer = await library.asked("sync-delta", "--dry-run");
    expect(planned.files.map(({ method }) => method)).toEqual(files.map(() => "splice"));
    const measured: Measured[] = [];
    for (const file of files) {
      const before = at.proxy.bytes.toClient;
      const { files: synced }: SyncDeltaAnswer = await library.asked("sync-delta", file.name);
      measured.push({ file, wireBytes: at.proxy.bytes.toClient - before, answer: synced[0] });
    }
    return measured;
  }

  async function check(library: Library): Promise<void> {
    const measured = await measure(library);
    for (const { file, wireBytes, answer } of measured) {
      const size = sizeOf(file.after);
      const share = wireBytes / size;
      console.log(`${file.name}: ${wireBytes} of ${size} bytes, ${(100 * share).toFixed(2)} %`);
      expect(answer).toMatchObject({ path: file.name, method: "splice", bytes: size });
      expect(answer?.fetched_bytes ?? 0).toBeLessThanOrEqual(wireBytes);
      expect(library.holds(file.after)).toBe(true);
      expect(library.holds(file.before)).toBe(false);
    }
    const promised = measured.filter(({ file }) => PROMISED.has(file.format));
    const shares = promised.map(({ file, wireBytes }) => wireBytes / sizeOf(file.after));
    const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
    expect(mean).toBeLessThanOrEqual(SHARE);
    expect(await library.asked("cache", "verify")).toMatchObject({ bad: [] });
    const again: SyncDeltaAnswer = await library.asked("sync-delta");
    expect(again).toMatchObject({ checked: files.length, current: files.length, files: [] });
  }

  for (const [title, open] of [
    ["costs at most 2 % of retagged files in a bucket", () => single("single")],
    ["costs as little where they were uploaded in parts", () => multipart("parts")],
    ["costs as little over SFTP with a shell", overSsh],
  ] as const) {
    test(
      title,
      async () => {
        const at = open();
        await using _proxy = at.proxy;
        using library = new Library(at);
        await check(library);
      },
      2 * PATIENCE_MS,
    );
  }

  test(
    "fetches nothing of a file that was renamed on an SFTP server with a shell",
    async () => {
      const at = overSsh();
      await using _proxy = at.proxy;
      using library = new Library(at);
      const [file] = files;
      if (file === undefined) throw new Error("there are no files");
      // Of several: an origin that loses all it has is held.
      for (const { name, before } of files) await at.put(name, before);
      await library.asked("scan");
      await library.asked("cache", "prefetch", file.name);
      const renamed = `renamed ${file.name}`;
      renameSync(join(sshd.dataDir, file.name), join(sshd.dataDir, renamed));
      await library.asked("scan");
      const before = at.proxy.bytes.toClient;
      const synced: SyncDeltaAnswer = await library.asked("sync-delta");
      rmSync(join(sshd.dataDir, renamed));
      expect(synced.files).toMatchObject([{ path: renamed, method: "moved", fetched_bytes: 0 }]);
      expect(at.proxy.bytes.toClient - before).toBeLessThan(HEAD_BYTES);
      const fetched = await library.asked("cache", "prefetch", renamed);
      expect(fetched).toMatchObject({ fetched_bytes: 0, failed: [] });
    },
    2 * PATIENCE_MS,
  );

  test(
    "completes the second time when it was killed at any moment, and has no mixed file",
    async () => {
      const at = single("killed");
      await using _proxy = at.proxy;
      using library = new Library(at);
      const [file] = files;
      if (file === undefined) throw new Error("there are no files");
      await at.put(file.name, file.before);
      await library.asked("scan");
      await library.asked("cache", "prefetch", ".");
      for (let round = 0; round < 6; round++) {
        const [from, to] = round % 2 === 0 ? [file.before, file.after] : [file.after, file.before];
        expect(library.holds(from)).toBe(true);
        await at.put(file.name, to);
        await library.killed(60 + round * 90, "sync-delta");
        expect(await library.asked("cache", "verify")).toMatchObject({ bad: [] });
        const done: SyncDeltaAnswer = await library.asked("sync-delta");
        expect(done.totals.failed).toBe(0);
        expect(library.holds(to)).toBe(true);
      }
    },
    2 * PATIENCE_MS,
  );

  mounted.test(
    "happens by itself in a mount, whose readers see the old version or the new one",
    async () => {
      const at = single("mounted");
      await using _proxy = at.proxy;
      using library = new Library(at);
      const [file] = files;
      if (file === undefined) throw new Error("there are no files");
      await at.put(file.name, file.before);
      await using mount = await Mount.scanned(
        library,
        library.config(`[[origins]]\n${at.origin}`),
        {
          env: at.env ?? {},
        },
      );
      await library.asked("cache", "prefetch", ".");
      const hash = () => library.shell('sha256sum < "$1/$2"', file.name);
      const [old, next] = [file.before, file.after].map(sha256sum);
      expect(await hash()).toBe(old ?? "");
      await at.put(file.name, file.after);
      const before = at.proxy.bytes.toClient;
      const nextHead = headHash(file.after);
      const heads = library.shell(FOLLOW_HEAD, file.name, String(HEAD_BYTES), nextHead);
      await library.asked("scan");
      await mount.logged("synced cached files");
      expect(library.holds(file.after)).toBe(true);
      const seen = new Set((await heads).trim().split("\n"));
      expect([...seen].filter((head) => head !== headHash(file.before))).toEqual([nextHead]);
      expect(await hash()).toBe(next ?? "");
      // A reader may have asked for blocks of the new version while it was being spliced.
      const share = (at.proxy.bytes.toClient - before) / sizeOf(file.after);
      expect(share).toBeLessThan(0.1);
    },
    2 * PATIENCE_MS,
  );

  mounted.test(
    "goes on in the next mount where the one before ended first",
    async () => {
      const at = single("resumed");
      await using _proxy = at.proxy;
      using library = new Library(at);
      const [file] = files;
      if (file === undefined) throw new Error("there are no files");
      await at.put(file.name, file.before);
      await library.asked("scan");
      await library.asked("cache", "prefetch", ".");
      await at.put(file.name, file.after);
      // The catalog knows of it then, and no scan will ever tell of it again.
      await library.asked("scan");
      const config = library.config(`[[origins]]\n${at.origin}`);
      await using mount = await Mount.scanned(library, config, { env: at.env ?? {} });
      await mount.logged("synced cached files");
      expect(library.holds(file.after)).toBe(true);
    },
    2 * PATIENCE_MS,
  );

  test(
    "costs at most 1.5 % with a published index",
    async () => {
      const at = single("indexed");
      await using _proxy = at.proxy;
      using master = new Workspace("index");
      const flags = master.config(
        `[[origins]]\nid = "disk"\norigin_type = "local"\npath = "${master.directory("disk")}"\n`,
      );
      const index = master.path("published");
      const publish = async (from: "before" | "after") => {
        for (const file of files) copyFileSync(file[from], master.path("disk", file.name));
        const scan = ["scan", "disk", "--chunks", "--publish", index, "--json"];
        return JSON.parse(
          await master.must([BINARY, ...scan, ...flags], { timeoutMs: PATIENCE_MS }),
        );
      };
      expect(await publish("before")).toMatchObject({ chunks: [{ files: files.length }] });
      expect(await publish("after")).toMatchObject({ chunks: [{ failed: [] }] });
      const [first = "", ...others] = at.origin.split("\n");
      const origin = [first, `index = "${index}"`, ...others].join("\n");
      using library = new Library({ ...at, origin });
      const shares: number[] = [];
      for (const { file, wireBytes, answer } of await measure(library)) {
        expect(["index", "splice"]).toContain(answer?.method ?? "");
        expect(library.holds(file.after)).toBe(true);
        shares.push(wireBytes / sizeOf(file.after));
      }
      expect(shares.reduce((sum, share) => sum + share, 0) / shares.length).toBeLessThan(0.015);
    },
    2 * PATIENCE_MS,
  );

  test(
    "never misses one byte changed in the middle",
    async () => {
      const at = single("edited");
      await using _proxy = at.proxy;
      using library = new Library(at);
      const [file] = files;
      if (file === undefined) throw new Error("there are no files");
      await at.put(file.name, file.before);
      await library.asked("scan");
      await library.asked("cache", "prefetch", ".");
      const bytes = readFileSync(file.before);
      bytes.writeUInt8(bytes.readUInt8(12_345_678) ^ 1, 12_345_678);
      const edited = join(directory, "edited.flac");
      await Bun.write(edited, bytes);
      await at.put(file.name, edited);
      const { files: synced }: SyncDeltaAnswer = await library.asked("sync-delta");
      expect(synced).toMatchObject([{ method: "whole" }]);
      expect(library.holds(edited)).toBe(true);
    },
    2 * PATIENCE_MS,
  );
});

/** As sha256sum prints it of its standard input. */
function sha256sum(file: string): string {
  return `${sha256(readFileSync(file))}  -\n`;
}

/** As FOLLOW_HEAD prints it. */
function headHash(file: string): string {
  return `${sha256(readFileSync(file).subarray(0, HEAD_BYTES))}  -`;
}

function sha256(content: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(content).digest("hex");
}
