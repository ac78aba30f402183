import { describe, expect, test } from "bun:test";
import {
  SFTP_BACKOFF_MS,
  SFTP_IDLE_MS,
  SFTP_MAX_BACKOFF_MS,
  SFTP_QUIET_MS,
  SFTP_REPLACE_MS,
  SFTP_WAITED_BACKOFF_MS,
} from "../../../../src/core/limits.ts";
import { SftpFault } from "../../../../src/core/origins/sftp/errors.ts";
import {
  ConnectionPool,
  type Lease,
  type LeaseOptions,
  type PooledConnection,
} from "../../../../src/core/origins/sftp/pool.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

class FakeConnection implements PooledConnection {
  quietMs = 0;
  outstandingBytes = 0;
  fault: SftpFault | undefined;
  readonly #listeners: ((fault: SftpFault) => void)[] = [];

  constructor(readonly serial: number) {}

  onLost(listener: (fault: SftpFault) => void): void {
    this.#listeners.push(listener);
  }

  fail(fault: SftpFault): void {
    if (this.fault !== undefined) return;
    this.fault = fault;
    for (const listener of this.#listeners) listener(fault);
  }

  [Symbol.dispose](): void {
    this.fail(new SftpFault("connection", "closed"));
  }
}

const refused = new SftpFault("connection", "refused");

/** A pool whose connections are made at once, unless a test says otherwise. */
function pooled(maxConnections = 4) {
  const clock = new VirtualClock();
  const made: FakeConnection[] = [];
  let attempts = 0;
  const state: { answer: (signal: AbortSignal) => Promise<void> } = {
    answer: async () => undefined,
  };
  const pool = new ConnectionPool<FakeConnection>({
    maxConnections,
    clock,
    connect: async (signal) => {
      attempts++;
      await state.answer(signal);
      const connection = new FakeConnection(made.length);
      made.push(connection);
      return connection;
    },
  });
  const lease = (options?: LeaseOptions<FakeConnection>) => pool.lease(options);
  return { attempts: () => attempts, clock, lease, made, pool, state };
}

const serial = ({ connection }: Lease<FakeConnection>) => connection.serial;

describe("pool", () => {
  test("makes a connection on demand and uses it again", async () => {
    const { attempts, lease } = pooled();
    expect(attempts()).toBe(0);
    using first = await lease();
    expect(serial(first)).toBe(0);
    first[Symbol.dispose]();
    using second = await lease();
    expect(serial(second)).toBe(0);
    expect(attempts()).toBe(1);
  });

  test("grows while all are busy, up to its bound, and holds nobody up meanwhile (R-1)", async () => {
    const { attempts, clock, lease, pool } = pooled(3);
    const leases: Lease<FakeConnection>[] = [];
    for (let i = 0; i < 9; i++) {
      leases.push(await lease());
      await clock.advance(0);
    }
    expect(attempts()).toBe(3);
    expect(pool.open).toBe(3);
    // Each serves as many as any other, give or take the first ones.
    const counts = [0, 1, 2].map((n) => leases.filter((one) => serial(one) === n).length);
    expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
    for (const one of leases) one[Symbol.dispose]();
  });

  test("grows too when many ask at the same moment", async () => {
    const { clock, lease, pool } = pooled(3);
    (await lease())[Symbol.dispose]();
    const leases = await Promise.all(Array.from({ length: 6 }, () => lease()));
    await clock.advance(0);
    expect(pool.open).toBe(3);
    expect(new Set(leases.map(serial))).toEqual(new Set([0]));
  });

  test("while none is open only one attempt is made, for all who wait", async () => {
    const { attempts, clock, lease, state } = pooled();
    const gate = Promise.withResolvers<void>();
    state.answer = () => gate.promise;
    const waiting = Promise.all(Array.from({ length: 8 }, () => lease()));
    await clock.advance(0);
    expect(attempts()).toBe(1);
    gate.resolve();
    expect(new Set((await waiting).map(serial))).toEqual(new Set([0]));
  });

  test("prefers the less busy, then the preferred, then the last used", async () => {
    const { clock, lease, made } = pooled(2);
    const one = await lease();
    const two = await lease();
    await clock.advance(0);
    const three = await lease();
    expect([serial(one), serial(two), serial(three)]).toEqual([0, 0, 1]);
    two[Symbol.dispose]();
    await clock.advance(1);
    one[Symbol.dispose]();
    await clock.advance(1);
    three[Symbol.dispose]();
    using last = await lease();
    expect(serial(last)).toBe(1);
    last[Symbol.dispose]();
    using preferred = await lease({ prefer: (connection) => connection === made[0] });
    expect(serial(preferred)).toBe(0);
    using idle = await lease({ prefer: (connection) => connection === made[0] });
    expect(serial(idle)).toBe(1);
  });

  test("serves others over another connection when one is silent (R-1)", async () => {
    const { clock, lease, made } = pooled();
    using stuck = await lease();
    const [first] = made;
    if (first === undefined) throw new Error("no connection");
    first.quietMs = SFTP_QUIET_MS;
    using other = await lease();
    expect(serial(other)).toBe(1);
    await clock.advance(0);
    using third = await lease();
    expect(serial(third)).not.toBe(0);
    expect(stuck.connection.fault).toBeUndefined();
  });

  test("with all connections silent the longest silent one gives way, but not too soon", async () => {
    const { clock, lease, made } = pooled(2);
    using one = await lease();
    using two = await lease();
    await clock.advance(0);
    using three = await lease();
    expect([serial(one), serial(two), serial(three)]).toEqual([0, 0, 1]);
    for (const connection of made) connection.quietMs = SFTP_REPLACE_MS - 1;
    using joins = await lease();
    expect(serial(joins)).toBeLessThan(2);
    const [first] = made;
    if (first === undefined) throw new Error("no connection");
    first.quietMs = SFTP_REPLACE_MS;
    using fresh = await lease();
    expect(serial(fresh)).toBe(2);
    expect(first.fault).toMatchObject({ code: "timeout" });
  });

  test("tells why no connection can be made, and pauses longer after each failure", async () => {
    const { attempts, clock, lease, state } = pooled();
    state.answer = () => Promise.reject(refused);
    let delayMs = SFTP_BACKOFF_MS;
    for (let failures = 1; failures <= 10; failures++) {
      await expect(lease()).rejects.toBe(refused);
      expect(attempts()).toBe(failures);
      await clock.advance(delayMs - 1);
      if (delayMs > SFTP_WAITED_BACKOFF_MS) await expect(lease()).rejects.toBe(refused);
      expect(attempts()).toBe(failures);
      await clock.advance(1);
      delayMs = Math.min(delayMs * 2, SFTP_MAX_BACKOFF_MS);
    }
    state.answer = async () => undefined;
    using lease1 = await lease();
    expect(serial(lease1)).toBe(0);
  });

  test("who comes in a short pause waits for its end, and is served then (F-6)", async () => {
    const { attempts, clock, lease, state } = pooled(1);
    state.answer = () => Promise.reject(refused);
    await expect(lease()).rejects.toBe(refused);
    state.answer = async () => undefined;
    const served: number[] = [];
    const waiting = Promise.all([0, 1, 2].map(async () => served.push(serial(await lease()))));
    await clock.advance(SFTP_BACKOFF_MS - 1);
    expect([attempts(), served.length]).toEqual([1, 0]);
    await clock.advance(1);
    await waiting;
    expect([attempts(), served]).toEqual([2, [0, 0, 0]]);
  });

  test("who waits for the end of a pause learns of one that is longer, and may give up", async () => {
    const { attempts, clock, lease, pool, state } = pooled();
    state.answer = () => Promise.reject(refused);
    await expect(lease()).rejects.toBe(refused);
    const waiting = lease();
    waiting.catch(() => undefined);
    await clock.advance(SFTP_BACKOFF_MS);
    await expect(waiting).rejects.toBe(refused);
    expect(attempts()).toBe(2);
    const controller = new AbortController();
    const given = lease({ signal: controller.signal });
    controller.abort("enough");
    await expect(given).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    const closing = lease();
    pool.close();
    await expect(closing).rejects.toThrow("closed");
    expect([attempts(), clock.pendingTimers]).toEqual([2, 0]);
  });

  test("a probe tries even during the pause, and its success ends it (F-5)", async () => {
    const { lease, state } = pooled();
    state.answer = () => Promise.reject(refused);
    await expect(lease()).rejects.toBe(refused);
    await expect(lease({ eager: true })).rejects.toBe(refused);
    state.answer = async () => undefined;
    const waiting = lease();
    using probe = await lease({ eager: true });
    using read = await waiting;
    expect([serial(probe), serial(read)]).toEqual([0, 0]);
  });

  test("a failed attempt to grow harms nobody", async () => {
    const { attempts, clock, lease, state } = pooled();
    using one = await lease();
    state.answer = () => Promise.reject(refused);
    using two = await lease();
    await clock.advance(0);
    using three = await lease();
    expect([one, two, three].map(serial)).toEqual([0, 0, 0]);
    expect(attempts()).toBe(2);
  });

  test("pauses after a server that takes connections and drops them unused", async () => {
    const { attempts, clock, lease, made } = pooled();
    using lease1 = await lease();
    lease1.connection.fail(new SftpFault("connection", "dropped"));
    const waiting = lease();
    await clock.advance(SFTP_BACKOFF_MS - 1);
    expect(attempts()).toBe(1);
    await clock.advance(1);
    using lease2 = await waiting;
    expect(serial(lease2)).toBe(1);
    lease2[Symbol.dispose]();
    made[1]?.fail(new SftpFault("connection", "restarted"));
    using lease3 = await lease();
    expect(serial(lease3)).toBe(2);
    expect(attempts()).toBe(3);
  });

  test("closes a connection that nobody used for a while", async () => {
    const { clock, lease, made, pool } = pooled();
    const one = await lease();
    await clock.advance(2 * SFTP_IDLE_MS);
    expect(pool.open).toBe(1);
    one[Symbol.dispose]();
    await clock.advance(SFTP_IDLE_MS - 1);
    const two = await lease();
    two[Symbol.dispose]();
    two[Symbol.dispose]();
    await clock.advance(SFTP_IDLE_MS - 1);
    expect(pool.open).toBe(1);
    await clock.advance(1);
    expect(pool.open).toBe(0);
    expect(made[0]?.fault).toBeDefined();
    expect(clock.pendingTimers).toBe(0);
  });

  test("lets a caller give up while a connection is made", async () => {
    const { lease, state } = pooled();
    const gate = Promise.withResolvers<void>();
    state.answer = () => gate.promise;
    const controller = new AbortController();
    const waiting = lease({ signal: controller.signal });
    controller.abort("enough");
    await expect(waiting).rejects.toMatchObject({ code: "cancelled", cause: "enough" });
    gate.resolve();
    using next = await lease();
    expect(serial(next)).toBe(0);
  });

  test("reset drops all connections and attempts, and who waits gets a new one (F-5)", async () => {
    const { attempts, clock, lease, made, pool, state } = pooled();
    using one = await lease();
    state.answer = (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      });
    const [first] = made;
    if (first === undefined) throw new Error("no connection");
    first.quietMs = SFTP_QUIET_MS;
    const waiting = lease();
    await clock.advance(0);
    expect(attempts()).toBe(2);
    state.answer = async () => undefined;
    pool.reset("another network");
    expect(one.connection.fault).toMatchObject({ code: "connection", message: "another network" });
    using got = await waiting;
    expect(serial(got)).toBe(1);
    expect(attempts()).toBe(3);
  });

  test("a connection that arrives after a reset is not used", async () => {
    const { clock, lease, made, pool, state } = pooled();
    const gate = Promise.withResolvers<void>();
    state.answer = () => gate.promise;
    const waiting = lease();
    await clock.advance(0);
    pool.reset("another network");
    state.answer = async () => undefined;
    gate.resolve();
    using got = await waiting;
    expect(serial(got)).toBe(1);
    expect(made[0]?.fault).toBeDefined();
    expect(pool.open).toBe(1);
  });

  test("close leaves nothing: no connection, attempt, waiter or timer (F-9)", async () => {
    const { clock, lease, made, pool, state } = pooled();
    const one = await lease();
    const gate = Promise.withResolvers<void>();
    state.answer = () => gate.promise;
    const [first] = made;
    if (first === undefined) throw new Error("no connection");
    first.quietMs = SFTP_QUIET_MS;
    const waiting = lease();
    waiting.catch(() => undefined);
    await clock.advance(0);
    pool.close();
    pool.close();
    gate.resolve();
    await expect(waiting).rejects.toThrow("closed");
    await expect(lease({ eager: true })).rejects.toThrow("closed");
    one[Symbol.dispose]();
    expect(made.every(({ fault }) => fault !== undefined)).toBeTrue();
    expect([pool.open, pool.connecting, clock.pendingTimers]).toEqual([0, 0, 0]);
  });
});
