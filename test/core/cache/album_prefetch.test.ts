import { describe, expect, test } from "bun:test";
import { AlbumPrefetch } from "../../../src/core/cache/album_prefetch.ts";
import { blockCount } from "../../../src/core/cache/blocks.ts";
import { sleep } from "../../../src/core/clock.ts";
import { OriginError } from "../../../src/core/errors.ts";
import {
  PAGED_LOOK_BYTES,
  PREFETCH_TRACK_BYTES,
  PREFETCH_TRACKS,
} from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { MemoryBlockCache } from "../../support/memory_block_cache.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { BUCKET, KIB, MIB, ReaderSetting, type TestFile, testFile } from "./slow_source.ts";

const LOCAL = "disk" as OriginId;
const TRACK_BYTES = 3 * MIB;

/** A reader over an album whose tracks are the versions 1, 2, ... */
class Album {
  readonly tracks = Array.from({ length: 10 }, (_, i) => testFile(TRACK_BYTES, i + 1));
  readonly cache = new MemoryBlockCache();
  readonly clock = new VirtualClock();
  /** Requests of the prefetch: of which track, and whether somebody waits. */
  readonly requests: { readonly track: number; readonly background: boolean }[] = [];
  readonly faults: unknown[] = [];
  fails = false;
  nextTrack = (version: number): TestFile | undefined => this.tracks[version];
  readonly prefetch = new AlbumPrefetch({
    cache: this.cache,
    isCached: (origin) => origin !== LOCAL,
    fetch: async (file, offsetBytes, into, { signal, background = false }) => {
      this.requests.push({ track: file.version, background });
      await sleep(this.clock, 50, signal);
      if (this.fails) throw new OriginError("connection", "bucket", "", "refused");
      const { content } = this.track(file.version);
      into.set(content.subarray(offsetBytes, offsetBytes + into.byteLength));
      const bytesRead = into.byteLength;
      return { bytesRead, origin: BUCKET, failures: 0, hedged: false, proved: true };
    },
    nextTrack: (version) => this.nextTrack(version),
    onFault: (error) => this.faults.push(error),
  });
  readonly reading = new ReaderSetting({
    clock: this.clock,
    cache: this.cache,
    listening: this.prefetch,
    fetch: async (file, offsetBytes, bytesRead) => ({
      outcome: { bytesRead, origin: BUCKET, failures: 0, hedged: false, proved: true },
      bytes: this.track(file.version).content.slice(offsetBytes, offsetBytes + bytesRead),
      [Symbol.dispose]: () => undefined,
    }),
  });

  track(number: number): TestFile {
    const track = this.tracks[number - 1];
    if (track === undefined) throw new Error(`there is no track ${number}`);
    return track;
  }

  /** Reads so much of a track's beginning. */
  async listen(number: number, bytes: number): Promise<void> {
    await this.clock.run(this.reading.read(this.track(number), 0, bytes));
  }

  /** Whether all of a track is in the cache. */
  has(number: number): boolean {
    return this.cache.blocksOf(number).length === blockCount(TRACK_BYTES);
  }
}

describe("AlbumPrefetch", () => {
  test("fetches the next track once a third of one was read, behind everybody else", async () => {
    const album = new Album();
    await album.listen(1, TRACK_BYTES / 3 - 1);
    expect(album.prefetch.size).toBe(0);
    await album.listen(1, 1);
    expect(album.prefetch.size).toBe(1);
    await album.clock.advance(60_000);
    expect(album.has(2)).toBe(true);
    expect(album.requests.every(({ track, background }) => track === 2 && background)).toBe(true);
    const { length } = album.requests;
    await album.listen(1, TRACK_BYTES);
    await album.clock.advance(60_000);
    expect(album.requests).toHaveLength(length);
    expect([album.prefetch.size, album.cache.openCount(2)]).toEqual([0, 0]);
  });

  test("takes nobody for a listener who looks at a file's beginning and end", async () => {
    const album = new Album();
    await album.listen(1, 64 * KIB);
    await album.clock.run(album.reading.read(album.track(1), TRACK_BYTES - 128 * KIB, 128 * KIB));
    await album.clock.advance(60_000);
    expect(album.requests).toEqual([]);
  });

  test("takes no file for a track that is no longer than a look", async () => {
    const album = new Album();
    const asked: number[] = [];
    album.nextTrack = (version) => {
      asked.push(version);
      return album.tracks[version];
    };
    album.prefetch.listenedTo(testFile(PAGED_LOOK_BYTES, 1));
    expect(asked).toEqual([]);
    album.prefetch.listenedTo(testFile(PAGED_LOOK_BYTES + 1, 1));
    expect(asked).toEqual([1]);
  });

  test("leaves a track to its reader as soon as there is one", async () => {
    const album = new Album();
    await album.listen(1, TRACK_BYTES / 3);
    expect(album.prefetch.size).toBe(1);
    await album.listen(2, 10);
    await settle();
    expect(album.prefetch.size).toBe(0);
    const { length } = album.requests;
    await album.clock.advance(60_000);
    expect(album.requests).toHaveLength(length);
  });

  test("fetches nothing that would not be kept, or is too large", async () => {
    const album = new Album();
    const sized = (sizeBytes: number) => Object.assign(album.track(2).again(), { sizeBytes });
    const nextIs = (next: TestFile | undefined) => {
      album.nextTrack = () => next;
      album.prefetch.listenedTo(album.track(1));
      return album.prefetch.size > 0;
    };
    expect(nextIs(undefined)).toBe(false);
    expect(nextIs(sized(PREFETCH_TRACK_BYTES + 1))).toBe(false);
    expect(nextIs(testFile(TRACK_BYTES, 2, LOCAL))).toBe(false);
    album.cache.state = { status: "degraded", reason: "the disk is full" };
    expect(nextIs(album.track(2))).toBe(false);
    album.cache.state = { status: "ok" };
    expect(nextIs(album.track(2))).toBe(true);
  });

  test("fetches PREFETCH_TRACKS at once, each one once", async () => {
    const album = new Album();
    for (const track of album.tracks) {
      album.prefetch.listenedTo(track);
      album.prefetch.listenedTo(track.again());
    }
    expect(album.prefetch.size).toBe(PREFETCH_TRACKS);
    await album.clock.advance(60_000);
    expect([1, 2, 3, 4, 5, 6].map((track) => album.has(track))).toEqual(
      [1, 2, 3, 4, 5, 6].map((track) => track > 1 && track <= PREFETCH_TRACKS + 1),
    );
  });

  test("lets be what fails, and ends with the mount", async () => {
    const album = new Album();
    album.fails = true;
    await album.listen(1, TRACK_BYTES / 3);
    await album.clock.advance(60_000);
    expect([album.prefetch.size, album.cache.openCount(2)]).toEqual([0, 0]);
    album.fails = false;
    await album.listen(3, TRACK_BYTES / 3);
    album.prefetch.close();
    await settle();
    expect([album.prefetch.size, album.cache.openCount(4)]).toEqual([0, 0]);
    expect(album.faults).toEqual([]);
    album.nextTrack = () => {
      throw new Error("the catalog cannot be read");
    };
    await album.listen(5, TRACK_BYTES / 3);
    expect(album.faults).toEqual([new Error("the catalog cannot be read")]);
  });
});
