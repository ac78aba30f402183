import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { BytePath } from "../../../src/core/bytes.ts";
import { OUT_HEADER } from "../../../src/core/fuse/layout.ts";
import { OPEN_FETCH_BYTES } from "../../../src/core/limits.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { EIO } from "../../../src/core/sys/errno.ts";
import { emptyJob } from "../../../src/core/threads/job_queue.ts";
import { QueuedReaders } from "../../../src/core/threads/queued_readers.ts";
import { Reader } from "../../../src/core/threads/reader.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import { replacedSyscalls } from "../../support/failing_syscalls.ts";

const PATH = "track.flac" as BytePath;
const ORIGIN = "disk" as OriginId;

let root: string;
let rootFd: number;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-reader-"));
  rootFd = openSync(root, constants.O_DIRECTORY);
});
afterEach(() => {
  closeSync(rootFd);
  rmSync(root, { recursive: true });
});

/** Has a reader open a file of so many bytes; `failure` is what its reads answer instead. */
function open(sizeBytes: number, failure?: number) {
  writeFileSync(join(root, PATH), new Uint8Array(sizeBytes));
  const reads: (readonly [offset: number, length: number])[] = [];
  const { syscalls } = replacedSyscalls({
    pread: (original, fd, into, length, offset) => {
      reads.push([offset, length]);
      return failure ?? original(fd, into, length, offset);
    },
  });
  const state = new SharedState();
  const { handles, routing, jobs, latencies } = state;
  const row = routing.claim(ORIGIN);
  routing.setRootFd(row, rootFd);
  const samples: number[] = [];
  const replies: number[] = [];
  using reader = new Reader({
    state,
    syscalls,
    reply: ({ view }) => replies.push(view.getInt32(OUT_HEADER.at.error, true)),
    defer: () => replies.push(Number.NaN),
    onMeasured: () => latencies.collect(row, (ms) => samples.push(ms)),
    onResult: () => undefined,
  });
  const disk = new Disk(root);
  const originVersion = disk.stat(PATH);
  disk.release();
  const fh = handles.allocate(1, sizeBytes);
  new QueuedReaders(jobs).open(7, fh, row, 0, {
    ...{ origin: ORIGIN, path: PATH, entry: 2, version: 1, match: "proved" },
    originVersion,
  });
  const job = emptyJob();
  jobs.take(job, 1);
  reader.do(job);
  closeSync(handles.fd(fh));
  return { reads, replies, samples };
}

/** Has a reader fetch the heads of these files of `directory`; the paths are those that it read from. */
function fetchHeads(directory: string, names: readonly string[], waiting = false): string[] {
  const read: string[] = [];
  const { syscalls, counts } = replacedSyscalls({
    pread: (original, fd, into, length, offset) => {
      expect([length, offset]).toEqual([OPEN_FETCH_BYTES, 0]);
      read.push(relative(root, readlinkSync(`/proc/self/fd/${fd}`)));
      return original(fd, into, length, offset);
    },
  });
  const state = new SharedState();
  const row = state.routing.claim(ORIGIN);
  state.routing.setRootFd(row, rootFd);
  const nobody = () => expect.unreachable();
  using reader = new Reader({
    ...{ state, syscalls, reply: nobody, defer: nobody, onMeasured: nobody, onResult: nobody },
  });
  const queue = new QueuedReaders(state.jobs);
  queue.fetchHeads(
    row,
    directory as BytePath,
    names.map((name) => Buffer.from(name)),
  );
  const job = emptyJob();
  expect(state.jobs.take(job, 1)).toBe(true);
  if (waiting) queue.read(9, 0, row, 0, 0, 1);
  reader.do(job);
  expect(counts.get("close") ?? 0).toBe(counts.get("pread") ?? 0);
  return read;
}

describe("Reader fetching files that are likely to be opened next", () => {
  test("reads their heads, at the root and below, and closes them", () => {
    writeFileSync(join(root, "one"), "1");
    mkdirSync(join(root, "album"));
    writeFileSync(join(root, "album/two"), "2");
    writeFileSync(join(root, "album/three"), "3");
    expect(fetchHeads("", ["one"])).toEqual(["one"]);
    expect(fetchHeads("album", ["two", "three"])).toEqual(["album/two", "album/three"]);
  });

  test("leaves out what is gone and what leads out of the root", () => {
    writeFileSync(join(root, "here"), "");
    symlinkSync("/etc/passwd", join(root, "out"));
    expect(fetchHeads("", ["gone", "out", "here"])).toEqual(["here"]);
  });

  test("gives way to who waits for the same disk", () => {
    writeFileSync(join(root, "one"), "1");
    expect(fetchHeads("", ["one"], true)).toEqual([]);
  });

  test("takes as many names as there is room for", () => {
    const names = Array.from({ length: 64 }, (_, i) => `${i}`.padStart(255, "x"));
    for (const name of names) writeFileSync(join(root, name), "");
    const fetched = fetchHeads("", names);
    expect(fetched).toEqual(names.slice(0, fetched.length));
    expect(fetched.length).toBeWithin(32, 34);
  });
});

describe("Reader opening a file", () => {
  test("fetches a small file whole before it answers, once, and counts it as a read (F-2)", () => {
    const { reads, replies, samples } = open(4096);
    expect(reads).toEqual([[0, 4096]]);
    expect(replies).toEqual([0]);
    expect(samples).toHaveLength(1);
  });

  test("fetches no more than the head of a large file, and nothing of an empty one", () => {
    expect(open(4 * OPEN_FETCH_BYTES).reads).toEqual([[0, OPEN_FETCH_BYTES]]);
    expect(open(0)).toEqual({ reads: [], replies: [0], samples: [] });
  });

  test("leaves a failing disk to the reads that follow", () => {
    const { replies, samples } = open(4096, -EIO);
    expect(replies).toEqual([0]);
    expect(samples).toEqual([]);
  });
});
