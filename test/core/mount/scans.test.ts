import { describe, expect, test } from "bun:test";
import { OwnError } from "../../../src/core/errors.ts";
import { type ScanOptions, Scans } from "../../../src/core/mount/scans.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import type { ScanResult } from "../../../src/core/sync/scan.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;

const COMPLETE: ScanResult = {
  outcome: "complete",
  ...{ directories: 1, files: 2, bytes: 3, added: 2, modified: 0, removed: 0, kept: 0 },
  changes: { names: [], directories: [], events: [] },
  problems: [],
  problemCount: 0,
};

type Scan = (signal: AbortSignal, options: ScanOptions) => Promise<unknown>;

function setUp(
  scan: Scan,
  usable = () => true,
  watched = () => false,
  outcome: () => ScanResult["outcome"] = () => "complete",
) {
  const clock = new VirtualClock();
  const faults: string[] = [];
  const scans = new Scans({
    clock,
    random: () => 0.5,
    scan: async (_origin, options, signal) => {
      await scan(signal, options);
      return { ...COMPLETE, outcome: outcome() };
    },
    usable,
    watched,
    onFault: (message) => void faults.push(message),
  });
  return { clock, scans, faults };
}

describe("Scans", () => {
  test("scans at once and then at every interval", async () => {
    let scanned = 0;
    const { clock, scans } = setUp(async () => void scanned++);
    scans.add(nas, 900_000);
    await clock.advance(0);
    expect(scanned).toBe(1);
    await clock.advance(899_999);
    expect(scanned).toBe(1);
    await clock.advance(1);
    expect(scanned).toBe(2);
    await scans.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("varies the interval by a tenth, so that origins do not wake their disks in step", async () => {
    for (const [chance, intervalMs] of [
      [0, 810_000],
      [0.75, 945_000],
    ] as const) {
      const clock = new VirtualClock();
      const scans = new Scans({
        clock,
        random: () => chance,
        scan: () => Promise.resolve(COMPLETE),
        usable: () => true,
        watched: () => false,
        onFault: () => undefined,
      });
      scans.add(nas, 900_000);
      await clock.advance(0);
      expect(clock.nextTimerMs).toBe(intervalMs);
      await scans.close();
    }
  });

  test("lets what was at an origin's former place go, once, when a scan worked out", async () => {
    const allowed: (boolean | undefined)[] = [];
    const { clock, scans } = setUp(async (_signal, { allowEmpty }) => {
      if (allowed.push(allowEmpty) === 1) throw new OwnError("catalog", "disk full");
    });
    scans.add(nas, 60_000, true);
    await clock.advance(0);
    await clock.advance(60_000);
    await clock.advance(60_000);
    expect(allowed).toEqual([true, true, false]);
    await scans.close();
  });

  test("does not poll an origin that is watched, but for what it missed", async () => {
    let scanned = 0;
    const { clock, scans } = setUp(
      async () => {
        if (++scanned === 2) scans.rescan(nas);
      },
      undefined,
      () => true,
    );
    scans.add(nas, 900_000);
    await clock.advance(900_000);
    expect(scanned).toBe(1);
    scans.rescan(nas);
    await clock.advance(0);
    // A change during the second one makes a third.
    await clock.advance(900_000);
    expect(scanned).toBe(3);
    await scans.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(["partial", "held"] as const)(
    "polls an origin that is watched after a scan that was %s, until one is complete",
    async (incomplete) => {
      const at: number[] = [];
      const { clock, scans } = setUp(
        async () => void at.push(clock.monotonicMs() - startMs),
        undefined,
        () => true,
        () => (at.length <= 4 ? incomplete : "complete"),
      );
      const startMs = clock.monotonicMs();
      scans.add(nas, 300_000);
      await clock.advance(10_000_000);
      expect(at).toEqual([0, 60_000, 180_000, 420_000, 720_000]);
      expect(clock.pendingTimers).toBe(0);
      await scans.close();
    },
  );

  test("tries again soon after a failure, of which an event tells", async () => {
    let scanned = 0;
    const { clock, scans, faults } = setUp(async () => {
      scanned++;
      throw new Error("no route");
    });
    scans.add(nas, 900_000);
    await clock.advance(120_000);
    expect(scanned).toBe(3);
    expect(faults).toEqual([]);
    await scans.close();
  });

  test("says so when another process scans the origin, of which no event tells", async () => {
    const { clock, scans, faults } = setUp(() => Promise.reject(new OwnError("busy", "theirs")));
    scans.add(nas, 900_000);
    await clock.advance(0);
    expect(faults).toEqual(["theirs"]);
    await scans.close();
  });

  test("leaves an unusable origin alone until it recovers", async () => {
    let up = false;
    let scanned = 0;
    const { clock, scans } = setUp(
      async () => void scanned++,
      () => up,
    );
    scans.add(nas, 900_000);
    await clock.advance(10_000);
    expect(scanned).toBe(0);
    up = true;
    scans.recovered(nas);
    await clock.advance(0);
    expect(scanned).toBe(1);
    await scans.close();
  });

  test("F-9 removing an origin aborts its scan and leaves no timer", async () => {
    let aborted = false;
    const { clock, scans, faults } = setUp(
      (signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          });
        }),
    );
    scans.add(nas, 900_000);
    await clock.advance(0);
    scans.remove(nas);
    await clock.advance(0);
    expect(aborted).toBe(true);
    expect(faults).toEqual([]);
    expect(clock.pendingTimers).toBe(0);
  });
});

describe("Scans.request()", () => {
  /** Scans that end when they are told to. */
  function gated() {
    const begun: ScanOptions[] = [];
    const gates: PromiseWithResolvers<void>[] = [];
    const set = setUp((_signal, options) => {
      begun.push(options);
      const gate = Promise.withResolvers<void>();
      gates.push(gate);
      return gate.promise;
    });
    return { ...set, begun, end: (index: number) => gates[index]?.resolve() };
  }

  test("scans at once, an origin in bad health too, and then at the usual interval", async () => {
    let scanned = 0;
    const { clock, scans } = setUp(
      async () => void scanned++,
      () => false,
    );
    scans.add(nas, 900_000);
    await clock.advance(10_000);
    expect(scanned).toBe(0);
    expect(await scans.request(nas, {})).toEqual(COMPLETE);
    expect(scanned).toBe(1);
    await settle();
    expect(clock.nextTimerMs).toBe(900_000);
    await scans.close();
  });

  test("is busy while a scan runs, and with `wait` answers what that one found", async () => {
    const { clock, scans, begun, end } = gated();
    scans.add(nas, 900_000);
    await clock.advance(0);
    await expect(scans.request(nas, {})).rejects.toMatchObject({ code: "busy" });
    const seen: number[] = [];
    const joined = scans.request(nas, { wait: true, onProgress: ({ files }) => seen.push(files) });
    const progress = { directories: 1, pending: 2, files: 7, bytes: 9, knownFiles: 0 };
    begun[0]?.onProgress?.(progress);
    expect(scans.running()).toEqual([{ origin: nas, startedMs: clock.wallMs(), progress }]);
    end(0);
    expect(await joined).toEqual(COMPLETE);
    expect([begun.length, seen]).toEqual([1, [7]]);
    await settle();
    expect(scans.running()).toEqual([]);
    await scans.close();
  });

  test("with `wait` and `allowEmpty` scans again after the one that runs", async () => {
    const { clock, scans, begun, end } = gated();
    scans.add(nas, 900_000);
    await clock.advance(0);
    const wanted = scans.request(nas, { wait: true, allowEmpty: true });
    await settle();
    expect(begun).toHaveLength(1);
    end(0);
    await settle();
    expect(begun.map(({ allowEmpty }) => allowEmpty)).toEqual([false, true]);
    end(1);
    expect(await wanted).toEqual(COMPLETE);
    await scans.close();
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects for an origin that is not scanned, or is removed meanwhile", async () => {
    const { scans } = setUp((signal) => {
      const { promise, reject } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => reject(new OwnError("cancelled", "gone")));
      return promise;
    });
    await expect(scans.request(nas, {})).rejects.toMatchObject({ code: "usage" });
    scans.add(nas, 900_000);
    const wanted = scans.request(nas, {});
    scans.remove(nas);
    await expect(wanted).rejects.toMatchObject({ code: "cancelled" });
    await scans.close();
  });
});
