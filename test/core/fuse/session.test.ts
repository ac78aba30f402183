import { describe, expect, test } from "bun:test";
import { GETATTR_FH, SEEK_DATA, SEEK_HOLE } from "../../../src/core/fuse/abi.ts";
import { DEFERRED, type RequestContext } from "../../../src/core/fuse/filesystem.ts";
import { ATTR, ATTR_OUT, ENTRY_OUT, OPEN_OUT } from "../../../src/core/fuse/layout.ts";
import { OPCODES } from "../../../src/core/fuse/opcodes.ts";
import { NO_REPLY } from "../../../src/core/fuse/session.ts";
import { O_RDWR, O_TRUNC, O_WRONLY } from "../../../src/core/sys/arch.ts";
import {
  EINVAL,
  EIO,
  ENAMETOOLONG,
  ENODATA,
  ENOSYS,
  ENOTTY,
  ENXIO,
  EOPNOTSUPP,
  ERANGE,
  EROFS,
} from "../../../src/core/sys/errno.ts";
import {
  MemoryFileSystem,
  MTIME_SEC,
  pattern,
  XATTR_NAME,
  XATTR_VALUE,
} from "./memory_file_system.ts";
import { ask, named, request, startedSession, UNIQUE, u32, u64 } from "./requests.ts";

const ROOT = 1;
const ALBUM = 2;
const SONG = 3;

function readOf(offset: number | bigint, size: number, fh: number | bigint = 1) {
  return [u64(fh), u64(offset), u32(size), u32(0), u64(0), u32(0), u32(0)];
}

describe("LOOKUP", () => {
  test("answers the node, its inode number and the validities", () => {
    const { error, unique, body } = ask(startedSession(), request("LOOKUP", [named("album")]));
    expect([error, unique, body.length]).toEqual([0, UNIQUE, ENTRY_OUT.sizeBytes]);
    expect(Number(body.readBigUInt64LE(ENTRY_OUT.at.nodeid))).toBe(ALBUM);
    expect(Number(body.readBigUInt64LE(ENTRY_OUT.at.entry_valid))).toBe(3600);
    expect(Number(body.readBigUInt64LE(ENTRY_OUT.at.attr + ATTR.at.ino))).toBe(ALBUM + 1000);
    expect(Number(body.readBigUInt64LE(ENTRY_OUT.at.attr + ATTR.at.mtime))).toBe(MTIME_SEC + ALBUM);
  });

  test("answers nodeid 0 with a validity for a name that is not there", () => {
    const { error, body } = ask(startedSession(), request("LOOKUP", [named("nothing")]));
    expect([error, body.length]).toEqual([0, ENTRY_OUT.sizeBytes]);
    expect(body.readBigUInt64LE(ENTRY_OUT.at.nodeid)).toBe(0n);
    expect(Number(body.readBigUInt64LE(ENTRY_OUT.at.entry_valid))).toBe(3600);
  });

  test("a negative answer after a positive one carries no nodeid of it", () => {
    const session = startedSession();
    ask(session, request("LOOKUP", [named("album")]));
    const { body } = ask(session, request("LOOKUP", [named("nothing")]));
    expect(body.readBigUInt64LE(ENTRY_OUT.at.nodeid)).toBe(0n);
  });

  test.each([
    ["without a NUL", Buffer.from("album"), EINVAL],
    ["that is empty", named(""), EINVAL],
    ["with a slash", named("al/bum"), EINVAL],
    ["that is .", named("."), EINVAL],
    ["that is ..", named(".."), EINVAL],
    ["of 256 bytes", named("n".repeat(256)), ENAMETOOLONG],
  ])("refuses a name %s", (_, name, errno) => {
    expect(ask(startedSession(), request("LOOKUP", [name])).error).toBe(-errno);
  });

  test("finds names of 255 bytes and names that are not UTF-8", () => {
    const session = startedSession();
    for (const name of [Buffer.alloc(255, "x"), Buffer.from([0x6c, 0xe4, 0x74, 0x69, 0x6e])]) {
      const { body } = ask(session, request("LOOKUP", [named(name)], { nodeid: ALBUM }));
      expect(body.readBigUInt64LE(ENTRY_OUT.at.nodeid)).not.toBe(0n);
    }
  });
});

