import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { CatalogReader } from "../../../src/core/catalog/catalog.ts";
import { OriginError, OwnError } from "../../../src/core/errors.ts";
import type { ReadFile, ServedRead } from "../../../src/core/federation/file.ts";
import { REPLY_BODY } from "../../../src/core/fuse/reply.ts";
import { BoundFiles } from "../../../src/core/mount/bound_files.ts";
import { PendingReads } from "../../../src/core/mount/pending_reads.ts";
import { ReplyBuffers } from "../../../src/core/mount/reply_buffers.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { EBADF, EINTR, EIO } from "../../../src/core/sys/errno.ts";
import { HandleTable } from "../../../src/core/vfs/handles.ts";
import { SeamPool } from "../../../src/core/vfs/seams.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const catalog = {
  version: () => true,
  pathOf: () => "a.flac" as BytePath,
  replicas: () => [],
} as unknown as CatalogReader;

const outcome = (bytesRead: number, proved = true): ServedRead => ({
  bytesRead,
  origin: "nas" as OriginId,
  cacheBytes: 0,
  memoryBytes: 0,
  originBytes: bytesRead,
  failures: 0,
  hedged: false,
  proved,
});

interface Reply {
  readonly unique: number;
  readonly error: number;
  readonly body: Uint8Array;
}

function setUp(read: ReadFile, lives = (_pid: number) => true) {
  const clock = new VirtualClock();
  const handles = new HandleTable();
  const seams = new SeamPool();
  const files = new BoundFiles({ catalog, handles, seams });
  const replies: Reply[] = [];
  const reads = new PendingReads({
    clock,
    read,
    files,
    handles,
    seams,
    buffers: new ReplyBuffers(),
    reply: ({ view, bytes }, length) => {
      expect(view.getUint32(0, true)).toBe(length);
      replies.push({
        unique: Number(view.getBigUint64(8, true)),
        error: view.getInt32(4, true),
        body: bytes.slice(REPLY_BODY, length),
      });
    },
    processLives: lives,
  });
  const fh = handles.allocate(1, 1000);
  const request = { unique: 2, fh, offsetBytes: 0, lengthBytes: 4, pid: 77 };
  return { clock, handles, files, replies, reads, fh, request };
}

/** A read that settles only when it is aborted. */
const hangs: ReadFile = (_file, _offset, _into, { signal }) => {
  const { promise, reject } = Promise.withResolvers<ServedRead>();
  signal.addEventListener("abort", () => reject(new OwnError("cancelled", "cancelled")));
  return promise;
};

describe("PendingReads", () => {
  test("answers with the bytes that the federation read", async () => {
    const { reads, replies, request } = setUp(async (file, offset, into) => {
      expect(file.path).toBe("a.flac" as BytePath);
      expect(offset).toBe(0);
      into.set([1, 2, 3, 4]);
      return outcome(4);
    });
    await reads.start(request);
    expect(replies).toEqual([{ unique: 2, error: 0, body: Uint8Array.of(1, 2, 3, 4) }]);
    expect(reads.size).toBe(0);
  });

  test("answers EIO, never fewer bytes, when a read came back short", async () => {
    const { reads, replies, request } = setUp(async () => outcome(3));
    await reads.start(request);
    expect(replies).toEqual([{ unique: 2, error: -EIO, body: new Uint8Array(0) }]);
  });

  test("answers the errno of a failure, and EBADF for a handle that is closed", async () => {
    const { reads, replies, request, handles, fh } = setUp(async () => {
      throw new OriginError("timeout", "nas", "a.flac", "took too long");
    });
    await reads.start(request);
    handles.free(fh);
    await reads.start({ ...request, unique: 4 });
    expect(replies.map(({ error }) => error)).toEqual([-EIO, -EBADF]);
  });

  test("gives an interrupted read up with EINTR, but only after it waited a second", async () => {
    const { reads, replies, request, clock } = setUp(hangs);
    void reads.start(request);
    await clock.advance(300);
    reads.interrupt(2);
    reads.interrupt(99);
    await clock.advance(600);
    expect(replies).toEqual([]);
    await clock.advance(200);
    expect(replies).toEqual([{ unique: 2, error: -EINTR, body: new Uint8Array(0) }]);
    expect(clock.pendingTimers).toBe(0);
  });

  test("an interrupt of a read that is answered in time changes nothing", async () => {
    const { promise, resolve } = Promise.withResolvers<ServedRead>();
    const { reads, replies, request, clock } = setUp(() => promise);
    void reads.start(request);
    reads.interrupt(2);
    resolve(outcome(4));
    await clock.advance(5000);
    expect(replies.map(({ error }) => error)).toEqual([0]);
  });

  test("a closed descriptor gives up only reads whose caller is gone", async () => {
    const living = new Set([78]);
    const { reads, replies, request, clock } = setUp(hangs, (pid) => living.has(pid));
    void reads.start(request);
    void reads.start({ ...request, unique: 4, pid: 78 });
    void reads.start({ ...request, unique: 6, pid: 0 });
    reads.flush(request.fh);
    await clock.advance(2000);
    expect(replies.map(({ unique }) => unique)).toEqual([2]);
    reads.close();
    await clock.advance(0);
    expect(reads.size).toBe(0);
    expect(replies).toHaveLength(3);
  });

  test("are told of as long as they may be given up, so that closing a file wakes nobody else", async () => {
    const { promise, resolve } = Promise.withResolvers<ServedRead>();
    const { reads, replies, request, handles, fh } = setUp(() => promise);
    handles.readBegun(fh);
    const reading = reads.start(request);
    expect(handles.isRead(fh)).toBe(true);
    // What a reader thread handed over was nobody's that is known.
    const other = reads.start({ ...request, unique: 4, pid: 0 });
    resolve(outcome(4));
    await Promise.all([reading, other]);
    expect(replies).toHaveLength(2);
    expect(handles.isRead(fh)).toBe(false);
  });

  test("remembers that a handle was served by a replica that is only probable", async () => {
    const { reads, files, request, fh } = setUp(async () => outcome(4, false));
    await reads.start(request);
    expect(files.release(fh)?.servedUnproved).toBe(true);
    expect(files.size).toBe(0);
  });
});
