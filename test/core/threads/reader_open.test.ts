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
import { POSIX_FADV_WILLNEED } from "../../../src/core/sys/arch.ts";
import { EIO } from "../../../src/core/sys/errno.ts";
import { emptyJob, JOB, type Job } from "../../../src/core/threads/job_queue.ts";
import { QueuedReaders, readHeadsPayload } from "../../../src/core/threads/queued_readers.ts";
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

/** Has a reader fetch the heads of these files; answers which it asked for, and the queue it leaves. */
function fetchHeads(
  paths: readonly string[],
  meanwhile?: (queue: QueuedReaders, row: number) => void,
) {
  const fetched: string[] = [];
  const { syscalls, counts } = replacedSyscalls({
    fadvise: (original, fd, offset, length, advice) => {
      expect([offset, length, advice]).toEqual([0, OPEN_FETCH_BYTES, POSIX_FADV_WILLNEED]);
      fetched.push(relative(root, readlinkSync(`/proc/self/fd/${fd}`)));
      return original(fd, offset, length, advice);
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
    paths.map((path) => path as BytePath),
  );
  const job = emptyJob();
  expect(state.jobs.take(job, 1)).toBe(true);
  meanwhile?.(queue, row);
  reader.do(job);
  expect(counts.get("close") ?? 0).toBe(counts.get("fadvise") ?? 0);
  expect(counts.get("pread")).toBeUndefined();
  const left: Pick<Job, "kind" | "payload">[] = [];
  state.jobs.finish(row);
  while (state.jobs.take(job, 1)) {
    left.push({ kind: job.kind, payload: job.payload });
    state.jobs.finish(row);
  }
  return { fetched, left };
}

describe("Reader fetching files that are likely to be opened next", () => {
  test("has the kernel read their heads, at the root and below, without waiting, and closes them", () => {
    mkdirSync(join(root, "album"));
    const paths = ["one", "album/two", "album/three"];
    for (const path of paths) writeFileSync(join(root, path), path);
    expect(fetchHeads(paths)).toEqual({ fetched: paths, left: [] });
  });

  test("leaves out what is gone and what leads out of the root", () => {
    writeFileSync(join(root, "here"), "");
    symlinkSync("/etc/passwd", join(root, "out"));
    expect(fetchHeads(["gone", "out", "here"]).fetched).toEqual(["here"]);
  });

  test("does not give way to another guess", () => {
    writeFileSync(join(root, "one"), "");
    const { fetched, left } = fetchHeads(["one"], (queue, row) => queue.fetchHeads(row, []));
    expect(fetched).toEqual(["one"]);
    expect(left).toHaveLength(1);
  });

  test("goes on after whoever waits for the same disk", () => {
    const paths = ["one", "two"];
    for (const path of paths) writeFileSync(join(root, path), "");
    const { fetched, left } = fetchHeads(paths, (queue, row) => queue.read(9, 0, row, 0, 0, 1));
    expect(fetched).toEqual([]);
    expect(left.map(({ kind }) => kind)).toEqual([JOB.read, JOB.fetchHeads]);
    expect(readHeadsPayload(left[1]?.payload ?? Buffer.of())).toEqual(paths as BytePath[]);
  });

  test("takes as many paths as there is room for", () => {
    const paths = Array.from({ length: 64 }, (_, i) => `${i}`.padStart(255, "x"));
    for (const path of paths) writeFileSync(join(root, path), "");
    const { fetched } = fetchHeads(paths);
    expect(fetched).toEqual(paths.slice(0, fetched.length));
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
