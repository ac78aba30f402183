import { describe, expect, test } from "bun:test";
import fs from "node:fs";
import { join } from "node:path";
import { type BlockReads, type FileStamp, stampOf } from "../../../src/core/cache/block_reads.ts";
import { ProvedFiles } from "../../../src/core/cache/proved_files.ts";
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  CACHE_PROOF_DELAY_MS,
  CACHE_PROOF_MS,
} from "../../../src/core/limits.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";
import { TempDirectory, TestCache, type TestFile, testFile } from "./fixture.ts";

const LONG_AGO_MS = 0;

/** Reads at once; stamps are the machine's, but for the time, which is virtual elsewhere. */
class StampedReads implements BlockReads {
  changedMs = LONG_AGO_MS;
  /** Called before each piece. */
  beforeRead: () => void = () => undefined;

  async open(file: string): Promise<number> {
    return fs.openSync(file, "r");
  }

  readNow(
    fd: number,
    offsetBytes: number,
    into: { bytes: Uint8Array },
    lengthBytes: number,
  ): number {
    this.beforeRead();
    return fs.readSync(fd, into.bytes, 0, lengthBytes, offsetBytes);
  }

  async read(fd: number, offset: number, into: { bytes: Uint8Array }, length: number) {
    return fs.readSync(fd, into.bytes, 0, length, offset);
  }

  stamp(fd: number): FileStamp {
    return { ...stampOf(fd), changedMs: this.changedMs };
  }

  close(fd: number): void {
    fs.closeSync(fd);
  }
}

const track = testFile("track", { sizeBytes: 2 * BLOCKS_PER_GROUP * BLOCK_BYTES + 17 });

async function setUp() {
  const stack = new DisposableStack();
  const directory = stack.use(new TempDirectory());
  const reads = new StampedReads();
  const cached = stack.use(new TestCache(directory.path, { reads }));
  const clock = new VirtualClock();
  const { cache: contents } = cached;
  const faults: string[] = [];
  const onFault = (message: string) => void faults.push(message);
  const proved = new ProvedFiles({ clock, contents, onFault });
  await cached.keep(track);
  const listen = async (file: TestFile = track) => {
    proved.listenedTo(file.version);
    proved.closed(file);
    for (let i = 0; i < 20; i++) await clock.advance(CACHE_PROOF_DELAY_MS / 10);
    await settle();
  };
  /** Whether the kernel may read the track now. */
  const isOffered = async () => {
    using content = await proved.open(track);
    return content !== undefined;
  };
  const dataFile = () => {
    const entries = fs.readdirSync(directory.path, { recursive: true, withFileTypes: true });
    const entry = entries.find((each) => each.isFile() && /^\d+$/.test(each.name));
    return entry === undefined ? "" : join(entry.parentPath, entry.name);
  };
  return { stack, reads, cached, clock, proved, faults, listen, isOffered, dataFile };
}

function flip(file: string, at: number): void {
  const fd = fs.openSync(file, "r+");
  const byte = new Uint8Array(1);
  fs.readSync(fd, byte, 0, 1, at);
  fs.writeSync(fd, Uint8Array.of((byte[0] ?? 0) ^ 1), 0, 1, at);
  fs.closeSync(fd);
}

describe("ProvedFiles", () => {
  test("offers the whole file once it was listened to and closed, and holds it meanwhile", async () => {
    const { stack, cached, proved, listen, isOffered } = await setUp();
    using _all = stack;
    proved.closed(track);
    expect(await isOffered()).toBeFalse();
    await listen();
    expect(proved.has(track.version)).toBeTrue();
    const content = await proved.open(track);
    const bytes = new Uint8Array(track.sizeBytes);
    expect(fs.readSync(content?.fd ?? -1, bytes, 0, bytes.byteLength, 0)).toBe(track.sizeBytes);
    expect(Buffer.compare(bytes, track.bytes)).toBe(0);
    await settle();
    expect((await cached.calls.stats()).openFiles).toBe(1);
    content?.[Symbol.dispose]();
    await settle();
    expect((await cached.calls.stats()).openFiles).toBe(0);
  });

  test("finds a flipped bit, drops its block, and offers nothing", async () => {
    const { stack, cached, listen, isOffered, dataFile } = await setUp();
    using _all = stack;
    flip(dataFile(), track.sizeBytes - 1);
    await listen();
    expect(await isOffered()).toBeFalse();
    expect(cached.events.map(({ type }) => type)).toEqual(["cache_block_dropped"]);
  });

  test("withdraws what was written to after it was proved, and proves it anew", async () => {
    const { stack, listen, isOffered, dataFile } = await setUp();
    using _all = stack;
    await listen();
    flip(dataFile(), 5);
    flip(dataFile(), 5);
    expect(await isOffered()).toBeFalse();
    await listen();
    expect(await isOffered()).toBeTrue();
  });

  test("proves nothing that is written to meanwhile, or was so a moment before", async () => {
    const { stack, reads, clock, listen, isOffered, dataFile } = await setUp();
    using _all = stack;
    let pieces = 0;
    reads.beforeRead = () => {
      if (++pieces !== 2) return;
      flip(dataFile(), 0);
      flip(dataFile(), 0);
    };
    await listen();
    expect(await isOffered()).toBeFalse();
    reads.changedMs = clock.wallMs() + CACHE_PROOF_DELAY_MS;
    await listen();
    expect(await isOffered()).toBeFalse();
    reads.changedMs = LONG_AGO_MS;
    await listen();
    expect(await isOffered()).toBeTrue();
  });

  test("withdraws what was evicted, removed, or proved long ago", async () => {
    const { stack, cached, clock, proved, listen, isOffered, dataFile } = await setUp();
    using _all = stack;
    await listen();
    await clock.advance(CACHE_PROOF_MS);
    expect(proved.has(track.version)).toBeFalse();
    await listen();
    fs.rmSync(dataFile());
    expect(await isOffered()).toBeFalse();
    await settle();
    await cached.keep(track);
    await listen();
    expect(await isOffered()).toBeTrue();
    const cleared = cached.calls.clear({ paths: [], pinned: true });
    await cached.clock.advance(100);
    await cleared;
    expect(await isOffered()).toBeFalse();
  });

  test("ends what is under way when the mount does", async () => {
    const { stack, clock, proved, faults, isOffered } = await setUp();
    using _all = stack;
    proved.listenedTo(track.version);
    proved.closed(track);
    await clock.advance(CACHE_PROOF_DELAY_MS / 2);
    proved.close();
    await proved.settled();
    await clock.advance(CACHE_PROOF_DELAY_MS);
    expect(await isOffered()).toBeFalse();
    expect(faults).toEqual([]);
  });
});
