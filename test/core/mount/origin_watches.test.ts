import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import { OriginError, type OriginErrorCode } from "../../../src/core/errors.ts";
import { OriginWatches } from "../../../src/core/mount/origin_watches.ts";
import type {
  ChangeListener,
  Origin,
  OriginId,
  WatchState,
} from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;

function setUp() {
  const clock = new VirtualClock();
  const did: string[] = [];
  const warnings: string[] = [];
  const held: Disposable[] = [];
  const failing = new Map<string, OriginErrorCode>();
  let change: ChangeListener = () => undefined;
  let become: (state: WatchState) => void = () => undefined;
  let begun = 0;
  let open = 0;
  const origin = {
    id: nas,
    watch(onChange: ChangeListener, onState: typeof become) {
      change = onChange;
      become = onState;
      begun++;
      open++;
      return { [Symbol.dispose]: () => void open-- };
    },
  } as unknown as Origin;
  const watches = new OriginWatches({
    clock,
    hold: (_origin, watch) => void held.push(watch),
    list: async (id, directory) => {
      did.push(`list ${id}:${directory}`);
      const code = failing.get(directory);
      if (code !== undefined) throw new OriginError(code, id, directory, "made to fail");
    },
    rescan: (id) => void did.push(`rescan ${id}`),
    isShown: (_id, directory) => !directory.startsWith("@eaDir"),
    onWatching: (id) => void did.push(`watches ${id}`),
    onWarning: (message) => void warnings.push(message),
  });
  watches.add(origin);
  return {
    ...{ clock, did, warnings, watches, failing },
    change: (...paths: readonly (string | undefined)[]) => {
      for (const path of paths) change(path as BytePath | undefined);
    },
    become: (state: WatchState) => become(state),
    remove: () => held.forEach((watch) => void watch[Symbol.dispose]()),
    counts: () => ({ begun, open, timers: clock.pendingTimers }),
  };
}

describe("OriginWatches", () => {
  test("S-3 gathers changes for 200 ms and lists each directory once, outermost first", async () => {
    const { clock, did, become, change } = setUp();
    become({ watching: true });
    did.length = 0;
    change("b/c", "b", "b/c", "@eaDir");
    await clock.advance(199);
    expect(did).toEqual([]);
    await clock.advance(1);
    expect(did).toEqual(["list nas:b", "list nas:b/c"]);
    change("b");
    await clock.advance(200);
    expect(did).toEqual(["list nas:b", "list nas:b/c", "list nas:b"]);
  });

  test("S-3 lists what could not be listed again after a minute, until it can be", async () => {
    const { clock, did, failing, become, change, counts } = setUp();
    become({ watching: true });
    did.length = 0;
    failing.set("a", "denied").set("b", "not_found").set("c", "timeout");
    change("a", "b", "c", "d");
    await clock.advance(200);
    // One that is gone is told of its parent; an origin that does not answer is asked for no more.
    expect(did.splice(0)).toEqual(["list nas:a", "list nas:b", "list nas:c"]);
    await clock.advance(59_999);
    expect(did).toEqual([]);
    failing.delete("c");
    await clock.advance(201);
    expect(did.splice(0)).toEqual(["list nas:a", "list nas:c", "list nas:d"]);
    failing.clear();
    await clock.advance(60_200);
    expect(did.splice(0)).toEqual(["list nas:a"]);
    await clock.advance(600_000);
    expect(did).toEqual([]);
    expect(counts().timers).toBe(0);
  });

  test("scans the origin when it could not list very many directories, and stops when removed", async () => {
    const { clock, did, failing, become, change, counts, remove } = setUp();
    become({ watching: true });
    did.length = 0;
    for (let round = 0; round < 3; round++) {
      const directories = Array.from({ length: 200 }, (_, at) => `${round}/${at}`);
      for (const directory of directories) failing.set(directory, "denied");
      change(...directories);
      await clock.advance(200);
    }
    expect(did.splice(0)).toHaveLength(600);
    await clock.advance(60_000);
    expect(did.splice(0)).toEqual(["rescan nas"]);
    change("0/0");
    await clock.advance(200);
    remove();
    expect(counts().timers).toBe(0);
  });

  test("scans the origin when anything or very much may have changed", async () => {
    const { clock, did, become, change } = setUp();
    become({ watching: true });
    expect(did.splice(0)).toEqual(["watches nas", "rescan nas"]);
    change("a", undefined, "b");
    await clock.advance(200);
    expect(did).toEqual(["rescan nas"]);
    change(...Array.from({ length: 257 }, (_, at) => `d${at}`));
    await clock.advance(200);
    expect(did).toEqual(["rescan nas", "rescan nas"]);
  });

  test("is polled while it cannot be watched, says so once, and tries again", async () => {
    const { clock, warnings, watches, become, counts } = setUp();
    become({ watching: true });
    expect(watches.isWatched(nas)).toBe(true);
    for (let round = 0; round < 3; round++) {
      become({ watching: false, reason: "its directory was unmounted", forGood: false });
      expect(watches.isWatched(nas)).toBe(false);
      await clock.advance(60_000);
    }
    expect(warnings).toEqual([
      "origin nas is polled, since it cannot be watched: its directory was unmounted",
    ]);
    expect(counts()).toEqual({ begun: 4, open: 1, timers: 0 });
  });

  test("tries again as soon as the origin is back", () => {
    const { watches, become, counts } = setUp();
    become({ watching: false, reason: "away", forGood: false });
    watches.recovered(nas);
    expect(counts()).toEqual({ begun: 2, open: 1, timers: 0 });
    watches.recovered(nas);
    expect(counts().begun).toBe(2);
  });

  test("does not try again what failed for good", async () => {
    const { clock, become, counts } = setUp();
    become({ watching: false, reason: "the limit is reached", forGood: true });
    await clock.advance(3_600_000);
    expect(counts()).toMatchObject({ begun: 1, timers: 0 });
  });

  test("F-9 leaves nothing behind when the origin is removed", async () => {
    const { clock, did, watches, become, change, remove, counts } = setUp();
    become({ watching: true });
    change("a");
    remove();
    did.length = 0;
    await clock.advance(1000);
    expect(did).toEqual([]);
    expect(counts()).toEqual({ begun: 1, open: 0, timers: 0 });
    expect(watches.isWatched(nas)).toBe(false);
  });
});
