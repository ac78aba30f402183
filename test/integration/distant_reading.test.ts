/** What reading over a network costs: round trips to the first byte, and bytes fetched for nothing. */

import { afterAll, beforeAll, expect } from "bun:test";
import { BLOCK_BYTES } from "../../src/core/limits.ts";
import { needing } from "../support/needs.ts";
import { DISTANT, DistantLibrary, type Place } from "./support/distant_library.ts";

const ROUND_TRIP_MS = 50;
const MIB = 1024 * 1024;
const FILE_BYTES = 6 * MIB;

/** The least of so many is not disturbed by what else the machine does. */
const TRIES = 8;

/** Nothing came for so long: nothing is being fetched any more, even on a machine that is busy. */
const PREFETCHED_MS = 2500;

const SCANNED = 8;

/** What a media server looks at: headers, and tags at the end. */
const HEAD: Place = [0, BLOCK_BYTES];
const TAIL: Place = [-2 * BLOCK_BYTES, 2 * BLOCK_BYTES];

/** Round trips to the first byte, of a file that is opened and of another place in it. */
const FIRST = { sftp: 2, s3: 1 } as const;
const SEEK = 1;

/** Bytes fetched for each that a media server looks at; more than 1 is what the wire adds. */
const SCAN_COST = 1.1;

/** The steps in which programs look: all at once, as head(1) and tail(1) do, and as stdio does. */
const STEPS_BYTES = [BLOCK_BYTES, 8 * 1024, 4096];

const { describe, test } = needing("root", "fuse");

describe("reading files that are a network away", () => {
  let library: DistantLibrary;

  beforeAll(async () => {
    const names = [
      "1.flac",
      "2.flac",
      "3.flac",
      ...named("warm", 4),
      ...named("opened", TRIES),
      "looked-at",
      ...STEPS_BYTES.flatMap((stepBytes) => named(`scanned-${stepBytes}`, SCANNED)),
    ];
    // Each differs: what is cached of one would serve for another of the same bytes.
    const content = () =>
      Buffer.alloc(FILE_BYTES, crypto.getRandomValues(Buffer.alloc(BLOCK_BYTES)));
    library = await DistantLibrary.start(
      Object.fromEntries(names.map((name) => [name, content()])),
    );
  }, 120_000);
  afterAll(async () => {
    await library[Symbol.asyncDispose]();
  }, 60_000);

  for (const id of DISTANT) {
    test(`${id}: the first byte costs ${FIRST[id]} round trips of 50 ms, a seek one (R-1)`, async () => {
      await library.read(id, named("warm", 4), [HEAD]);
      library.roundTripMs = ROUND_TRIP_MS;
      const places: Place[] = [
        [0, 4096],
        [FILE_BYTES / 2, 4096],
      ];
      const timed = await library.read(id, named("opened", TRIES), places);
      library.roundTripMs = 0;
      const trips = (ms: readonly number[]) => Math.floor(Math.min(...ms) / ROUND_TRIP_MS);
      const first = timed.map(({ openMs, readsMs: [ms = 0] }) => openMs + ms);
      const seeks = timed.map(({ readsMs: [, ms = 0] }) => ms);
      expect({ first: trips(first), seek: trips(seeks) }).toEqual({ first: FIRST[id], seek: SEEK });
    }, 120_000);

    test(`${id}: a look at the first 4 KiB fetches one block`, async () => {
      const look = () => library.read(id, ["looked-at"], [[0, 4096]]);
      const fetched = await library.received(id, look);
      expect(fetched / BLOCK_BYTES).toBeWithin(1, 1.2);
    }, 120_000);

    test.each(STEPS_BYTES)(
      `${id}: a media server's scan in steps of %d bytes fetches what it reads, and hardly more`,
      async (stepBytes) => {
        const names = named(`scanned-${stepBytes}`, SCANNED);
        const places = [HEAD, TAIL].flatMap((place) => steps(place, stepBytes));
        const fetched = await library.received(id, () => library.read(id, names, places));
        const asked = names.length * (HEAD[1] + TAIL[1]);
        expect(fetched / asked).toBeWithin(1, SCAN_COST);
      },
      120_000,
    );

    test(`${id}: while a track is played, the next one is fetched and no other`, async () => {
      const third: Place = [0, MIB];
      const played = () => library.read(id, ["1.flac"], [third, [MIB, MIB]]);
      const fetched = await library.received(id, played, PREFETCHED_MS);
      expect(fetched / FILE_BYTES).toBeWithin(4 / 3, 2.2);
      const again = library.received(id, () => library.read(id, ["2.flac"], [HEAD, TAIL]));
      expect(await again).toBeLessThan(BLOCK_BYTES);
    }, 120_000);
  }
});

/** The place, read in pieces. */
function steps([offset, length]: Place, stepBytes: number): readonly Place[] {
  return Array.from({ length: length / stepBytes }, (_, i) => [offset + i * stepBytes, stepBytes]);
}

function named(kind: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, i) => `${kind}-${i}`);
}
