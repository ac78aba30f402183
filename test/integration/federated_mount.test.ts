/**
 * One mount over local + SFTP + S3 + SMB while each server in turn fails in every way and comes
 * back. All of it happens to one process, which nobody restarts.
 */

import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
import {
  CACHE_FILES_WRITTEN,
  CACHE_OPEN_FILES,
  MAX_GUARDS_PER_ORIGIN,
} from "../../src/core/limits.ts";
import { eventually, isRunning } from "../e2e/support/musicfs.ts";
import { guardsOf } from "../support/guards.ts";
import { needing } from "../support/needs.ts";
import {
  FederatedLibrary,
  NOTICED_MS,
  type OriginName,
  READ_DEADLINE_MS,
} from "./support/federated_library.ts";
import type { FileRead } from "./support/read_files.ts";
import { REMOTES, type RemoteId } from "./support/remotes.ts";

const ORIGINS: readonly OriginName[] = [...REMOTES, "disk"];
const OUTAGES = ["killed", "stopped"] as const;
const FAULTS = [...OUTAGES, "cut", "slow"] as const;

const SMALL_BYTES = 50_000;
const SONG_BYTES = 300_000;
/** Enough to be in the middle of, on a slow line. */
const LARGE_BYTES = 6_000_000;
/** So large that a third of it and all that is read ahead then leave some to be read. */
const HUGE_BYTES = 20_000_000;

/** Slow enough to be in the middle of a large file for a while. */
const MID_TRANSFER_BYTES_PER_SECOND = 4_000_000;

/** Whoever waits for a sick origin waits for a time-out or deadline, each of them longer. */
const UNDISTURBED_MS = READ_DEADLINE_MS - 100;

/**
 * The kernel asks for pages ahead of the program, and when that fails for the one the program wants:
 * an error takes two READs, each of them answered within its deadline.
 */
const ERROR_MS = 2 * READ_DEADLINE_MS + 1000;

/** Files of each origin for looking whether it is disturbed; each is read once. */
const CALM_ROUNDS = REMOTES.length * FAULTS.length * 2;
const CALM_FILES = 3;

/** The next remote, which has copies of some of this one's files. */
const NEIGHBOUR = { attic: "cloud", cloud: "nas", nas: "attic" } as const;

const { describe, test } = needing("root", "fuse", "smbd", "rclone", "getfattr");

