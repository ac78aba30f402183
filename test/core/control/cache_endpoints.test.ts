import { describe, expect, test } from "bun:test";
import { pathFromText, ROOT_PATH } from "../../../src/core/bytes.ts";
import type { ControlledCache } from "../../../src/core/control/controlled_mount.ts";
import { OwnError } from "../../../src/core/errors.ts";
import type { SyncDeltaReport } from "../../../src/core/sync/delta/sync_delta.ts";
import { Controlled, FakeMount } from "./controlled.ts";

const A = pathFromText("album/ä");

class FakeCache implements ControlledCache {
  readonly state = { status: "degraded", reason: "the disk is full" } as const;
  readonly usage = {
    usedBytes: 5,
    limitBytes: 10,
    hitBytes: 3,
    missedBytes: 4,
    opensPassedThrough: 2,
  };
  readonly asked: unknown[] = [];

  stats() {
    return Promise.resolve({
      ...{ budgetBytes: 10, usedBytes: 5, files: 2, completeFiles: 1, openFiles: 1 },
      ...{ pinnedFiles: 1, pinnedBytes: 3, pins: [A, ROOT_PATH] },
    });
  }

  clear(options: unknown) {
    this.asked.push(["clear", options]);
    return Promise.resolve({ files: 1, bytes: 2, leftFiles: 3 });
  }

  verify(options: unknown, onProgress: (done: number, total: number) => void) {
    this.asked.push(["verify", options]);
    onProgress(1, 2);
    return Promise.resolve({ files: 1, blocks: 2, bytes: 3, bad: [{ path: A, blocks: 1 }] });
  }

  pin(paths: unknown) {
    this.asked.push(["pin", paths]);
    return Promise.reject(new OwnError("cache", "pinned files would take 9 GiB"));
  }

  unpin(paths: unknown) {
    this.asked.push(["unpin", paths]);
    return Promise.resolve();
  }

  syncDelta(wish: unknown, onProgress: (done: number, total: number) => void) {
    this.asked.push(["sync", wish]);
    onProgress(5, 10);
    return Promise.resolve(REPORT);
  }

  async prefetch(paths: unknown, onProgress: (done: number, total: number) => void) {
    this.asked.push(["prefetch", paths]);
    onProgress(4, 8);
    await Bun.sleep(1);
    const failed = [{ path: A, reason: "gone" }];
    return { files: 2, bytes: 8, fetchedBytes: 4, failed };
  }
}

const REPORT: SyncDeltaReport = {
  checked: 3,
  current: 1,
  dryRun: false,
  elapsedMs: 12.6,
  files: [
    {
      path: A,
      sizeBytes: 100,
      method: "splice",
      fetchedBytes: 4,
      elapsedMs: 7.2,
      reason: undefined,
    },
    {
      path: pathFromText("b"),
      sizeBytes: 50,
      method: undefined,
      fetchedBytes: 0,
      elapsedMs: 1,
      reason: "gone",
    },
  ],
};

async function served(cache?: ControlledCache) {
  const controlled = new Controlled();
  const mount = new FakeMount(controlled.path("cache"));
  mount.cache = cache;
  controlled.serve(mount);
  const mountClient = await controlled.client();
  return { controlled, mountClient, client: mountClient.cache };
}

