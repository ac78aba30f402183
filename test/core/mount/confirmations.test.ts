import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { CatalogReader, Replica } from "../../../src/core/catalog/catalog.ts";
import { Confirmations } from "../../../src/core/mount/confirmations.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const REVALIDATE_MS = 60_000;

function replica(version: number, origin = "nas"): Replica {
  return {
    origin: origin as OriginId,
    path: "track" as BytePath,
    entry: 1,
    version,
    originVersion: { sizeBytes: 1, token: "t" },
    match: "proved",
  };
}

function setUp() {
  const clock = new VirtualClock();
  const scans = new Map<OriginId, number>();
  const watched = new Set<OriginId>();
  const catalog: Pick<CatalogReader, "lastCompleteScanMs"> = {
    lastCompleteScanMs: (origin) => scans.get(origin) ?? 0,
  };
  const confirmations = new Confirmations(
    clock,
    catalog,
    () => REVALIDATE_MS,
    (origin) => watched.has(origin),
  );
  return { clock, scans, watched, confirmations };
}

describe("Confirmations", () => {
  test("a file is believed for revalidate_secs, and asked for again after that", async () => {
    const { clock, confirmations } = setUp();
    await clock.advance(REVALIDATE_MS);
    expect(confirmations.isFresh(replica(7))).toBe(false);
    confirmations.confirm(replica(7));
    await clock.advance(REVALIDATE_MS - 1);
    expect(confirmations.isFresh(replica(7))).toBe(true);
    await clock.advance(1);
    expect(confirmations.isFresh(replica(7))).toBe(false);
  });

  test("believes that version of that origin and no other", async () => {
    const { clock, confirmations } = setUp();
    await clock.advance(REVALIDATE_MS);
    confirmations.confirm(replica(7));
    expect(confirmations.isFresh(replica(8))).toBe(false);
    expect(confirmations.isFresh(replica(7, "backup"))).toBe(false);
  });

  test("a complete scan confirms everything of its origin", async () => {
    const { clock, scans, confirmations } = setUp();
    await clock.advance(REVALIDATE_MS);
    scans.set("nas" as OriginId, clock.wallMs());
    expect(confirmations.isFresh(replica(7))).toBe(true);
    expect(confirmations.isFresh(replica(7, "backup"))).toBe(false);
    await clock.advance(REVALIDATE_MS);
    expect(confirmations.isFresh(replica(7))).toBe(false);
  });

  test("an origin that tells of its changes is believed", async () => {
    const { clock, watched, confirmations } = setUp();
    await clock.advance(REVALIDATE_MS);
    watched.add("nas" as OriginId);
    expect(confirmations.isFresh(replica(7))).toBe(true);
    watched.delete("nas" as OriginId);
    expect(confirmations.isFresh(replica(7))).toBe(false);
  });

  test("what was confirmed in the future, by a clock set back since, is not believed", async () => {
    const { clock, scans, confirmations } = setUp();
    scans.set("nas" as OriginId, clock.wallMs() + 1);
    expect(confirmations.isFresh(replica(7))).toBe(false);
  });

  test("remembers a bounded number of versions, the latest ones", async () => {
    const { clock, confirmations } = setUp();
    await clock.advance(REVALIDATE_MS);
    for (let version = 0; version < 20_000; version++) confirmations.confirm(replica(version));
    expect(confirmations.size).toBeLessThan(20_000);
    expect(confirmations.isFresh(replica(0))).toBe(false);
    expect(confirmations.isFresh(replica(19_999))).toBe(true);
  });
});
