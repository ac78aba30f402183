import { describe, expect, test } from "bun:test";
import type { DirectorySink, RequestContext } from "../../../src/core/fuse/filesystem.ts";
import { ATTR, DIRENT, ENTRY_OUT } from "../../../src/core/fuse/layout.ts";
import type { Session } from "../../../src/core/fuse/session.ts";
import { EINVAL, EIO } from "../../../src/core/sys/errno.ts";
import { MANY, MemoryFileSystem } from "./memory_file_system.ts";
import { ask, request, startedSession, u32, u64 } from "./requests.ts";

const ALBUM = 2;
const MANY_DIRECTORY = 8;
const DT_DIR = 4;
const DT_REG = 8;

interface Entry {
  readonly name: string;
  readonly inode: number;
  readonly offset: number;
  readonly type: number;
  readonly nodeid: number | undefined;
}

function list(
  session: Session,
  nodeid: number,
  plus: boolean,
  offset: number | bigint,
  size: number,
) {
  const parts = [u64(0), u64(offset), u32(size), u32(0), u64(0), u32(0), u32(0)];
  return ask(session, request(plus ? "READDIRPLUS" : "READDIR", parts, { nodeid }));
}

/** Takes a listing apart as the kernel does (fs/fuse/readdir.c). */
function entriesOf(body: Buffer, plus: boolean): Entry[] {
  const entries: Entry[] = [];
  let at = 0;
  while (at < body.length) {
    const head = plus ? at + ENTRY_OUT.sizeBytes : at;
    const nameBytes = body.readUInt32LE(head + DIRENT.at.namelen);
    const nameAt = head + DIRENT.sizeBytes;
    entries.push({
      name: body.toString("latin1", nameAt, nameAt + nameBytes),
      inode: Number(body.readBigUInt64LE(head + DIRENT.at.ino)),
      offset: Number(body.readBigUInt64LE(head + DIRENT.at.off)),
      type: body.readUInt32LE(head + DIRENT.at.type),
      nodeid: plus ? Number(body.readBigUInt64LE(at + ENTRY_OUT.at.nodeid)) : undefined,
    });
    if (plus) {
      const { ino, mode } = ATTR.at;
      expect(Number(body.readBigUInt64LE(at + ENTRY_OUT.at.attr + ino))).toBe(
        entries.at(-1)?.inode ?? -1,
      );
      expect(body.readUInt32LE(at + ENTRY_OUT.at.attr + mode) >> 12).toBe(
        entries.at(-1)?.type ?? -1,
      );
    }
    const end = nameAt + nameBytes;
    at += Math.ceil((end - at) / 8) * 8;
    expect(body.subarray(end, at).every((byte) => byte === 0)).toBe(true);
  }
  expect(at).toBe(body.length);
  return entries;
}

/** Asks until the directory ends, as readdir(3) does. */
function listAll(session: Session, nodeid: number, plus: boolean, size: number): Entry[] {
  const entries: Entry[] = [];
  for (;;) {
    const { error, body } = list(session, nodeid, plus, entries.at(-1)?.offset ?? 0, size);
    expect(error).toBe(0);
    expect(body.length).toBeLessThanOrEqual(size);
    if (body.length === 0) return entries;
    entries.push(...entriesOf(body, plus));
  }
}

describe("READDIR and READDIRPLUS", () => {
  test("start with . and .., which make no nodes", () => {
    const [dot, dots, first] = listAll(startedSession(), ALBUM, true, 4096);
    expect(dot).toMatchObject({ name: ".", offset: 1, nodeid: 0, type: DT_DIR });
    expect(dots).toMatchObject({ name: "..", offset: 2, nodeid: 0, type: DT_DIR });
    expect(first).toMatchObject({
      name: "01 song.flac",
      offset: 3,
      nodeid: 3,
      inode: 1003,
      type: DT_REG,
    });
  });

  test.each([
    [false, 280],
    [false, 4096],
    [true, 408],
    [true, 4096],
    [true, 1_048_576],
  ])("list every entry once (plus: %p, %d bytes at a time)", (plus, size) => {
    for (const nodeid of [ALBUM, MANY_DIRECTORY]) {
      const names = listAll(startedSession(), nodeid, plus, size).map((entry) => entry.name);
      expect(names.length).toBe(nodeid === ALBUM ? 7 : MANY + 2);
      expect(new Set(names).size).toBe(names.length);
    }
  });

  test("go on from every entry", () => {
    const session = startedSession();
    const all = listAll(session, ALBUM, false, 4096);
    for (const [index, entry] of all.entries()) {
      const { body } = list(session, ALBUM, false, entry.offset, 4096);
      expect(entriesOf(body, false)).toEqual(all.slice(index + 1));
    }
  });

  test("count a lookup for each node that is in the reply, and for no other", () => {
    const fileSystem = new MemoryFileSystem();
    const session = startedSession(fileSystem);
    const { body } = list(session, MANY_DIRECTORY, true, 0, 1000);
    const given = entriesOf(body, true).flatMap(({ nodeid }) => (nodeid ? [nodeid] : []));
    expect(given.length).toBeGreaterThan(0);
    expect([...fileSystem.lookups.keys()]).toEqual(given);
    list(startedSession(fileSystem), MANY_DIRECTORY, false, 0, 1000);
    expect([...fileSystem.lookups.keys()]).toEqual(given);
  });

  test("answer EINVAL rather than an end when not one entry fits", () => {
    const session = startedSession();
    expect(list(session, ALBUM, true, 0, 100).error).toBe(-EINVAL);
    expect(list(session, ALBUM, false, 6, 40).error).toBe(-EINVAL);
    expect(list(session, ALBUM, false, 0, 0).error).toBe(-EINVAL);
  });

  test("answer nothing at the end, and EINVAL to an offset that nobody gave out", () => {
    const session = startedSession();
    expect(list(session, ALBUM, true, 7, 4096)).toMatchObject({ error: 0, body: Buffer.alloc(0) });
    expect(list(session, ALBUM, true, 2n ** 60n, 4096).error).toBe(-EINVAL);
  });

  test("an entry that did not fit ends the reply, even if a shorter one follows", () => {
    class Stubborn extends MemoryFileSystem {
      override readdir(
        _: RequestContext,
        __: number,
        ___: number,
        cookie: number,
        sink: DirectorySink,
      ) {
        if (cookie > 0) return 0;
        sink.entry.nodeid = 9;
        expect(sink.add(Buffer.from("fits"), 1)).toBe(true);
        expect(sink.add(Buffer.alloc(250, "y"), 2)).toBe(false);
        expect(sink.add(Buffer.from("late"), 3)).toBe(false);
        return 0;
      }
    }
    const { body } = list(startedSession(new Stubborn()), ALBUM, false, 0, 200);
    expect(entriesOf(body, false).map(({ name }) => name)).toEqual([".", "..", "fits"]);
  });

  test.each([0, 256])("a name of %d bytes is the file system's fault", (length) => {
    class Broken extends MemoryFileSystem {
      override readdir(
        _: RequestContext,
        __: number,
        ___: number,
        ____: number,
        sink: DirectorySink,
      ) {
        sink.add(Buffer.alloc(length, "n"), 1);
        return 0;
      }
    }
    const errors: unknown[] = [];
    const session = startedSession(new Broken(), { onError: (error) => errors.push(error) });
    expect(list(session, ALBUM, true, 0, 4096).error).toBe(-EIO);
    expect(errors).toHaveLength(1);
  });
});