describe("FORGET", () => {
  test("gives lookups back and is not answered", () => {
    const fileSystem = new MemoryFileSystem();
    const session = startedSession(fileSystem);
    for (let i = 0; i < 3; i++) ask(session, request("LOOKUP", [named("album")]));
    expect(session.handle(request("FORGET", [u64(2)], { nodeid: ALBUM }))).toBe(NO_REPLY);
    expect(fileSystem.lookups.get(ALBUM)).toBe(1);
  });

  test("in a batch: each node its count", () => {
    const fileSystem = new MemoryFileSystem();
    const session = startedSession(fileSystem);
    const batch = [u32(2), u32(0), u64(ALBUM), u64(5), u64(SONG), u64(7)];
    expect(session.handle(request("BATCH_FORGET", batch))).toBe(NO_REPLY);
    expect([...fileSystem.lookups]).toEqual([
      [ALBUM, -5],
      [SONG, -7],
    ]);
  });

  test("of more nodes than the request holds is dropped whole", () => {
    const fileSystem = new MemoryFileSystem();
    const batch = [u32(3), u32(0), u64(ALBUM), u64(5), u64(SONG), u64(7)];
    expect(startedSession(fileSystem).handle(request("BATCH_FORGET", batch))).toBe(NO_REPLY);
    expect(fileSystem.lookups.size).toBe(0);
  });
});

describe("GETATTR", () => {
  test("answers attributes, block count included, and the mtime for every time", () => {
    const { body } = ask(
      startedSession(),
      request("GETATTR", [u32(0), u32(0), u64(0)], { nodeid: SONG }),
    );
    expect(body.length).toBe(ATTR_OUT.sizeBytes);
    expect(Number(body.readBigUInt64LE(ATTR_OUT.at.attr + ATTR.at.size))).toBe(20_000);
    expect(Number(body.readBigUInt64LE(ATTR_OUT.at.attr + ATTR.at.blocks))).toBe(40);
    for (const time of [ATTR.at.atime, ATTR.at.mtime, ATTR.at.ctime]) {
      expect(Number(body.readBigUInt64LE(ATTR_OUT.at.attr + time))).toBe(MTIME_SEC + SONG);
    }
  });

  test("hands the handle on only when its flag is set", () => {
    const seen: number[] = [];
    class Watched extends MemoryFileSystem {
      override getattr(...args: Parameters<MemoryFileSystem["getattr"]>) {
        seen.push(args[2]);
        return super.getattr(...args);
      }
    }
    const session = startedSession(new Watched());
    ask(session, request("GETATTR", [u32(0), u32(0), u64(9)]));
    ask(session, request("GETATTR", [u32(GETATTR_FH), u32(0), u64(9)]));
    expect(seen).toEqual([-1, 9]);
  });
});

describe("OPEN", () => {
  test("answers the file system's handle", () => {
    const { error, body } = ask(
      startedSession(),
      request("OPEN", [u32(0o100000), u32(0)], { nodeid: SONG }),
    );
    expect([error, body.length]).toEqual([0, OPEN_OUT.sizeBytes]);
    expect(body.readBigUInt64LE(OPEN_OUT.at.fh)).toBe(1n);
  });

  test.each([
    ["O_WRONLY", O_WRONLY],
    ["O_RDWR", O_RDWR],
    ["O_TRUNC", O_TRUNC],
  ])("with %s answers EROFS and opens nothing", (_, flags) => {
    const fileSystem = new MemoryFileSystem();
    const reply = ask(
      startedSession(fileSystem),
      request("OPEN", [u32(flags), u32(0)], { nodeid: SONG }),
    );
    expect(reply.error).toBe(-EROFS);
    expect(fileSystem.openHandles.size).toBe(0);
  });
});

describe("READ", () => {
  test("answers the bytes behind the header", () => {
    const { body } = ask(startedSession(), request("READ", readOf(100, 300), { nodeid: SONG }));
    expect(body.equals(pattern(20_000).subarray(100, 400))).toBe(true);
  });

  test("is short at the end and empty behind it, however far", () => {
    const session = startedSession();
    for (const [offset, length] of [
      [19_990, 10],
      [20_000, 0],
      [2 ** 52, 0],
      [0x7fff_ffff_ffff_ffffn, 0],
    ] as const) {
      const reply = ask(session, request("READ", readOf(offset, 4096), { nodeid: SONG }));
      expect([reply.error, reply.body.length]).toEqual([0, length]);
    }
  });

  test("of more than was negotiated is refused", () => {
    const reply = ask(startedSession(), request("READ", readOf(0, 1024 * 1024 + 1)));
    expect(reply.error).toBe(-EINVAL);
  });

  test("that was given more than it asked for is answered EIO and reported", () => {
    class Generous extends MemoryFileSystem {
      override read() {
        return 4097;
      }
    }
    const errors: unknown[] = [];
    const session = startedSession(new Generous(), { onError: (error) => errors.push(error) });
    expect(ask(session, request("READ", readOf(0, 4096))).error).toBe(-EIO);
    expect(String(errors[0])).toContain("READ of 4096 bytes was given 4097");
  });
});