describe("the control API of the cache", () => {
  test("tells its state and what it holds", async () => {
    const { controlled, client, mountClient } = await served(new FakeCache());
    await using _controlled = controlled;
    expect((await mountClient.status()).cache).toEqual({
      ...{ status: "degraded", reason: "the disk is full", used_bytes: 5, limit_bytes: 10 },
      ...{ hit_bytes: 3, missed_bytes: 4 },
    });
    const metrics = (await mountClient.metrics()).match(/^musicfs_cache_.*/gm);
    expect(metrics).toEqual([
      "musicfs_cache_degraded 1",
      "musicfs_cache_used_bytes 5",
      "musicfs_cache_limit_bytes 10",
      "musicfs_cache_hit_bytes_total 3",
      "musicfs_cache_missed_bytes_total 4",
      "musicfs_cache_opens_passed_through_total 2",
    ]);
    for await (const update of mountClient.live()) {
      if (update.kind !== "state") continue;
      expect(update.cache).toMatchObject({ state: "degraded", used_bytes: 5, hit_bytes: 3 });
      break;
    }
    expect(await client.stats()).toEqual({
      ...{ status: "degraded", reason: "the disk is full", budget_bytes: 10, used_bytes: 5 },
      ...{ files: 2, complete_files: 1, open_files: 1, pinned_files: 1, pinned_bytes: 3 },
      pins: ["album/ä", ""],
    });
  });

  test("does what it is asked, with progress", async () => {
    const cache = new FakeCache();
    const { controlled, client } = await served(cache);
    await using _controlled = controlled;
    const told: unknown[] = [];
    const onBytes = (...progress: number[]) => void told.push(progress);
    expect(await client.clear({ paths: [], pinned: true })).toEqual({
      ...{ files: 1, bytes: 2, left_pinned_files: 3 },
    });
    expect(await client.verify({ paths: ["/album/ä/"], repair: true }, onBytes)).toEqual({
      ...{ files: 1, blocks: 2, bytes: 3, repaired: true },
      bad: [{ path: "album/ä", blocks: 1 }],
    });
    expect(await client.unpin(["album/ä"])).toEqual({ unpinned: ["album/ä"] });
    expect(await client.prefetch(["album/ä", ""], onBytes)).toEqual({
      ...{ files: 2, bytes: 8, fetched_bytes: 4 },
      failed: [{ path: "album/ä", reason: "gone" }],
    });
    const wish = { paths: ["album/ä"], origins: [], all: false, dryRun: true };
    const counts = { bytes: 100, fetched_bytes: 4, reused_bytes: 96, elapsed_ms: 7 };
    expect(await client.syncDelta(wish, onBytes)).toEqual({
      ...{ dry_run: false, checked: 3, current: 1 },
      totals: {
        ...{ files: 2, failed: 1, bytes: 150 },
        ...{ fetched_bytes: 4, reused_bytes: 96, elapsed_ms: 13 },
      },
      files: [
        { path: "album/ä", method: "splice", ...counts, reason: null },
        {
          ...{ path: "b", method: null, bytes: 50, fetched_bytes: 0, reused_bytes: 0 },
          ...{ elapsed_ms: 1, reason: "gone" },
        },
      ],
    });
    await expect(client.syncDelta({ ...wish, origins: ["nobody"] }, onBytes)).rejects.toMatchObject(
      { code: "usage" },
    );
    expect(told).toContainEqual([4, 8]);
    expect(cache.asked).toEqual([
      ["clear", { paths: [], pinned: true }],
      ["verify", { paths: [A], repair: true }],
      ["unpin", [A]],
      ["prefetch", [A, ROOT_PATH]],
      ["sync", { paths: [A], origins: [], all: false, dryRun: true }],
    ]);
  });

  test("refuses what the cache refuses, and what makes no sense", async () => {
    const { controlled, client } = await served(new FakeCache());
    await using _controlled = controlled;
    const refused = client.pin(["album/ä"], () => undefined);
    expect(await refused.catch((error: unknown) => error)).toMatchObject({
      code: "cache",
      message: "pinned files would take 9 GiB",
    });
    for (const paths of [[], ["../etc"], ["a/\0"]]) {
      const failure = await client.unpin(paths).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "usage" });
    }
  });

  test("says so when nothing is kept", async () => {
    const { controlled, client, mountClient } = await served();
    await using _controlled = controlled;
    expect((await mountClient.status()).cache).toBeNull();
    const failure = await client.stats().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "usage" });
  });
});