describe("one mount over local + SFTP + S3 + SMB", () => {
  let library: FederatedLibrary;
  let calmRound = 0;
  let descriptors = 0;

  beforeAll(async () => {
    library = await FederatedLibrary.create();
    await library.put("everywhere/song", SONG_BYTES, ...ORIGINS);
    await library.put("everywhere/byte", 1, ...ORIGINS);
    await library.put("everywhere/empty", 0, ...ORIGINS);
    for (const id of REMOTES) {
      for (const fault of FAULTS) {
        const isOutage = fault === "killed" || fault === "stopped";
        await library.put(`${id}/${fault}/large`, isOutage ? HUGE_BYTES : LARGE_BYTES, id, "disk");
        await library.put(`${id}/${fault}/compared`, HUGE_BYTES, id, "disk");
        await library.put(`${id}/${fault}/alone-large`, LARGE_BYTES, id);
        await library.put(`${id}/${fault}/alone`, SONG_BYTES, id);
        await library.put(`${id}/${fault}/alone-again`, SONG_BYTES, id);
        await library.put(`${id}/${fault}/song`, SONG_BYTES, id, "disk");
        await library.put(`${id}/${fault}/pair`, SONG_BYTES, id, NEIGHBOUR[id]);
      }
    }
    for (const id of ORIGINS) {
      for (let round = 0; round < CALM_ROUNDS; round++) {
        for (const path of calmFiles(round, id)) await library.put(path, SMALL_BYTES, id);
      }
    }
    await library.start();
  }, 60_000);
  afterAll(async () => {
    await library[Symbol.asyncDispose]();
  }, 60_000);

  test("shows one tree, every file byte-equal (FR-13.1, FR-13.2, FR-13.4)", async () => {
    expect(await library.find()).toEqual([...library.files]);
    expectExact(await library.read("everywhere/song", "everywhere/byte", "everywhere/empty"));
    expect(await library.replicas("everywhere/song")).toBe(
      "attic:proved,cloud:unverified,nas:unverified,disk:unverified",
    );
    expect(await library.musicfs("health")).toMatchObject({ code: 0, stderr: "" });
    descriptors = openDescriptors();
  });

  for (const id of REMOTES) {
    for (const outage of OUTAGES) {
      test(`goes on while the server of ${id} is ${outage}, and recovers (NFR-7.2, F-8)`, async () => {
        const remote = library.remotes.all[id];
        const at = `${id}/${outage}`;
        await compare(`${at}/compared`);
        const reading = await library.readPausing(`${at}/large`, LARGE_BYTES / 4);
        if (outage === "killed") await remote.kill();
        else remote.pause();
        const sinceMs = performance.now();
        try {
          const [large, compared] = await Promise.all([
            reading.goOn(),
            library.read(`${at}/compared`),
            expectUndisturbed(id),
          ]);
          expectExact([large, ...compared]);
          expect(await library.failovers(`${at}/large`)).toContain("disk");
          expect(await library.failovers(`${at}/compared`)).toContain("disk");
          const [alone] = await Promise.all([
            library.read(`${at}/alone-large`),
            expectUnhealthy(id, sinceMs),
            expectTree(),
          ]);
          expectFailed(alone);
          const [served, failed] = await Promise.all([
            library.read(`${at}/pair`, `${at}/song`),
            library.read(`${at}/alone`),
            expectUndisturbed(id),
          ]);
          expectExact(served, UNDISTURBED_MS);
          expectFailed(failed);
        } finally {
          if (outage === "killed") await remote.restart();
          else remote.resume();
        }
        await expectHealthy(id, `${at}/alone`, `${at}/alone-large`);
      }, 60_000);
    }

    test(`goes on when the connections of ${id} are cut in mid-transfer (NFR-7.2, NFR-7.3)`, async () => {
      const { proxy } = library.remotes.all[id];
      const shared = library.readOne(`${id}/cut/large`);
      const only = await readingInTheMiddle(id, `${id}/cut/alone-large`);
      proxy.reset();
      proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
      // A moment later the way is free again: retries serve what only this origin has.
      expectExact([await shared, await only.whole]);
      await expectHealthy(id, `${id}/cut/alone`);

      // And now it stays unplugged for a while.
      const reading = await library.readPausing(`${id}/cut/compared`, LARGE_BYTES / 4);
      proxy.refuse();
      proxy.cut();
      const sinceMs = performance.now();
      try {
        await expectUndisturbed(id);
        expectExact([await reading.goOn()]);
        await expectUnhealthy(id, sinceMs);
        expectExact(await library.read(`${id}/cut/pair`, `${id}/cut/song`), UNDISTURBED_MS);
      } finally {
        proxy.accept();
      }
      await expectHealthy(id, `${id}/cut/alone-again`);
    }, 60_000);

    test(`waits for ${id} while it is slow, and for nothing else`, async () => {
      const { proxy, calm } = library.remotes.all[id];
      await calm();
      proxy.delayMs = 10;
      proxy.bytesPerSecond = 2_000_000;
      try {
        const [slow] = await Promise.all([
          library.read(`${id}/slow/alone`, `${id}/slow/song`, `${id}/slow/pair`),
          expectUndisturbed(id),
        ]);
        expectExact(slow);
      } finally {
        proxy.delayMs = 0;
        proxy.bytesPerSecond = Number.POSITIVE_INFINITY;
      }
      await expectHealthy(id, `${id}/slow/large`, `${id}/slow/alone-large`);
    }, 60_000);
  }

  test("has leaked nothing after all that, and ends at once", async () => {
    const cached = CACHE_OPEN_FILES + CACHE_FILES_WRITTEN;
    await eventually("descriptors are given back", () => {
      return openDescriptors() <= descriptors + cached + 8;
    });
    expect(guardsOf(library.mount.pid).length).toBeWithin(1, MAX_GUARDS_PER_ORIGIN + 1);
    const startedMs = performance.now();
    const left = guardsOf(library.mount.pid);
    expect(await library.mount.stop()).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    await eventually("no guard is left", () => !left.some(isRunning));
    expect(library.mount.lines('"level":"error"')).toEqual([]);
  }, 30_000);

  function calmFiles(round: number, id: OriginName): readonly string[] {
    return Array.from({ length: CALM_FILES }, (_, n) => `calm/${round}/${id}-${n}`);
  }

  /** Other origins' files are read as if nothing had happened. */
  async function expectUndisturbed(sick: RemoteId): Promise<void> {
    const round = calmRound++;
    const others = ORIGINS.filter((id) => id !== sick);
    const reads = await Promise.all(others.map((id) => library.read(...calmFiles(round, id))));
    expectExact(reads.flat(), UNDISTURBED_MS);
  }

  /** `musicfs health` tells in time that this origin is gone, and nobody says so of another. */
  async function expectUnhealthy(sick: RemoteId, sinceMs: number): Promise<void> {
    const others = ORIGINS.filter((id) => id !== sick);
    const calledBefore = others.map(timesCalledUnhealthy);
    await eventually(`${sick} is unhealthy`, async () => {
      const health = await library.health();
      for (const id of others) expect([id, health[id]?.status]).toEqual([id, "healthy"]);
      return health[sick]?.status === "unhealthy" && health[sick].last_error !== null;
    });
    // A `musicfs health` that began just before found it well; the next one checks as often itself.
    expect(performance.now() - sinceMs).toBeLessThan(2 * NOTICED_MS);
    expect(others.map(timesCalledUnhealthy)).toEqual(calledBefore);
  }

  /** The origin comes back by itself: `musicfs health` says so, and the mount reads its files. */
  async function expectHealthy(id: RemoteId, ...paths: readonly string[]): Promise<void> {
    await eventually("all origins are healthy", async () => {
      const health = await library.health();
      return ORIGINS.every((each) => health[each]?.status === "healthy");
    });
    await eventually(`the mount has found that ${id} is healthy`, async () =>
      (await library.read(...paths)).every(({ content }) => content === "exact"),
    );
  }

  async function expectTree(): Promise<void> {
    const startedMs = performance.now();
    expect(await library.find()).toEqual([...library.files]);
    expect(performance.now() - startedMs).toBeLessThan(UNDISTURBED_MS);
  }

  function timesCalledUnhealthy(id: OriginName): number {
    return library.mount.lines('"origin is unhealthy"').filter((line) => line.includes(`"${id}"`))
      .length;
  }

  /** Has the mount compare the file's replicas, as it does once a third of it was read. */
  async function compare(path: string): Promise<void> {
    await library.readBeginning(path, Math.ceil(HUGE_BYTES * 0.35));
    await eventually(`replicas of ${path} are compared`, async () =>
      (await library.replicas(path)).endsWith("disk:probable"),
    );
  }

  /** A file that only this origin has, of which some was read over a line on which the rest takes a second. */
  async function readingInTheMiddle(
    id: RemoteId,
    path: string,
  ): Promise<{ readonly whole: Promise<FileRead> }> {
    const { proxy } = library.remotes.all[id];
    proxy.bytesPerSecond = MID_TRANSFER_BYTES_PER_SECOND;
    const before = proxy.bytes.toClient;
    const whole = library.readOne(path);
    await eventually(`${path} is read`, () => proxy.bytes.toClient > before + LARGE_BYTES / 4);
    return { whole };
  }

  function openDescriptors(): number {
    return readdirSync(`/proc/${library.mount.pid}/fd`).length;
  }
});

function expectExact(reads: readonly FileRead[], withinMs = Number.POSITIVE_INFINITY): void {
  for (const { path, content, slowestMs } of reads) {
    expect([path, content]).toEqual([path, "exact"]);
    expect(slowestMs).toBeLessThan(withinMs);
  }
}

function expectFailed(reads: readonly FileRead[]): void {
  for (const { path, content, slowestMs } of reads) {
    expect([path, content]).toEqual([path, "EIO"]);
    expect(slowestMs).toBeLessThan(ERROR_MS);
  }
}