describe("LSEEK", () => {
  const seek = (offset: number | bigint, whence: number) =>
    ask(
      startedSession(),
      request("LSEEK", [u64(1), u64(offset), u32(whence), u32(0)], { nodeid: SONG }),
    );

  test("finds data and the hole at the end", () => {
    expect(seek(100, SEEK_DATA).body.readBigUInt64LE()).toBe(100n);
    expect(seek(100, SEEK_HOLE).body.readBigUInt64LE()).toBe(20_000n);
  });

  test("behind the end answers ENXIO, any other whence EINVAL", () => {
    expect(seek(20_000, SEEK_DATA).error).toBe(-ENXIO);
    expect(seek(2n ** 60n, SEEK_DATA).error).toBe(-ENXIO);
    expect(seek(0, 2).error).toBe(-EINVAL);
  });
});

describe("GETXATTR and LISTXATTR", () => {
  const get = (size: number, name: string) =>
    ask(startedSession(), request("GETXATTR", [u32(size), u32(0), named(name)]));

  test("answer the size alone when asked for none", () => {
    expect(get(0, XATTR_NAME).body.readUInt32LE()).toBe(XATTR_VALUE.length);
    const list = ask(startedSession(), request("LISTXATTR", [u32(0), u32(0)]));
    expect([list.body.length, list.body.readUInt32LE()]).toEqual([8, XATTR_NAME.length + 1]);
  });

  test("answer the value, or ERANGE where it does not fit", () => {
    expect(get(XATTR_VALUE.length, XATTR_NAME).body.equals(XATTR_VALUE)).toBe(true);
    expect(get(0xffff_ffff, XATTR_NAME).body.equals(XATTR_VALUE)).toBe(true);
    expect(get(XATTR_VALUE.length - 1, XATTR_NAME).error).toBe(-ERANGE);
    const list = ask(startedSession(), request("LISTXATTR", [u32(64), u32(0)]));
    expect(list.body.toString()).toBe(`${XATTR_NAME}\0`);
  });

  test("hand the file system's errors on", () => {
    expect(get(0, "user.musicfs.nothing").error).toBe(-ENODATA);
    expect(get(0, "security.selinux").error).toBe(-EOPNOTSUPP);
    expect(get(0, "").error).toBe(-EINVAL);
  });
});

describe("operations that modify", () => {
  const MODIFYING = [
    "SETATTR SYMLINK MKNOD MKDIR UNLINK RMDIR RENAME LINK WRITE SETXATTR REMOVEXATTR CREATE",
    "FALLOCATE RENAME2 COPY_FILE_RANGE TMPFILE COPY_FILE_RANGE_64",
  ].flatMap((names) => names.split(" "));

  test.each(MODIFYING)("%s answers EROFS", (name) => {
    expect(ask(startedSession(), request(name, [Buffer.alloc(128)])).error).toBe(-EROFS);
  });
});

describe("other operations", () => {
  test.each([
    ["ACCESS", ENOSYS],
    ["STATX", ENOSYS],
    ["POLL", ENOSYS],
    ["BMAP", ENOSYS],
    ["IOCTL", ENOTTY],
    ["READLINK", EINVAL],
    ["FSYNC", 0],
    ["FSYNCDIR", 0],
    ["DESTROY", 0],
  ])("%s answers %d", (name, errno) => {
    expect(Math.abs(ask(startedSession(), request(name, [Buffer.alloc(64)])).error)).toBe(errno);
  });

  test.each([7, 19, 54, 4096, 0, 0xffff_ffff])("unknown opcode %d answers ENOSYS", (code) => {
    expect(ask(startedSession(), request(code)).error).toBe(-ENOSYS);
  });

  test("INTERRUPT reaches the file system and is not answered", () => {
    const fileSystem = new MemoryFileSystem();
    const session = startedSession(fileSystem);
    expect(session.handle(request("INTERRUPT", [u64(24)], { unique: 25 }))).toBe(NO_REPLY);
    expect(fileSystem.interrupts).toEqual([24]);
  });

  test("RELEASE closes the handle", () => {
    const fileSystem = new MemoryFileSystem();
    const session = startedSession(fileSystem);
    ask(session, request("OPEN", [u32(0), u32(0)], { nodeid: SONG }));
    expect(fileSystem.openHandles.size).toBe(1);
    ask(session, request("RELEASE", [u64(1), u32(0), u32(0), u64(0)], { nodeid: SONG }));
    expect(fileSystem.openHandles.size).toBe(0);
  });
});

