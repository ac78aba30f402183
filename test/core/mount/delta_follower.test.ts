import { describe, expect, test } from "bun:test";
import { type BytePath, pathFromText } from "../../../src/core/bytes.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { EventBus, type MusicFsEvent } from "../../../src/core/events.ts";
import { DELTA_DEBOUNCE_MS, DELTA_LOOK_FILES } from "../../../src/core/limits.ts";
import { DeltaFollower } from "../../../src/core/mount/delta_follower.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import type { SyncDeltaReport } from "../../../src/core/sync/delta/sync_delta.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const NAS = "nas" as OriginId;
const [CACHED, OTHER, LATER] = ["cached", "other", "later"].map(pathFromText) as [
  BytePath,
  BytePath,
  BytePath,
];

class Following implements Disposable {
  readonly clock = new VirtualClock();
  readonly bus = new EventBus();
  readonly events: MusicFsEvent[] = [];
  readonly warnings: string[] = [];
  /** What the cache had when the mount began. */
  cached: readonly BytePath[] = [];
  readonly synced: (readonly BytePath[])[] = [];
  /** What a sync comes to; undefined: it has not ended. */
  end: PromiseWithResolvers<SyncDeltaReport> = Promise.withResolvers();
  isOutdated = (path: BytePath) => path !== OTHER;
  readonly follower = new DeltaFollower({
    clock: this.clock,
    events: this.bus,
    cached: () => this.cached,
    outdated: (paths) => paths.filter(this.isOutdated),
    sync: (paths) => {
      this.synced.push(paths);
      return this.end.promise;
    },
    onWarning: (message) => this.warnings.push(message),
  });

  constructor() {
    this.bus.subscribe((event) => {
      if (event.type.startsWith("sync_")) this.events.push(event);
    });
  }

  modify(...paths: readonly BytePath[]): void {
    for (const path of paths) this.bus.emit({ type: "file_modified", origin: NAS, path });
  }

  scanned(): void {
    this.bus.emit({ type: "scan_finished", origin: NAS, outcome: "complete" } as MusicFsEvent);
  }

  async wait(): Promise<void> {
    await this.clock.advance(DELTA_DEBOUNCE_MS);
    await settle();
  }

  [Symbol.dispose](): void {
    this.follower[Symbol.dispose]();
  }
}

function report(reason: string | undefined): SyncDeltaReport {
  const method = reason === undefined ? "splice" : undefined;
  const file = { path: CACHED, sizeBytes: 100, method, fetchedBytes: 4, elapsedMs: 1, reason };
  return { checked: 1, current: 0, dryRun: false, files: [file as never], elapsedMs: 1 };
}

describe("the follower of modified files", () => {
  test("syncs what is cached, once, a while after it was modified (F-10)", async () => {
    using t = new Following();
    t.modify(CACHED, OTHER, CACHED);
    expect(t.synced).toEqual([]);
    await t.wait();
    expect(t.synced).toEqual([[CACHED]]);
    t.end.resolve(report(undefined));
    await t.wait();
    expect(t.events).toEqual([
      { type: "sync_started", files: 1 },
      { type: "sync_finished", files: 1, failed: 0, bytes: 100, fetched: 4 },
    ]);
  });

  test("says nothing of files that are not cached", async () => {
    using t = new Following();
    t.modify(OTHER);
    await t.wait();
    expect(t.synced).toEqual([]);
    expect(t.events).toEqual([]);
  });

  test("looks at what came when something else goes: it may have been renamed (S-4)", async () => {
    using t = new Following();
    t.bus.emit({ type: "file_added", origin: NAS, path: CACHED });
    await t.wait();
    expect(t.synced).toEqual([]);
    t.bus.emit({ type: "file_removed", origin: NAS, path: LATER });
    await t.wait();
    expect(t.synced).toEqual([[CACHED]]);
    t.end.resolve(report(undefined));
    await settle();
    t.bus.emit({ type: "file_removed", origin: NAS, path: OTHER });
    await t.wait();
    expect(t.synced).toEqual([[CACHED]]);
  });

  test("resumes after the first scan what a mount before has left", async () => {
    using t = new Following();
    const many = Array.from({ length: DELTA_LOOK_FILES }, (_, i) => pathFromText(`${i}`));
    t.cached = [...many, CACHED, OTHER];
    t.scanned();
    await t.wait();
    expect(t.synced).toEqual([many]);
    t.end.resolve(report(undefined));
    await settle();
    await t.wait();
    expect(t.synced).toEqual([many, [CACHED]]);
    t.scanned();
    await t.wait();
    expect(t.synced).toHaveLength(2);
  });

  test("goes on beyond files of which none is outdated", async () => {
    using t = new Following();
    t.cached = [
      ...Array(DELTA_LOOK_FILES)
        .keys()
        .map((i) => pathFromText(`other ${i}`)),
      CACHED,
    ];
    t.isOutdated = (path) => path === CACHED;
    t.scanned();
    await t.wait();
    expect(t.synced).toEqual([]);
    await t.wait();
    expect(t.synced).toEqual([[CACHED]]);
  });

  test("takes what is modified during a sync to the next one", async () => {
    using t = new Following();
    t.modify(CACHED);
    await t.wait();
    t.modify(LATER);
    await t.wait();
    expect(t.synced).toEqual([[CACHED]]);
    t.end.resolve(report(undefined));
    await settle();
    await t.wait();
    expect(t.synced).toEqual([[CACHED], [LATER]]);
  });

  test("warns of what fails, and goes on", async () => {
    using t = new Following();
    t.modify(CACHED);
    await t.wait();
    t.end.resolve(report("gone"));
    await settle();
    expect(t.warnings).toEqual(["a cached file was not synced: gone"]);
    t.end = Promise.withResolvers();
    t.modify(CACHED);
    await t.wait();
    t.end.reject(new OwnError("cache", "the disk is gone"));
    await settle();
    expect(t.warnings.at(-1)).toContain("the disk is gone");
    expect(t.events.at(-1)).toMatchObject({ type: "sync_finished", failed: 1 });
  });

  test("ends with the mount, silently", async () => {
    const t = new Following();
    t.modify(CACHED);
    t.follower[Symbol.dispose]();
    await t.wait();
    expect(t.synced).toEqual([]);
    expect(t.bus.listenerCount).toBe(1);
  });
});
