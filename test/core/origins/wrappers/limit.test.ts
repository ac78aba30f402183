import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { ORIGIN_QUEUE_OPERATIONS } from "../../../../src/core/limits.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import { Turns, withLimit } from "../../../../src/core/origins/wrappers/limit.ts";
import { WrappedOrigin } from "../../../../src/core/origins/wrappers/wrapped.ts";
import { settle } from "../../../support/virtual_clock.ts";

/** An origin whose operations wait to be let go, in the order they were begun. */
function gated() {
  const gates: (() => void)[] = [];
  const begun: string[] = [];
  const memory = new MemoryOrigin({ id: "memory" });
  for (const name of ["a", "b", "c", "d", "e"]) memory.put(name, name);
  const origin = new WrappedOrigin(memory, async (operation, signal, run) => {
    begun.push(`${operation.kind} ${operation.path}`);
    await new Promise<void>((resolve) => gates.push(resolve));
    return run(signal);
  });
  const letGo = async () => {
    gates.shift()?.();
    await settle();
  };
  return { origin, begun, letGo };
}

const read = (origin: Origin, path: string, signal?: AbortSignal) =>
  origin.read(path as BytePath, 0, new Uint8Array(1), signal ? { signal } : {});

describe("withLimit", () => {
  test("runs as many at once as allowed, the others in order of arrival", async () => {
    const { origin, begun, letGo } = gated();
    const limited = withLimit(origin, 2);
    const reads = ["a", "b", "c", "d"].map((path) => read(limited, path));
    await settle();
    expect(begun).toEqual(["read a", "read b"]);
    await letGo();
    expect(begun).toEqual(["read a", "read b", "read c"]);
    await letGo();
    await letGo();
    await letGo();
    expect(await Promise.all(reads)).toEqual([1, 1, 1, 1]);
  });

  test("lets reads go before listings, and one listing go after three reads", async () => {
    const { origin, begun, letGo } = gated();
    const limited = withLimit(origin, 1);
    const first = read(limited, "a");
    const listing = limited.list(ROOT_PATH)[Symbol.asyncIterator]();
    const page = listing.next();
    const reads = ["b", "c", "d", "e"].map((path) => read(limited, path));
    await settle();
    for (let i = 0; i < 6; i++) await letGo();
    await Promise.all([first, page, ...reads]);
    expect(begun).toEqual(["read a", "read b", "read c", "read d", "list ", "read e"]);
    await listing.return?.(undefined);
  });

  test("lets reads in the background wait for those that somebody waits for", async () => {
    const { origin, begun, letGo } = gated();
    const limited = withLimit(origin, 1);
    const first = read(limited, "a");
    const ahead = limited.read("b" as BytePath, 0, new Uint8Array(1), { background: true });
    const reads = ["c", "d"].map((path) => read(limited, path));
    await settle();
    for (let i = 0; i < 4; i++) await letGo();
    await Promise.all([first, ahead, ...reads]);
    expect(begun).toEqual(["read a", "read c", "read d", "read b"]);
  });

  test("keeps a quarter of the turns, at least one, from listings that may hang", async () => {
    for (const [limit, listings] of [
      [2, 1],
      [4, 3],
      [8, 6],
      [64, 48],
    ] as const) {
      const { origin, begun, letGo } = gated();
      const limited = withLimit(origin, limit);
      const pages = Array.from({ length: limit }, () =>
        limited.list(ROOT_PATH)[Symbol.asyncIterator]().next(),
      );
      await settle();
      expect(begun).toHaveLength(listings);
      const reads = Array.from({ length: limit - listings }, () => read(limited, "a"));
      await settle();
      expect(begun.slice(listings)).toEqual(reads.map(() => "read a"));
      for (let i = 0; i < 3 * limit; i++) await letGo();
      await Promise.all([...reads, ...pages]);
    }
  });

  test("tells a read when it waits for its turn, and when that has come", async () => {
    const { origin, letGo } = gated();
    const limited = withLimit(origin, 1);
    const told: string[] = [];
    const reads = ["a", "b"].map((path) =>
      limited.read(path as BytePath, 0, new Uint8Array(1), {
        onWaiting: (isWaiting) => void told.push(`${path} ${isWaiting ? "waits" : "goes"}`),
      }),
    );
    await settle();
    expect(told).toEqual(["b waits"]);
    await letGo();
    expect(told).toEqual(["b waits", "b goes"]);
    await letGo();
    await Promise.all(reads);
    expect(told).toHaveLength(2);
  });

  test("never makes a probe wait", async () => {
    const { origin, begun, letGo } = gated();
    const limited = withLimit(origin, 1);
    const reading = read(limited, "a");
    const probe = limited.probe();
    await settle();
    expect(begun.toSorted()).toEqual(["probe ", "read a"]);
    await letGo();
    await letGo();
    expect(await probe).toEqual({ status: "ok" });
    await reading;
  });

  test("does not begin what was cancelled while it waited", async () => {
    const { origin, begun, letGo } = gated();
    const limited = withLimit(origin, 1);
    const controller = new AbortController();
    const first = read(limited, "a");
    const second = read(limited, "b", controller.signal).catch((error) => error.code);
    const third = read(limited, "c");
    await settle();
    controller.abort();
    expect(await second).toBe("cancelled");
    await letGo();
    await letGo();
    await Promise.all([first, third]);
    expect(begun).toEqual(["read a", "read c"]);
  });

  test("takes the turn back from an operation that failed", async () => {
    const limited = withLimit(new MemoryOrigin({ id: "memory" }), 1);
    for (let i = 0; i < 3; i++) {
      expect(await read(limited, "missing").catch((error) => error.code)).toBe("not_found");
    }
  });

  test("fails as overloaded beyond a full queue, and recovers", async () => {
    const { origin, letGo } = gated();
    const limited = withLimit(origin, 1);
    const reads = Array.from({ length: ORIGIN_QUEUE_OPERATIONS + 1 }, () => read(limited, "a"));
    await settle();
    await expect(read(limited, "a")).rejects.toMatchObject({ code: "overloaded" });
    await letGo();
    reads.push(read(limited, "a"));
    const all = Promise.all(reads);
    for (let i = 0; i < reads.length; i++) await letGo();
    expect((await all).every((answer) => answer === 1)).toBeTrue();
  });
});

describe("Turns", () => {
  test("counts what runs and what waits, and ends a turn once", async () => {
    const turns = new Turns(1);
    const first = await turns.take(true);
    const second = turns.take(false);
    expect([turns.running, turns.waiting]).toEqual([1, 1]);
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    const held = await second;
    expect([turns.running, turns.waiting]).toEqual([1, 0]);
    held[Symbol.dispose]();
    expect([turns.running, turns.waiting]).toEqual([0, 0]);
  });
});