describe("Session.handle()", () => {
  test("answers EIO and reports what a file system throws, in every operation", () => {
    const bug = new Error("bug");
    const fileSystem = new Proxy(new MemoryFileSystem(), {
      get: () => () => {
        throw bug;
      },
    });
    for (const opcode of OPCODES) {
      const errors: unknown[] = [];
      const session = startedSession(fileSystem, { onError: (error) => errors.push(error) });
      const body = [Buffer.alloc(opcode.body.sizeBytes, 1), named("name")];
      const length = session.handle(request(opcode.code, body));
      if (errors.length === 0) continue;
      expect(errors).toEqual([bug]);
      expect(length).toBe(opcode.replies ? 16 : NO_REPLY);
    }
  });

  test.each([Number.NaN, 0.5, -5000, 2 ** 40, Number.POSITIVE_INFINITY])(
    "answers EIO when a file system answers %p",
    (result) => {
      class Broken extends MemoryFileSystem {
        override flush() {
          return result;
        }
      }
      const errors: unknown[] = [];
      const session = startedSession(new Broken(), { onError: (error) => errors.push(error) });
      expect(ask(session, request("FLUSH", [Buffer.alloc(24)])).error).toBe(-EIO);
      expect(errors).toHaveLength(1);
    },
  );

  test("hands DEFERRED on, with a request that can be kept and handled again", () => {
    let kept: { unique: number; request: Uint8Array } | undefined;
    class Deferring extends MemoryFileSystem {
      override read(context: RequestContext) {
        kept = { unique: context.unique, request: context.request.slice() };
        return DEFERRED;
      }
    }
    const bytes = request("READ", readOf(0, 16), { nodeid: SONG });
    const buffer = Buffer.concat([bytes, Buffer.alloc(1000, 0xff)]);
    expect(startedSession(new Deferring()).handle(buffer, bytes.length)).toBe(DEFERRED);
    expect(kept?.unique).toBe(UNIQUE);
    const again = ask(startedSession(), kept?.request ?? new Uint8Array(0));
    expect([again.unique, again.body.length]).toEqual([UNIQUE, 16]);
  });

  test("tells the file system who asks", () => {
    let seen: unknown;
    class Watched extends MemoryFileSystem {
      override statfs(...args: Parameters<MemoryFileSystem["statfs"]>) {
        const { uid, gid, pid } = args[0];
        seen = { uid, gid, pid, nodeid: args[1] };
        return super.statfs(...args);
      }
    }
    ask(startedSession(new Watched()), request("STATFS"));
    expect(seen).toEqual({ uid: 1000, gid: 1000, pid: 4242, nodeid: ROOT });
  });

  test("answers EINVAL to numbers that nobody gave out, and echoes their unique exactly", () => {
    const session = startedSession();
    const unique = 0xfedc_ba98_7654_3210n;
    const length = session.handle(request("STATFS", [], { unique }));
    const bytes = Buffer.from(session.reply.bytes.subarray(0, length));
    expect(bytes.readInt32LE(4)).toBe(-EINVAL);
    expect(bytes.readBigUInt64LE(8)).toBe(unique);
    expect(ask(session, request("STATFS", [], { nodeid: 2n ** 53n })).error).toBe(-EINVAL);
    expect(ask(session, request("READ", readOf(0, 1, 2n ** 63n))).error).toBe(-EINVAL);
  });

  test("drops what has no whole header, and does not read behind what is there", () => {
    const session = startedSession();
    expect(session.handle(new Uint8Array(39))).toBe(NO_REPLY);
    expect(session.handle(request("STATFS"), 41)).toBe(NO_REPLY);
    expect(session.handle(new Uint8Array(0))).toBe(NO_REPLY);
  });
});
