import { describe, expect, test } from "bun:test";
import { OwnError } from "../../../src/core/errors.ts";
import { INIT, INIT2 } from "../../../src/core/fuse/abi.ts";
import { INIT_OUT } from "../../../src/core/fuse/layout.ts";
import { Session } from "../../../src/core/fuse/session.ts";
import { EINVAL, EIO, EPROTO } from "../../../src/core/sys/errno.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { ask, request, u32 } from "./requests.ts";

const OUT = INIT_OUT.at;
const ALL = 0xffff_ffff;

function init(major: number, minor: number, flags = ALL, flags2 = ALL): Buffer {
  const extension = minor >= 36 ? [u32(flags2), Buffer.alloc(44)] : [];
  return request("INIT", [u32(major), u32(minor), u32(131_072), u32(flags), ...extension]);
}

function newSession(options: { passthrough?: boolean; pageSizeBytes?: number } = {}) {
  const errors: unknown[] = [];
  const session = new Session(new MemoryFileSystem(), {
    pageSizeBytes: options.pageSizeBytes ?? 4096,
    passthrough: options.passthrough ?? false,
    onError: (error) => errors.push(error),
  });
  return { session, errors };
}

describe("INIT", () => {
  test("agrees with a kernel of our own version", () => {
    const { session } = newSession();
    const { error, body } = ask(session, init(7, 45));
    expect(error).toBe(0);
    expect(body.length).toBe(64);
    expect(body.readUInt32LE(OUT.major)).toBe(7);
    expect(body.readUInt32LE(OUT.minor)).toBe(45);
    expect(body.readUInt32LE(OUT.max_readahead)).toBe(131_072);
    expect(body.readUInt16LE(OUT.max_background)).toBe(4096);
    expect(body.readUInt16LE(OUT.congestion_threshold)).toBe(4096);
    expect(body.readUInt32LE(OUT.time_gran)).toBe(1);
    expect(body.readUInt16LE(OUT.max_pages)).toBe(256);
    const flags = body.readUInt32LE(OUT.flags);
    expect(flags & INIT.DO_READDIRPLUS).not.toBe(0);
    expect(flags & INIT.READDIRPLUS_AUTO).toBe(0);
    expect(flags & INIT.AUTO_INVAL_DATA).toBe(0);
    expect(flags & INIT.ASYNC_DIO).toBe(0);
    expect(flags & INIT.EXPLICIT_INVAL_DATA).not.toBe(0);
    expect(flags & INIT.PARALLEL_DIROPS).not.toBe(0);
    expect(flags & INIT.MAX_PAGES).not.toBe(0);
  });

  test.each([
    [4096, 256],
    [16_384, 64],
    [65_536, 16],
  ])("reads 1 MiB at once with pages of %d bytes", (pageSizeBytes, maxPages) => {
    const { session } = newSession({ pageSizeBytes });
    expect(ask(session, init(7, 45)).body.readUInt16LE(OUT.max_pages)).toBe(maxPages);
    expect(session.negotiated?.maxReadBytes).toBe(1024 * 1024);
  });

  test("asks for no flag that the kernel does not offer", () => {
    const { session } = newSession({ passthrough: true });
    const { body } = ask(session, init(7, 45, INIT.ASYNC_READ | INIT.INIT_EXT, 0));
    expect(body.readUInt32LE(OUT.flags)).toBe(INIT.ASYNC_READ | INIT.INIT_EXT);
    expect(body.readUInt32LE(OUT.flags2)).toBe(0);
    expect(session.negotiated).toMatchObject({ passthrough: false, expireOnly: false });
  });

  test("takes passthrough when it is wanted and offered", () => {
    const { session } = newSession({ passthrough: true });
    const { body } = ask(session, init(7, 45));
    expect(body.readUInt32LE(OUT.flags2) & INIT2.PASSTHROUGH).not.toBe(0);
    expect(body.readUInt32LE(OUT.max_stack_depth)).toBe(1);
    expect(session.negotiated).toMatchObject({ passthrough: true, expireOnly: true });
  });

  test("leaves passthrough alone when it is not wanted", () => {
    const { session } = newSession();
    const { body } = ask(session, init(7, 45));
    expect(body.readUInt32LE(OUT.flags2) & INIT2.PASSTHROUGH).toBe(0);
    expect(body.readUInt32LE(OUT.max_stack_depth)).toBe(0);
  });

  test("reads no flags2 without INIT_EXT", () => {
    const { session } = newSession({ passthrough: true });
    ask(session, init(7, 45, ALL & ~INIT.INIT_EXT));
    expect(session.negotiated).toMatchObject({ flags2: 0, passthrough: false });
  });

  test("accepts 7.31, whose INIT has 16 bytes", () => {
    const { session, errors } = newSession({ passthrough: true });
    const { error, body } = ask(session, init(7, 31));
    expect(error).toBe(0);
    expect(body.readUInt32LE(OUT.minor)).toBe(31);
    expect(session.negotiated).toMatchObject({ minor: 31, passthrough: false });
    expect(errors).toEqual([]);
  });

  test("speaks its own minor version to a newer kernel", () => {
    const { session } = newSession();
    expect(ask(session, init(7, 60)).body.readUInt32LE(OUT.minor)).toBe(45);
    expect(session.negotiated?.minor).toBe(45);
  });

  test.each([
    [7, 30],
    [7, 0],
    [6, 40],
    [0, 0],
  ])("refuses a kernel of %d.%d and says what is needed", (major, minor) => {
    const { session, errors } = newSession();
    expect(ask(session, init(major, minor)).error).toBe(-EPROTO);
    expect(session.negotiated).toBeUndefined();
    expect(errors).toHaveLength(1);
    expect(errors[0]).toBeInstanceOf(OwnError);
    expect(errors[0]).toMatchObject({
      code: "unsupported",
      message: expect.stringContaining("7.31 or newer"),
    });
  });

  test("tells a kernel of major 8 its own version and waits for the second INIT", () => {
    const { session, errors } = newSession();
    const first = ask(session, init(8, 3));
    expect([first.error, first.body.readUInt32LE(OUT.major)]).toEqual([0, 7]);
    expect(session.negotiated).toBeUndefined();
    expect(ask(session, init(7, 45)).error).toBe(0);
    expect(session.negotiated?.minor).toBe(45);
    expect(errors).toEqual([]);
  });

  test("is refused a second time", () => {
    const { session } = newSession();
    ask(session, init(7, 45));
    expect(ask(session, init(7, 45)).error).toBe(-EINVAL);
  });

  test("comes before everything else", () => {
    const { session } = newSession();
    expect(ask(session, request("STATFS")).error).toBe(-EIO);
    ask(session, init(7, 45));
    expect(ask(session, request("STATFS")).error).toBe(0);
  });

  test("is not needed by a session that is told what was negotiated", () => {
    const first = newSession().session;
    ask(first, init(7, 45));
    const { negotiated } = first;
    if (negotiated === undefined) throw new Error("INIT failed");
    const second = new Session(new MemoryFileSystem(), {
      pageSizeBytes: 4096,
      passthrough: false,
      negotiated: structuredClone(negotiated),
    });
    expect(ask(second, request("STATFS")).error).toBe(0);
  });
});
