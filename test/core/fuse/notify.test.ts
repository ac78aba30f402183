import { describe, expect, test } from "bun:test";
import {
  deleteEntry,
  invalidateEntry,
  invalidateInode,
  NOTIFY_BYTES,
  STORED_AT,
  storeFile,
} from "../../../src/core/fuse/notify.ts";
import { Memory } from "../../../src/core/sys/memory.ts";

function encoded(encode: (into: Memory) => number): string {
  const into = new Memory(NOTIFY_BYTES);
  into.bytes.fill(0xee);
  return Buffer.from(into.bytes.subarray(0, encode(into))).toString("hex");
}

const UNASKED = "0000000000000000";

describe("notifications", () => {
  test("invalidateEntry() is fuse_notify_inval_entry_out and the name", () => {
    const name = Buffer.from("ab");
    expect(encoded((into) => invalidateEntry(into, 2, name, false))).toBe(
      `2300000003000000${UNASKED}02000000000000000200000000000000616200`,
    );
    expect(encoded((into) => invalidateEntry(into, 2, name, true))).toBe(
      `2300000003000000${UNASKED}02000000000000000200000001000000616200`,
    );
  });

  test("invalidateInode() is fuse_notify_inval_inode_out", () => {
    expect(encoded((into) => invalidateInode(into, 2, 0, 0))).toBe(
      `2800000002000000${UNASKED}020000000000000000000000000000000000000000000000`,
    );
    expect(encoded((into) => invalidateInode(into, 2, -1, 0))).toBe(
      `2800000002000000${UNASKED}0200000000000000ffffffffffffffff0000000000000000`,
    );
  });

  test("deleteEntry() is fuse_notify_delete_out and the name", () => {
    expect(encoded((into) => deleteEntry(into, 2, 5, Buffer.from("ab")))).toBe(
      `2b00000006000000${UNASKED}020000000000000005000000000000000200000000000000616200`,
    );
  });

  test("storeFile() is fuse_notify_store_out before the bytes that stand there", () => {
    const encode = (into: Memory) => {
      into.bytes.set(Buffer.from("music"), STORED_AT);
      return storeFile(into, 3, 5);
    };
    expect(encoded(encode)).toBe(
      `2d00000004000000${UNASKED}030000000000000000000000000000000500000000000000${Buffer.from("music").toString("hex")}`,
    );
  });

  test("the longest name fits", () => {
    const name = Buffer.alloc(255, "n");
    expect(encoded((into) => deleteEntry(into, 2, 5, name)).length / 2).toBe(NOTIFY_BYTES);
  });
});
