import { describe, expect, test } from "bun:test";
import type { HealthStatus } from "../../../src/core/events.ts";
import { type HealthView, Router } from "../../../src/core/federation/router.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { id, seeded } from "./setting.ts";

interface Member {
  readonly id: OriginId;
  readonly priority: number | undefined;
  readonly latencies: readonly number[];
  readonly status: HealthStatus;
  readonly failures: number;
}

function viewOf(members: readonly Member[]): HealthView {
  const find = (origin: OriginId) => members.find((member) => member.id === origin);
  return {
    status: (origin) => find(origin)?.status ?? "unknown",
    consecutiveFailures: (origin) => find(origin)?.failures ?? 0,
  };
}

/** F-3 and F-1 as they are written, by picking the best again and again. */
function naiveOrder(members: readonly Member[]): OriginId[] {
  const p50 = (member: Member) => {
    const sorted = [...member.latencies].sort((a, b) => a - b);
    return Math.floor(sorted[Math.floor(sorted.length / 2)] ?? 0);
  };
  const key = (member: Member): number[] => {
    const tuple = [member.priority ?? 100, p50(member), members.indexOf(member)];
    if (member.status === "healthy") return [1, 0, ...tuple];
    if (member.status === "unhealthy") return [3, member.failures, ...tuple];
    return [2, 0, ...tuple];
  };
  const isBefore = (a: number[], b: number[]) => {
    for (const [place, value] of a.entries()) {
      if (value !== b[place]) return value < (b[place] ?? 0);
    }
    return false;
  };
  const rest = [...members];
  const order: OriginId[] = [];
  while (rest.length > 0) {
    let best = rest[0];
    for (const member of rest) if (best && isBefore(key(member), key(best))) best = member;
    if (!best) break;
    order.push(best.id);
    rest.splice(rest.indexOf(best), 1);
  }
  return order;
}

function routerOf(members: readonly Member[]): Router {
  const router = new Router();
  for (const { id: origin, priority, latencies } of members) {
    router.setPriority(origin, priority ?? 100);
    for (const latency of latencies) router.recordLatency(origin, latency, 0);
  }
  return router;
}

const member = (name: string, parts: Partial<Member> = {}): Member => ({
  id: id(name),
  priority: undefined,
  latencies: [],
  status: "healthy",
  failures: 0,
  ...parts,
});

describe("Router", () => {
  test("priority 1 at 1000 ms goes before priority 2 at 10 ms (F-1)", () => {
    const members = [
      member("fast", { priority: 2, latencies: [10] }),
      member("slow", { priority: 1, latencies: [1000] }),
    ];
    expect(routerOf(members).order([id("fast"), id("slow")], viewOf(members))).toEqual([
      id("slow"),
      id("fast"),
    ]);
  });

  test("an unset priority is 100 (FR-13.3)", () => {
    const router = new Router();
    expect(router.getPriority(id("any"))).toBe(100);
    router.setPriority(id("later"), 101);
    router.setPriority(id("sooner"), 99);
    const healthy: HealthView = { status: () => "healthy", consecutiveFailures: () => 0 };
    const order = router.order([id("later"), id("any"), id("sooner")], healthy);
    expect(order).toEqual([id("sooner"), id("any"), id("later")]);
  });

  test("refuses priorities beyond 0..255 and says which it was given (FR-13.3)", () => {
    const router = new Router();
    router.setPriority(id("a"), 0);
    router.setPriority(id("a"), 255);
    for (const wrong of [-1, 256, 1.5, Number.NaN]) {
      expect(() => router.setPriority(id("a"), wrong)).toThrow(`0..255: ${wrong}`);
    }
    expect(router.getPriority(id("a"))).toBe(255);
  });

  test("no samples count as 0 ms, so an unmeasured origin is tried among equals (F-2)", () => {
    const members = [member("measured", { latencies: [5] }), member("new")];
    const order = routerOf(members).order([id("measured"), id("new")], viewOf(members));
    expect(order).toEqual([id("new"), id("measured")]);
  });

  test("microseconds do not make two origins of one priority take turns", () => {
    const members = [member("a", { latencies: [0.9] }), member("b", { latencies: [0.1] })];
    expect(routerOf(members).order([id("b"), id("a")], viewOf(members))[0]).toBe(id("a"));
  });

  test("unhealthy ones are ordered by failures before priority (F-3)", () => {
    const members = [
      member("first", { priority: 1, status: "unhealthy", failures: 9 }),
      member("least_bad", { priority: 7, status: "unhealthy", failures: 3 }),
      member("unchecked", { priority: 200, status: "unknown" }),
      member("limping", { priority: 201, status: "degraded", failures: 2 }),
    ];
    const candidates = members.map((each) => each.id);
    const router = routerOf(members);
    expect(router.order(candidates, viewOf(members))).toEqual([
      id("unchecked"),
      id("limping"),
      id("least_bad"),
      id("first"),
    ]);
    expect(router.select(candidates, viewOf(members))).toBeUndefined();
    expect(router.selectWithFallback(candidates, viewOf(members))).toBe(id("unchecked"));
    expect(router.selectWithFallback([], viewOf(members))).toBeUndefined();
  });

  test("forgets all of an origin, and keeps nothing of one it does not know (F-9)", () => {
    const router = new Router();
    router.setPriority(id("a"), 1);
    router.recordLatency(id("a"), 9, 0);
    router.removePriority(id("a"));
    router.recordLatency(id("a"), 9, 0);
    expect(router.size).toBe(0);
    router.setPriority(id("a"), 1);
    expect(router.latency(id("a"))?.count).toBe(0);
  });

  test("agrees with the rules applied one by one, whatever the origins (F-1, F-3)", () => {
    const statuses: HealthStatus[] = ["unknown", "healthy", "degraded", "unhealthy"];
    for (let seed = 1; seed <= 400; seed++) {
      const random = seeded(seed);
      const pick = (n: number) => Math.floor(random() * n);
      const members = Array.from({ length: 1 + pick(8) }, (_, n) =>
        member(`o${n}`, {
          priority: pick(4) === 0 ? undefined : 98 + pick(4),
          latencies: Array.from({ length: pick(5) }, () => pick(3) + random()),
          status: statuses[pick(4)] ?? "unknown",
          failures: pick(4),
        }),
      );
      const router = routerOf(members);
      const shuffled = members.map((each) => each.id).sort(() => random() - 0.5);
      expect(router.order(shuffled, viewOf(members)), `seed ${seed}`).toEqual(naiveOrder(members));
      const healthy = naiveOrder(members.filter(({ status }) => status === "healthy"))[0];
      // Ties fall by registration, which filtering keeps.
      expect(router.select(shuffled, viewOf(members))).toBe(healthy);
    }
  });
});
