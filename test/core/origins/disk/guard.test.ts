import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../../src/core/bytes.ts";
import {
  GUARD_IDLE_MS,
  GUARD_PATIENCE_MS,
  GUARD_QUEUE_REQUESTS,
  MAX_GUARDS_PER_ORIGIN,
} from "../../../../src/core/limits.ts";
import { DiskFailure } from "../../../../src/core/origins/disk/failure.ts";
import { type Guard, GuardedDisk } from "../../../../src/core/origins/disk/guard.ts";
import {
  type DiskOp,
  decodeDirectory,
  decodeRequest,
  encodeDirectory,
  encodeDone,
  encodeFailure,
  encodePage,
  encodeRequest,
} from "../../../../src/core/origins/disk/messages.ts";
import { settle, VirtualClock } from "../../../support/virtual_clock.ts";

const DEADLINE_MS = 30_000;

/** A guard whose system calls return when the test says so. */
class FakeGuard implements Guard {
  openDirectories = 0;
  isResting = false;
  killed = false;
  readonly requests: string[] = [];
  readonly #exit = Promise.withResolvers<void>();
  readonly exited = this.#exit.promise;
  #underWay: PromiseWithResolvers<Uint8Array> | undefined;

  constructor(readonly serial: number) {}

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  call(request: Uint8Array): Promise<Uint8Array> {
    if (this.isBusy) throw new Error("two requests at once");
    const { op, path, directory } = decodeRequest(request);
    this.isResting = false;
    this.requests.push(directory === -1 ? `${op} ${path}` : `${op} ${directory}`);
    this.#underWay = Promise.withResolvers();
    return this.#underWay.promise;
  }

  answer(result: Uint8Array = encodeDone()): void {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.resolve(result);
  }

  abandon(why: DiskFailure): void {
    this.killed = true;
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.reject(why);
  }

  /** The kernel lets go of it. */
  exit(): void {
    this.abandon(new DiskFailure("io", "ended"));
    this.#exit.resolve();
  }
}

function guarded() {
  const clock = new VirtualClock();
  const guards: FakeGuard[] = [];
  const disk = new GuardedDisk({
    clock,
    deadlineMs: DEADLINE_MS,
    startGuard: (serial) => {
      const guard = new FakeGuard(serial);
      guards.push(guard);
      return guard;
    },
  });
  const send = (op: DiskOp, path: string, directory = -1, signal?: AbortSignal) =>
    disk.call(encodeRequest({ op, path: path as BytePath, directory }), signal);
  return { clock, guards, disk, send };
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "answered",
    (error) => error.code as string,
  );

