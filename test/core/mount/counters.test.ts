/**
 * What a fixed scenario costs, in numbers that are the same on every machine. Whoever changes one of
 * them knows why: a slower algorithm shows here first.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ENTRY_OUT, OPEN_OUT, OUT_HEADER } from "../../../src/core/fuse/layout.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { EIO } from "../../../src/core/sys/errno.ts";
import { TempDirectory } from "../catalog/fixture.ts";
import { named, request, u32, u64 } from "../fuse/requests.ts";
import { BACKUP, CountedMount, NAS } from "./counted_mount.ts";

const ALBUMS = 10;
const TRACKS = 20;
const ROOT = 1;
const READ_BYTES = 131_072;
const TRACK_BYTES = 8 * READ_BYTES;
const LONG_AGO = new Date("2001-01-01");
const READDIR_BYTES = 32_768;

describe("a library of 10 albums with 20 tracks each, on two origins", () => {
  let directory: TempDirectory;
  let mount: CountedMount;
  let unique = 2;

  beforeAll(async () => {
    directory = new TempDirectory();
    const roots = new Map<OriginId, string>();
    for (const id of [NAS, BACKUP]) {
      const root = join(directory.path, id);
      roots.set(id, root);
      for (let album = 0; album < ALBUMS; album++) {
        mkdirSync(join(root, `album ${album}`), { recursive: true });
        for (let track = 0; track < TRACKS; track++) {
          writeFileSync(join(root, `album ${album}/track ${track}`), "");
        }
      }
      writeFileSync(join(root, "album 0/track 0"), Buffer.alloc(TRACK_BYTES, "music "));
      age(root);
    }
    mount = await CountedMount.start(roots);
  });
  afterAll(async () => {
    await mount[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });

  const ask = (name: string, nodeid: number, parts: Parameters<typeof request>[1]) => {
    unique += 2;
    return mount.send(request(name, parts, { nodeid, unique }));
  };
  const lookup = (parent: number, name: string): number => {
    const reply = ask("LOOKUP", parent, [named(name)]);
    return Number(reply?.readBigUInt64LE(OUT_HEADER.sizeBytes + ENTRY_OUT.at.nodeid) ?? 0n);
  };
  const open = (nodeid: number): number => {
    const reply = ask("OPEN", nodeid, [u32(0), u32(0)]);
    return Number(reply?.readBigUInt64LE(OUT_HEADER.sizeBytes + OPEN_OUT.at.fh) ?? -1n);
  };
  const read = (nodeid: number, fh: number, offset: number) =>
    ask("READ", nodeid, [u64(fh), u64(offset), u32(READ_BYTES), u32(0), u64(0), u32(0), u32(0)]);
  const release = (nodeid: number, fh: number) =>
    ask("RELEASE", nodeid, [u64(fh), u32(0), u32(0), u64(0)]);
  const list = (nodeid: number): number => {
    let entries = 0;
    for (let cookie = 0n; ; ) {
      const parts = [u64(0), u64(cookie), u32(READDIR_BYTES), u32(0), u64(0), u32(0), u32(0)];
      const reply = ask("READDIRPLUS", nodeid, parts);
      if (reply === undefined || reply.byteLength === OUT_HEADER.sizeBytes) return entries;
      entries++;
      cookie = lastCookie(reply);
    }
  };

  test("scanned for the first time", async () => {
    expect(await mount.costs(() => mount.scan())).toEqual({
      changes: {
        directories: 11,
        names: 210,
      },
      originRequests: {
        "backup list": 22,
        "backup stat": 1,
        "nas list": 22,
        "nas stat": 1,
      },
      statements: {
        "store BEGIN": 26,
        "store COMMIT": 26,
        "store INSERT": 1076,
        "store PRAGMA": 26,
        "store SELECT": 1918,
        "store UPDATE": 47,
      },
      systemCalls: {
        close: 24,
        fstatx: 24,
        getdents64: 44,
        openat2: 24,
        statx: 422,
      },
    });
  });

  test("scanned again, with nothing changed", async () => {
    expect(await mount.costs(() => mount.scan())).toEqual({
      originRequests: {
        "backup list": 2,
        "backup stat": 1,
        "nas list": 2,
        "nas stat": 1,
      },
      statements: {
        "store BEGIN": 4,
        "store COMMIT": 4,
        "store PRAGMA": 4,
        "store SELECT": 154,
        "store UPDATE": 4,
      },
      systemCalls: {
        close: 24,
        fstatx: 2,
        getdents64: 44,
        openat2: 24,
        statx: 420,
      },
    });
  });

  test("listed whole", async () => {
    const costs = await mount.costs(() => {
      list(ROOT);
      for (let album = 0; album < ALBUMS; album++) list(lookup(ROOT, `album ${album}`));
    });
    expect(costs).toEqual({
      replies: {
        answered: 32,
      },
      requests: {
        LOOKUP: 10,
        READDIRPLUS: 22,
      },
      statements: {
        "fuse SELECT": 65,
      },
    });
  });

  let track = 0;
  let fh = 0;

  test("a name looked up", async () => {
    const costs = await mount.costs(() => {
      track = lookup(lookup(ROOT, "album 0"), "track 0");
    });
    expect(costs).toEqual({
      replies: {
        answered: 2,
      },
      requests: {
        LOOKUP: 2,
      },
      statements: {
        "fuse SELECT": 2,
      },
    });
  });

  test("a file opened", async () => {
    const costs = await mount.costs(() => {
      fh = open(track);
    });
    expect(costs).toEqual({
      replies: {
        answered: 1,
      },
      requests: {
        OPEN: 1,
      },
      statements: {
        "fuse SELECT": 3,
      },
      systemCalls: {
        fstatx: 1,
        openat2: 1,
      },
    });
  });

  test("its first half read from the page cache", async () => {
    const costs = await mount.costs(() => {
      for (let at = 0; at < TRACK_BYTES / 2; at += READ_BYTES) read(track, fh, at);
    });
    expect(costs).toEqual({
      replies: {
        answered: 4,
      },
      requests: {
        READ: 4,
      },
      statements: {
        "main PRAGMA": 2,
        "main SELECT": 5,
      },
      systemCalls: {
        fstatx: 4,
        preadv2: 4,
      },
    });
  });

  test("read where the page cache has nothing: handed to a reader thread", async () => {
    mount.pagesCached = false;
    const costs = await mount.costs(() => void read(track, fh, TRACK_BYTES / 2));
    mount.pagesCached = true;
    expect(costs).toEqual({
      replies: {
        deferred: 1,
      },
      requests: {
        READ: 1,
      },
      systemCalls: {
        preadv2: 1,
      },
    });
  });

  test("read on from the other origin when the disk of the first fails (F-8)", async () => {
    mount.faults.get(NAS)?.add({ on: ["read"], fault: { kind: "error", code: "io" } });
    const failure = { origin: 0, reason: EIO };
    const costs = await mount.costs(async () => {
      const lengthBytes = READ_BYTES;
      for (let at = TRACK_BYTES / 2; at < TRACK_BYTES; at += READ_BYTES) {
        unique += 2;
        const place = { fh, offsetBytes: at, lengthBytes, pid: 0, failure };
        mount.assembly.defer({ kind: "read", unique, ...place });
        await mount.clock.advance(0);
      }
    });
    mount.faults.get(NAS)?.clear();
    expect(costs).toEqual({
      originRequests: {
        "backup read": 6,
        "nas probe": 1,
        "nas read": 4,
      },
      replies: {
        later: 4,
      },
      statements: {
        "main PRAGMA": 6,
        "main SELECT": 1,
      },
      systemCalls: {
        close: 7,
        fstatx: 13,
        getdents64: 1,
        openat2: 7,
        pread: 6,
        statx: 2,
      },
    });
  });

  test("closed", async () => {
    const costs = await mount.costs(() => void release(track, fh));
    expect(costs).toEqual({
      replies: {
        answered: 1,
      },
      requests: {
        RELEASE: 1,
      },
      systemCalls: {
        close: 1,
      },
    });
  });

  test("opened after it was edited in place: looked at everywhere, looked up, opened", async () => {
    writeFileSync(join(directory.path, NAS, "album 0/track 0"), "edited");
    const costs = await mount.costs(async () => {
      expect(open(track)).toBe(-1);
      await mount.clock.advance(0);
      track = lookup(lookup(ROOT, "album 0"), "track 0");
      fh = open(track);
      release(track, fh);
    });
    expect(costs).toEqual({
      changes: {
        names: 1,
      },
      originRequests: {
        "backup stat": 1,
        "nas stat": 1,
      },
      replies: {
        answered: 4,
        deferred: 1,
        later: 1,
      },
      requests: {
        LOOKUP: 2,
        OPEN: 2,
        RELEASE: 1,
      },
      statements: {
        "fuse SELECT": 5,
        "main PRAGMA": 1,
        "main SELECT": 1,
        "store BEGIN": 1,
        "store COMMIT": 1,
        "store DELETE": 1,
        "store INSERT": 3,
        "store PRAGMA": 1,
        "store SELECT": 18,
        "store UPDATE": 2,
      },
      systemCalls: {
        close: 4,
        fstatx: 4,
        openat2: 4,
      },
    });
  });

  test("scanned after one file came", async () => {
    writeFileSync(join(directory.path, NAS, "album 0/new"), "new");
    expect(await mount.costs(() => mount.scan())).toEqual({
      changes: {
        directories: 2,
        names: 1,
      },
      originRequests: {
        "backup list": 2,
        "backup stat": 1,
        "nas list": 6,
        "nas stat": 1,
      },
      statements: {
        "store BEGIN": 6,
        "store COMMIT": 6,
        "store INSERT": 6,
        "store PRAGMA": 6,
        "store SELECT": 187,
        "store UPDATE": 10,
      },
      systemCalls: {
        close: 25,
        fstatx: 4,
        getdents64: 46,
        openat2: 25,
        statx: 432,
      },
    });
  });
});

/** Gives a directory and all below it one time, so that no count depends on today's. */
function age(root: string): void {
  for (const name of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    utimesSync(join(root, name), LONG_AGO, LONG_AGO);
  }
  utimesSync(root, LONG_AGO, LONG_AGO);
}

/** Cookie of the last entry of a READDIRPLUS reply. */
function lastCookie(reply: Buffer): bigint {
  let cookie = 0n;
  const ENTRY = ENTRY_OUT.sizeBytes;
  for (let at = OUT_HEADER.sizeBytes; at < reply.byteLength; ) {
    cookie = reply.readBigUInt64LE(at + ENTRY + 8);
    const length = ENTRY + 24 + reply.readUInt32LE(at + ENTRY + 16);
    at += Math.ceil(length / 8) * 8;
  }
  return cookie;
}
