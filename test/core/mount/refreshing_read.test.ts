import { describe, expect, test } from "bun:test";
import { OriginError } from "../../../src/core/errors.ts";
import type { Federation } from "../../../src/core/federation/federation.ts";
import type { FederatedFile } from "../../../src/core/federation/file.ts";
import { refreshingRead } from "../../../src/core/mount/refreshing_read.ts";
import type { ReplicaRefresh } from "../../../src/core/mount/replica_refresh.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const DEADLINE_MS = 3000;
const FIRST_READ_MS = 2600;

/** A federation whose reads find the file changed after a while, and a look at it that never ends. */
function setUp() {
  const clock = new VirtualClock();
  let reads = 0;
  const federation = {
    registry: { get: () => ({ id: "a" }) },
    health: { status: () => "healthy" },
    fetch: () => {
      reads++;
      const { promise, reject } = Promise.withResolvers<never>();
      clock.schedule(FIRST_READ_MS, () =>
        reject(new OriginError("version_changed", "a", "x", "is another one")),
      );
      return promise;
    },
  } as unknown as Federation;
  const refresh = { refresh: () => new Promise(() => undefined) } as unknown as ReplicaRefresh;
  const file = { replicas: () => [{ origin: "a" }] } as unknown as FederatedFile;
  const read = refreshingRead({ clock, federation, refresh, readDeadlineMs: DEADLINE_MS });
  const abort = new AbortController();
  const reading = read(file, 0, 1, abort).catch((error: unknown) => error);
  return { clock, abort, reading, reads: () => reads };
}

describe("refreshingRead", () => {
  test("NFR-7.2 answers within the read deadline, the second look included", async () => {
    const { clock, reading, reads } = setUp();
    const startMs = clock.monotonicMs();
    expect(await clock.run(reading)).toMatchObject({ code: "version_changed" });
    expect(clock.monotonicMs() - startMs).toBe(DEADLINE_MS);
    expect(reads()).toBe(1);
    expect(clock.pendingTimers).toBe(0);
  });

  test("ends at once when it is given up during the second look", async () => {
    const { clock, reading, abort } = setUp();
    await clock.advance(FIRST_READ_MS + 100);
    abort.abort();
    const startMs = clock.monotonicMs();
    expect(await clock.run(reading)).toMatchObject({ code: "version_changed" });
    expect(clock.monotonicMs()).toBe(startMs);
  });
});
