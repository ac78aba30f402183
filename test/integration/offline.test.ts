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
const AT_ONCE_MS = 1900;

const ALBUMS = REMOTES.flatMap((id) => SIZES_BYTES.map((size) => `${id}/album/${size}.flac`));
/** The disk holds other bytes of these: one of another size, one that only a comparison tells. */
const DIFFERING = ["differing/size.flac", "differing/bytes.flac"];
const DIFFERING_BYTES = 300_000;
const CACHED = [...ALBUMS, ...DIFFERING];
/**
 * What is gone at once, so that a try costs nothing: a hung share's answer takes its time-out. The
 * disk is not among them: its files, moved away, can be read through a directory that is still open.
 */
const REFUSING: readonly OriginName[] = ["attic", "cloud"];

const { describe, test } = needing("root", "fuse", "smbd", "rclone", "getfattr");

describe("a library of which every origin is gone", () => {
  let library: FederatedLibrary;

  beforeAll(async () => {
    library = await FederatedLibrary.create(CACHE_GB);
    for (const id of REMOTES) {
      for (const size of SIZES_BYTES) await library.put(`${id}/album/${size}.flac`, size, id);
    }
    for (const id of ORIGINS) await library.put(unread(id), UNREAD_BYTES, id);
    for (const path of DIFFERING) await library.put(path, DIFFERING_BYTES, "attic");
    library.workspace.file("disk/differing/size.flac", Buffer.alloc(DIFFERING_BYTES + 1, "other"));
    library.workspace.file("disk/differing/bytes.flac", Buffer.alloc(DIFFERING_BYTES, "other"));
    await library.start();
    expectExact(await library.read(...CACHED));
    const albumBytes = SIZES_BYTES.reduce((sum, size) => sum + size, 0);
    const wantedBytes = REMOTES.length * albumBytes + DIFFERING.length * DIFFERING_BYTES;
    await eventually(
      "what was read is on the cache's disk",
      async () => {
        const { stdout } = await library.musicfs("cache", "verify", "--json");
        if (JSON.parse(stdout).bytes >= wantedBytes) return true;
        // Nothing is kept while the cache's disk is behind: what was not is read again.
        await library.dropPages(...CACHED);
        expectExact(await library.read(...CACHED));
        return false;
      },
      60_000,
    );
    for (const id of REMOTES) await library.remotes.all[id].kill();
    await eventually("the servers are unhealthy", () => areUnhealthy(REMOTES), 60_000);
  }, 180_000);
  afterAll(async () => {
    await library[Symbol.asyncDispose]();
  }, 60_000);

  test("plays what is cached, not the other bytes that an origin in reach has of it", async () => {
    await library.dropPages(...DIFFERING);
    expectExact(await library.read(...DIFFERING));
  }, 60_000);

  test("lists the whole tree, and serves every cached file byte for byte (NFR-7.1)", async () => {
    renameSync(library.workspace.path("disk"), library.workspace.path("disk-unplugged"));
    await eventually("every origin is unhealthy", () => areUnhealthy(ORIGINS), 60_000);
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
    await eventually("every origin is unhealthy", () => areUnhealthy(ORIGINS), 60_000);
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

  async function areUnhealthy(origins: readonly OriginName[]): Promise<boolean> {
    const health = await library.health();
    return origins.every((id) => health[id]?.status === "unhealthy");
  }
});

function unread(id: OriginName): string {
  return `${id}/unread.flac`;
}

function expectExact(reads: readonly FileRead[]): void {
  for (const { path, content } of reads) expect([path, content]).toEqual([path, "exact"]);
}