describe("GuardedDisk", () => {
  test("starts one guard for the first request and gives it one request at a time", async () => {
    const { clock, guards, send } = guarded();
    expect(guards).toHaveLength(0);
    const first = send("stat", "a");
    const second = send("stat", "b");
    expect(guards.map(({ requests }) => requests)).toEqual([["stat a"]]);
    guards[0]?.answer();
    await first;
    await settle();
    expect(guards.map(({ requests }) => requests)).toEqual([["stat a", "stat b"]]);
    guards[0]?.answer();
    await second;
    await clock.advance(0);
    expect(guards).toHaveLength(1);
  });

  test("starts another when requests wait longer than its patience", async () => {
    const { clock, guards, disk, send } = guarded();
    void codeOf(send("read", "slow"));
    const listing = send("stat", "b");
    await clock.advance(GUARD_PATIENCE_MS - 1);
    expect(guards).toHaveLength(1);
    await clock.advance(1);
    expect(guards.map(({ requests }) => requests)).toEqual([["read slow"], ["stat b"]]);
    guards[1]?.answer();
    await listing;
    await disk.close();
  });

  test("gives up a guard that misses its deadline, and goes on with another", async () => {
    const { clock, guards, disk, send } = guarded();
    const hung = codeOf(send("read", "hung"));
    await clock.advance(DEADLINE_MS - 1);
    expect(guards[0]?.killed).toBeFalse();
    await clock.advance(1);
    expect(await hung).toBe("timeout");
    expect(guards[0]?.killed).toBeTrue();
    expect([disk.guardCount, disk.stuckCount]).toEqual([1, 1]);
    const next = send("stat", "a");
    expect(guards[1]?.requests).toEqual(["stat a"]);
    guards[1]?.answer();
    await next;
    guards[0]?.exit();
    await settle();
    expect([disk.guardCount, disk.stuckCount]).toEqual([1, 0]);
  });

  test("fails at once while all guards are stuck, until the kernel lets go of one", async () => {
    const { clock, guards, disk, send } = guarded();
    const hung = Array.from({ length: MAX_GUARDS_PER_ORIGIN + 2 }, (_, i) =>
      codeOf(send("read", `hung ${i}`)),
    );
    await clock.advance(DEADLINE_MS + MAX_GUARDS_PER_ORIGIN * GUARD_PATIENCE_MS);
    expect(guards).toHaveLength(MAX_GUARDS_PER_ORIGIN);
    expect(await Promise.all(hung)).toEqual([
      ...Array.from({ length: MAX_GUARDS_PER_ORIGIN }, () => "timeout"),
      "device_gone",
      "device_gone",
    ]);
    const failed = codeOf(send("stat", "a"));
    await settle();
    expect(await failed).toBe("device_gone");
    expect(guards).toHaveLength(MAX_GUARDS_PER_ORIGIN);

    guards[2]?.exit();
    await settle();
    const answered = codeOf(send("stat", "b"));
    expect(guards).toHaveLength(MAX_GUARDS_PER_ORIGIN + 1);
    guards.at(-1)?.answer();
    expect(await answered).toBe("answered");
    expect(disk.guardCount).toBe(MAX_GUARDS_PER_ORIGIN);
  });

  test("sends a directory's requests to the guard that opened it, by its own number", async () => {
    const { clock, guards, disk, send } = guarded();
    void codeOf(send("read", "slow"));
    const opened = send("open_directory", "albums");
    await clock.advance(GUARD_PATIENCE_MS);
    guards[1]?.answer(encodeDirectory({ fd: 7, device: 1 }));
    const { fd: directory } = decodeDirectory(await opened);
    guards[0]?.answer();
    await settle();
    const page = send("read_directory", "albums", directory);
    expect(guards[1]?.requests).toEqual(["open_directory albums", "read_directory 7"]);
    guards[1]?.answer(encodePage({ entries: [], done: true }));
    await page;
    const closed = send("close_directory", "albums", directory);
    guards[1]?.answer();
    await closed;
    expect(guards.map(({ openDirectories }) => openDirectories)).toEqual([0, 0]);
    await disk.close();
  });

  test("fails a directory's requests once its guard is gone", async () => {
    const { clock, guards, send } = guarded();
    const opened = send("open_directory", "albums");
    guards[0]?.answer(encodeDirectory({ fd: 7, device: 1 }));
    const { fd: directory } = decodeDirectory(await opened);
    const hung = codeOf(send("read_directory", "albums", directory));
    const waiting = codeOf(send("read_directory", "albums", directory));
    await clock.advance(DEADLINE_MS);
    expect(await Promise.all([hung, waiting])).toEqual(["timeout", "timeout"]);
    expect(await codeOf(send("read_directory", "albums", directory))).toBe("device_gone");
    expect(guards).toHaveLength(1);
  });

  test("fails what a guard was doing when it ended by itself, and starts another", async () => {
    const { guards, send } = guarded();
    const lost = codeOf(send("stat", "a"));
    const waiting = codeOf(send("stat", "b"));
    guards[0]?.exit();
    expect(await lost).toBe("io");
    await settle();
    expect(guards[1]?.requests).toEqual(["stat b"]);
    guards[1]?.answer();
    expect(await waiting).toBe("answered");
  });

  test("passes a failure of the disk on as the result it is", async () => {
    const { guards, send } = guarded();
    const result = encodeFailure(new DiskFailure("not_found", "no such file"));
    const answer = send("open_directory", "missing");
    guards[0]?.answer(result);
    expect(await answer).toEqual(result);
    expect(guards[0]?.openDirectories).toBe(0);
  });

  test("drops what was cancelled while it waited, and does not wait for what is under way", async () => {
    const { clock, guards, send } = guarded();
    const controller = new AbortController();
    const underWay = codeOf(send("stat", "a", -1, controller.signal));
    const waiting = codeOf(send("stat", "b", -1, controller.signal));
    controller.abort();
    expect(await Promise.all([underWay, waiting])).toEqual(["cancelled", "cancelled"]);
    expect(await codeOf(send("stat", "c", -1, controller.signal))).toBe("cancelled");
    guards[0]?.answer();
    await clock.advance(DEADLINE_MS);
    expect(guards[0]?.requests).toEqual(["stat a", "release "]);
  });

  test("is overloaded beyond a full queue", async () => {
    const { disk, send } = guarded();
    const waiting = Array.from({ length: GUARD_QUEUE_REQUESTS + 1 }, () =>
      codeOf(send("stat", "")),
    );
    expect(await codeOf(send("stat", "a"))).toBe("overloaded");
    await disk.close();
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(["connection"]));
  });

  test("keeps one guard when idle, and lets that release what it holds, once", async () => {
    const { clock, guards, disk, send } = guarded();
    const both = [send("stat", "a"), send("stat", "b")];
    await clock.advance(GUARD_PATIENCE_MS);
    for (const guard of guards) guard.answer();
    await Promise.all(both);
    await clock.advance(GUARD_IDLE_MS);
    expect(guards.map(({ killed }) => killed)).toEqual([false, true]);
    guards[1]?.exit();
    expect(guards[0]?.requests).toEqual(["stat a", "release "]);
    guards[0]?.answer();
    await clock.advance(10 * GUARD_IDLE_MS);
    expect(guards[0]?.requests).toEqual(["stat a", "release "]);
    expect(disk.guardCount).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends guards that are not needed any more although requests go on", async () => {
    const { clock, guards, send } = guarded();
    const both = [send("stat", "a"), send("stat", "b")];
    await clock.advance(GUARD_PATIENCE_MS);
    for (const guard of guards) guard.answer();
    await Promise.all(both);
    const check = async () => {
      const asked = send("stat", "check");
      guards[0]?.answer();
      await asked;
      await settle();
    };
    const step = GUARD_IDLE_MS / 5;
    for (let n = 0; n < 4; n++) {
      await clock.advance(step);
      await check();
    }
    expect(guards.map(({ killed }) => killed)).toEqual([false, false]);
    await clock.advance(step);
    await check();
    expect(guards.map(({ killed }) => killed)).toEqual([false, true]);
  });

  test("keeps a guard that is used beside the first", async () => {
    const { clock, guards, send } = guarded();
    void codeOf(send("read", "slow"));
    const second = send("stat", "b");
    await clock.advance(GUARD_PATIENCE_MS);
    guards[1]?.answer();
    await second;
    const step = GUARD_IDLE_MS / 2;
    for (let n = 0; n < 6; n++) {
      await clock.advance(step);
      const asked = send("stat", "c");
      await settle();
      guards[1]?.answer();
      await asked;
    }
    expect(guards.map(({ killed }) => killed)).toEqual([false, false]);
    expect(guards).toHaveLength(2);
  });

  test("does not end an idle guard that holds a directory open", async () => {
    const { clock, guards, send } = guarded();
    const opened = send("open_directory", "albums");
    guards[0]?.answer(encodeDirectory({ fd: 3, device: 1 }));
    await opened;
    await clock.advance(10 * GUARD_IDLE_MS);
    expect(guards[0]).toMatchObject({ killed: false, requests: ["open_directory albums"] });
  });

  test("kills its guards at the end, and waits for none of them", async () => {
    const { clock, guards, disk, send } = guarded();
    const hung = codeOf(send("read", "hung"));
    await disk.close();
    await disk.close();
    expect(await hung).toBe("connection");
    expect(guards[0]?.killed).toBeTrue();
    expect(await codeOf(send("stat", "a"))).toBe("connection");
    expect(guards).toHaveLength(1);
    await settle();
    expect(clock.pendingTimers).toBe(0);
  });

  test("says that no guard can be started", async () => {
    const clock = new VirtualClock();
    const startGuard = () => {
      throw new DiskFailure("io", "its guard process cannot be started");
    };
    const disk = new GuardedDisk({ clock, deadlineMs: DEADLINE_MS, startGuard });
    const request = encodeRequest({ op: "probe", path: "" as BytePath });
    expect(await codeOf(disk.call(request))).toBe("io");
    expect(disk.guardCount).toBe(0);
  });
});
