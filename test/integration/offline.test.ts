/** A library whose origins are all gone: what was read plays on, and the rest says so at once (NFR-7.1). */

import { afterAll, beforeAll, expect } from "bun:test";
import { renameSync } from "node:fs";
import { eventually } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";
import {
  CHECK_INTERVAL_MS,
  FederatedLibrary,
  NOTICED_MS,
  type OriginName,
} from "./support/federated_library.ts";
import type { FileRead } from "./support/read_files.ts";
import { REMOTES } from "./support/remotes.ts";

const ORIGINS: readonly OriginName[] = [...REMOTES, "disk"];
const SIZES_BYTES = [1, 65_536, 300_001, 3_000_000];
const UNREAD_BYTES = 300_000;
const CACHE_GB = 0.2;

/** Shorter than any read that slept the delays between tries, which only its deadline would end. */
const AT_ONCE_MS = 1500;

const CACHED = REMOTES.flatMap((id) => SIZES_BYTES.map((size) => `${id}/album/${size}.flac`));
/** What is gone at once, so that a try costs nothing: a hung share's answer takes its time-out. */
const REFUSING: readonly OriginName[] = ["attic", "cloud", "disk"];

const { describe, test } = needing("root", "fuse", "smbd", "rclone", "getfattr");

describe("a library of which every origin is gone", () => {
  let library: FederatedLibrary;

  beforeAll(async () => {
    library = await FederatedLibrary.create(CACHE_GB);
    for (const id of REMOTES) {
      for (const size of SIZES_BYTES) await library.put(`${id}/album/${size}.flac`, size, id);
    }
    for (const id of ORIGINS) await library.put(unread(id), UNREAD_BYTES, id);
    await library.start();
    expectExact(await library.read(...CACHED));
    const wantedBytes = REMOTES.length * SIZES_BYTES.reduce((sum, size) => sum + size, 0);
    await eventually("what was read is on the cache's disk", async () => {
      const { stdout } = await library.musicfs("cache", "verify", "--json");
      return JSON.parse(stdout).bytes === wantedBytes;
    });
    for (const id of REMOTES) await library.remotes.all[id].kill();
    renameSync(library.workspace.path("disk"), library.workspace.path("disk-unplugged"));
    await eventually("every origin is unhealthy", () => allAre("unhealthy"), 60_000);
  }, 180_000);
  afterAll(async () => {
    await library[Symbol.asyncDispose]();
  }, 60_000);

  test("lists the whole tree, and serves every cached file byte for byte (NFR-7.1)", async () => {
    await library.dropPages(...CACHED);
    expect(await library.find()).toEqual([...library.files]);
    expectExact(await library.read(...CACHED));
  }, 60_000);

  test("answers EIO for what is not cached, without sleeping between tries (F-4)", async () => {
    for (const read of await library.read(...REFUSING.map(unread))) {
      expect(read.content).toBe("EIO");
      expect(read.slowestMs).toBeLessThan(AT_ONCE_MS);
    }
    expect((await library.readOne(unread("nas"))).content).toBe("EIO");
  }, 60_000);

  test("is the same after a remount, which needs no origin either (NFR-7.1)", async () => {
    await library.remount();
    expect(await library.find()).toEqual([...library.files]);
    expectExact(await library.read(...CACHED));
    expect(library.mount.lines('"level":"error"')).toEqual([]);
  }, 60_000);

  test("reads again from an origin that comes back, within a check or two, and nothing else changed", async () => {
    await eventually("every origin is unhealthy", () => allAre("unhealthy"), 60_000);
    await library.remotes.all.attic.restart();
    const backMs = performance.now();
    await eventually("the origin's unread file is read", async () => {
      return (await library.readOne(unread("attic"))).content === "exact";
    });
    expect(performance.now() - backMs).toBeLessThan(CHECK_INTERVAL_MS + 2 * NOTICED_MS);
    expect((await library.readOne(unread("cloud"))).content).toBe("EIO");
    expect(await library.find()).toEqual([...library.files]);
    expectExact(await library.read(...CACHED));
  }, 120_000);

  async function allAre(status: string): Promise<boolean> {
    const health = await library.health();
    return ORIGINS.every((id) => health[id]?.status === status);
  }
});

function unread(id: OriginName): string {
  return `${id}/unread.flac`;
}

function expectExact(reads: readonly FileRead[]): void {
  for (const { path, content } of reads) expect([path, content]).toEqual([path, "exact"]);
}
