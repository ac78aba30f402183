import { describe, expect, test } from "bun:test";
import {
  attributesReply,
  entryReply,
  errorReply,
  finishReply,
  openReply,
  REPLY_BODY,
} from "../../../src/core/fuse/reply.ts";
import { EIO } from "../../../src/core/sys/errno.ts";
import { Memory } from "../../../src/core/sys/memory.ts";

const attributes = {
  inode: 0x1_0000_0002,
  sizeBytes: 2 ** 40 + 513,
  mtimeSec: -2,
  mtimeNsec: 5,
  mode: 0o100444,
  nlink: 1,
  uid: 1000,
  gid: 1001,
  validMs: 1500,
};

/** A dirty memory, so that what is not written is seen. */
function dirty(): Memory {
  const memory = new Memory(256);
  memory.bytes.fill(0xee);
  return memory;
}

function hex(memory: Memory, length: number): string {
  return Buffer.from(memory.bytes.subarray(0, length)).toString("hex");
}

const ATTR_HEX = [
  "0200000001000000", // ino
  "0102000000010000", // size
  "0200008000000000", // blocks: rounded up
  "feffffffffffffff".repeat(3), // atime, mtime, ctime: before 1970
  "05000000".repeat(3),
  "24810000", // mode
  "01000000", // nlink
  "e8030000e9030000", // uid, gid
  "00000000", // rdev
  "00000100", // blksize
  "00000000", // flags
].join("");

describe("replies", () => {
  test("errorReply() is a header with the errno", () => {
    const memory = dirty();
    expect(hex(memory, errorReply(memory, 0x1_0000_0004, -EIO))).toBe(
      "10000000fbffffff0400000001000000",
    );
  });

  test("finishReply() puts the header before data that is in place", () => {
    const memory = dirty();
    memory.bytes.set(Buffer.from("data"), REPLY_BODY);
    expect(hex(memory, finishReply(memory, 6, 4))).toBe("1400000000000000060000000000000064617461");
  });

  test("attributesReply() is fuse_attr_out", () => {
    const memory = dirty();
    expect(hex(memory, attributesReply(memory, 8, attributes))).toBe(
      `78000000000000000800000000000000${"0100000000000000"}${"0065cd1d"}00000000${ATTR_HEX}`,
    );
  });

  test("entryReply() is fuse_entry_out", () => {
    const memory = dirty();
    expect(hex(memory, entryReply(memory, 8, { nodeid: 9, validMs: 250, attributes }))).toBe(
      [
        "90000000000000000800000000000000",
        "0900000000000000", // nodeid
        "0000000000000000", // generation
        "0000000000000000", // entry_valid
        "0100000000000000", // attr_valid
        "80b2e60e", // entry_valid_nsec: 250 000 000
        "0065cd1d", // attr_valid_nsec: 500 000 000
        ATTR_HEX,
      ].join(""),
    );
  });

  test("openReply() carries the backing id", () => {
    const memory = dirty();
    expect(hex(memory, openReply(memory, 8, { fh: 3, flags: 0x82, backingId: 7 }))).toBe(
      "20000000000000000800000000000000030000000000000082000000" + "07000000",
    );
  });

  test.each([
    [Number.POSITIVE_INFINITY, 0x7fff_ffff],
    [-1, 0],
    [0, 0],
  ])("a validity of %p ms is %d s", (validMs, seconds) => {
    const memory = dirty();
    attributesReply(memory, 8, { ...attributes, validMs });
    expect(memory.view.getBigUint64(REPLY_BODY, true)).toBe(BigInt(seconds));
    expect(memory.view.getUint32(REPLY_BODY + 8, true)).toBe(0);
  });
});
