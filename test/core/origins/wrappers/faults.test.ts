import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { MemoryOrigin } from "../../../../src/core/origins/memory.ts";
import type { DirEntry } from "../../../../src/core/origins/origin.ts";
import { FaultPlan, withFaults } from "../../../../src/core/origins/wrappers/faults.ts";
import { settle, VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;
const CONTENT = Buffer.from("0123456789");

function faulty(strongTokens = true) {
  const clock = new VirtualClock();
  const memory = new MemoryOrigin({
    id: "memory",
    clock,
    pageEntries: 1,
    capabilities: { strongTokens },
  });
  memory.put("file", CONTENT);
  memory.put("other", "x");
  const plan = new FaultPlan(clock);
  return { clock, memory, plan, origin: withFaults(memory, plan) };
}

async function listUntilError(pages: AsyncIterable<readonly DirEntry[]>) {
  const entries: DirEntry[] = [];
  try {
    for await (const page of pages) entries.push(...page);
  } catch (error) {
    return { entries, error };
  }
  return { entries, error: undefined };
}

describe("withFaults", () => {
  test("strikes the calls that a rule counts, and no others", async () => {
    const { origin, plan } = faulty();
    const fault = { kind: "error", code: "connection" } as const;
    plan.add({ fault, on: ["read"], at: (path) => path === FILE, skip: 1, times: 2 });
    const outcomes: string[] = [];
    for (let i = 0; i < 5; i++) {
      const read = origin.read(FILE, 0, new Uint8Array(1));
      outcomes.push(await read.then(() => "ok").catch((error) => error.code));
    }
    expect(outcomes).toEqual(["ok", "connection", "connection", "ok", "ok"]);
    expect(await origin.read("other" as BytePath, 0, new Uint8Array(1))).toBe(1);
    expect((await origin.stat(FILE)).sizeBytes).toBe(10);
  });

  test("ends a rule that is disposed", async () => {
    const { origin, plan } = faulty();
    {
      using _ = plan.add({ fault: { kind: "error", code: "device_gone" } });
      await expect(origin.probe()).rejects.toMatchObject({ code: "device_gone", scope: "origin" });
    }
    expect(await origin.probe()).toEqual({ status: "ok" });
  });

  test("hangs until it is given up", async () => {
    const { origin, plan } = faulty();
    plan.add({ fault: { kind: "hang" } });
    const controller = new AbortController();
    let outcome = "pending";
    void origin.stat(FILE, controller.signal).catch((error) => {
      outcome = error.code;
    });
    await settle();
    expect(outcome).toBe("pending");
    controller.abort();
    await settle();
    expect(outcome).toBe("cancelled");
  });

  test("answers late", async () => {
    const { clock, origin, plan } = faulty();
    plan.add({ fault: { kind: "slow", delayMs: 500 } });
    const startMs = clock.monotonicMs();
    expect(await clock.run(origin.read(FILE, 0, new Uint8Array(4)))).toBe(4);
    expect(clock.monotonicMs() - startMs).toBe(500);
  });

  test("reads short", async () => {
    const { origin, plan } = faulty();
    plan.add({ fault: { kind: "short", lengthBytes: 3 } });
    const into = new Uint8Array(10);
    expect(await origin.read(FILE, 0, into)).toBe(3);
    expect(Buffer.from(into).toString("latin1", 0, 4)).toBe("012\0");
  });

  test("tells a wrong size", async () => {
    const { origin, plan } = faulty();
    plan.add({ fault: { kind: "wrong_size", byBytes: -4 } });
    expect((await origin.stat(FILE)).sizeBytes).toBe(6);
    const { entries } = await listUntilError(origin.list(ROOT_PATH));
    expect(entries.map(({ sizeBytes }) => sizeBytes)).toEqual([6, 0]);
  });

  test("puts another file of the same size in place of one", async () => {
    const { origin, plan } = faulty();
    const version = await origin.stat(FILE);
    plan.add({ fault: { kind: "replaced" } });
    const into = new Uint8Array(10);
    await expect(origin.read(FILE, 0, into, { version })).rejects.toMatchObject({
      code: "version_changed",
    });
    const replaced = await origin.stat(FILE);
    expect(replaced.sizeBytes).toBe(version.sizeBytes);
    expect(replaced.token).not.toBe(version.token);
    expect(await origin.read(FILE, 0, into, { version: replaced })).toBe(10);
    expect(into.some((byte, i) => byte === CONTENT[i])).toBeFalse();
  });

  test("edits in place, unseen where tokens are weak", async () => {
    for (const strongTokens of [true, false]) {
      const { origin, plan } = faulty(strongTokens);
      const version = await origin.stat(FILE);
      plan.add({ fault: { kind: "edited", offsetBytes: 4 } });
      const edited = await origin.stat(FILE);
      expect(edited.token === version.token).toBe(!strongTokens);
      const into = new Uint8Array(5);
      expect(await origin.read(FILE, 2, into, { version: edited })).toBe(5);
      const differing = [...into.keys()].filter((i) => into[i] !== CONTENT[i + 2]);
      expect(differing).toEqual([2]);
    }
  });

  test("cuts a listing after so many pages", async () => {
    const { origin, plan } = faulty();
    plan.add({ fault: { kind: "cut_listing", afterPages: 1, code: "connection" } });
    const { entries, error } = await listUntilError(origin.list(ROOT_PATH));
    expect(entries).toHaveLength(1);
    expect(error).toMatchObject({ code: "connection" });
  });
});
