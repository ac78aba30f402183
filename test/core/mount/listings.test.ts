import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { CatalogReader } from "../../../src/core/catalog/catalog.ts";
import { DIRECTORY_DEADLINE_MS } from "../../../src/core/limits.ts";
import { type ListDirectory, Listings } from "../../../src/core/mount/listings.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const nas = "nas" as OriginId;
const disk = "disk" as OriginId;

function setUp(list: ListDirectory, unlisted: readonly OriginId[], down: readonly OriginId[] = []) {
  const clock = new VirtualClock();
  const catalog = {
    unlisted: () => unlisted.map((origin) => ({ origin, path: "albums" as BytePath })),
  } as unknown as CatalogReader;
  const usable = (origin: OriginId) => !down.includes(origin);
  return { clock, listings: new Listings({ catalog, clock, list, usable }) };
}

describe("Listings", () => {
  test("asks every origin that was never asked, and waits for all", async () => {
    const asked: OriginId[] = [];
    const { listings } = setUp(async (origin) => void asked.push(origin), [nas, disk]);
    await listings.ensure(1);
    expect(asked.sort()).toEqual([disk, nas]);
    expect(listings.size).toBe(0);
  });

  test("asks nobody when the directory is listed or its origins are down", async () => {
    let asked = 0;
    const list = async () => void asked++;
    await setUp(list, []).listings.ensure(1);
    await setUp(list, [nas], [nas]).listings.ensure(1);
    expect(asked).toBe(0);
  });

  test("lists once however many wait", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    const { listings } = setUp(() => {
      asked++;
      return promise;
    }, [nas]);
    const waiting = Promise.all([listings.ensure(1), listings.ensure(1), listings.ensure(1)]);
    resolve();
    await waiting;
    expect(asked).toBe(1);
  });

  test("NFR-7.2 answers within the deadline when an origin hangs, and leaves no timer", async () => {
    const { clock, listings } = setUp(() => new Promise(() => undefined), [nas]);
    let done = false;
    const waiting = listings.ensure(1).then(() => {
      done = true;
    });
    await clock.advance(DIRECTORY_DEADLINE_MS - 1);
    expect(done).toBe(false);
    await clock.advance(1);
    await waiting;
    expect(clock.pendingTimers).toBe(0);
  });

  test("a refresh tells whether the listing succeeded", async () => {
    const works = setUp(async () => undefined, []);
    expect(await works.listings.refresh(nas, "a" as BytePath)).toBe(true);
    const fails = setUp(async () => {
      throw new Error("no");
    }, []);
    expect(await fails.listings.refresh(nas, "a" as BytePath)).toBe(false);
  });

  test("closing aborts what runs", async () => {
    let aborted = false;
    const { listings } = setUp(
      (_origin, _directory, signal) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => {
            aborted = true;
            reject(new Error("aborted"));
          });
        }),
      [nas],
    );
    const waiting = listings.ensure(1);
    listings.close();
    await waiting;
    expect(aborted).toBe(true);
    expect(listings.size).toBe(0);
  });

  test("closing lets whoever waits go on, though the listing does not end", async () => {
    const { listings } = setUp(() => new Promise(() => undefined), [nas]);
    const waiting = listings.ensure(1);
    listings.close();
    await waiting;
    await listings.ensure(1);
  });
});
