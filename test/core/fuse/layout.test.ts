import { describe, expect, test } from "bun:test";
import * as layout from "../../../src/core/fuse/layout.ts";

/**
 * Printed by a C program with sizeof and offsetof over linux/fuse.h 7.38; by hand from 7.40: the
 * members max_stack_depth and backing_id, BACKING_MAP; and SETXATTR_IN as it is without
 * SETXATTR_EXT.
 */
const EXPECTED: Record<string, { sizeBytes: number; at: Record<string, number> }> = {
  IN_HEADER: {
    sizeBytes: 40,
    at: {
      len: 0,
      opcode: 4,
      unique: 8,
      nodeid: 16,
      uid: 24,
      gid: 28,
      pid: 32,
      total_extlen: 36,
      padding: 38,
    },
  },
  OUT_HEADER: { sizeBytes: 16, at: { len: 0, error: 4, unique: 8 } },
  ATTR: {
    sizeBytes: 88,
    at: {
      ino: 0,
      size: 8,
      blocks: 16,
      atime: 24,
      mtime: 32,
      ctime: 40,
      atimensec: 48,
      mtimensec: 52,
      ctimensec: 56,
      mode: 60,
      nlink: 64,
      uid: 68,
      gid: 72,
      rdev: 76,
      blksize: 80,
      flags: 84,
    },
  },
  ENTRY_OUT: {
    sizeBytes: 128,
    at: {
      nodeid: 0,
      generation: 8,
      entry_valid: 16,
      attr_valid: 24,
      entry_valid_nsec: 32,
      attr_valid_nsec: 36,
      attr: 40,
    },
  },
  ATTR_OUT: { sizeBytes: 104, at: { attr_valid: 0, attr_valid_nsec: 8, dummy: 12, attr: 16 } },
  INIT_IN: {
    sizeBytes: 64,
    at: { major: 0, minor: 4, max_readahead: 8, flags: 12, flags2: 16, unused: 20 },
  },
  INIT_OUT: {
    sizeBytes: 64,
    at: {
      major: 0,
      minor: 4,
      max_readahead: 8,
      flags: 12,
      max_background: 16,
      congestion_threshold: 18,
      max_write: 20,
      time_gran: 24,
      max_pages: 28,
      map_alignment: 30,
      flags2: 32,
      max_stack_depth: 36,
      unused: 40,
    },
  },
  FORGET_IN: { sizeBytes: 8, at: { nlookup: 0 } },
  BATCH_FORGET_IN: { sizeBytes: 8, at: { count: 0, dummy: 4 } },
  FORGET_ONE: { sizeBytes: 16, at: { nodeid: 0, nlookup: 8 } },
  GETATTR_IN: { sizeBytes: 16, at: { getattr_flags: 0, dummy: 4, fh: 8 } },
  OPEN_IN: { sizeBytes: 8, at: { flags: 0, open_flags: 4 } },
  OPEN_OUT: { sizeBytes: 16, at: { fh: 0, open_flags: 8, backing_id: 12 } },
  RELEASE_IN: { sizeBytes: 24, at: { fh: 0, flags: 8, release_flags: 12, lock_owner: 16 } },
  FLUSH_IN: { sizeBytes: 24, at: { fh: 0, unused: 8, padding: 12, lock_owner: 16 } },
  READ_IN: {
    sizeBytes: 40,
    at: { fh: 0, offset: 8, size: 16, read_flags: 20, lock_owner: 24, flags: 32, padding: 36 },
  },
  FSYNC_IN: { sizeBytes: 16, at: { fh: 0, fsync_flags: 8, padding: 12 } },
  GETXATTR_IN: { sizeBytes: 8, at: { size: 0, padding: 4 } },
  GETXATTR_OUT: { sizeBytes: 8, at: { size: 0, padding: 4 } },
  ACCESS_IN: { sizeBytes: 8, at: { mask: 0, padding: 4 } },
  INTERRUPT_IN: { sizeBytes: 8, at: { unique: 0 } },
  LSEEK_IN: { sizeBytes: 24, at: { fh: 0, offset: 8, whence: 16, padding: 20 } },
  LSEEK_OUT: { sizeBytes: 8, at: { offset: 0 } },
  IOCTL_IN: { sizeBytes: 32, at: { fh: 0, flags: 8, cmd: 12, arg: 16, in_size: 24, out_size: 28 } },
  STATFS_OUT: {
    sizeBytes: 80,
    at: {
      blocks: 0,
      bfree: 8,
      bavail: 16,
      files: 24,
      ffree: 32,
      bsize: 40,
      namelen: 44,
      frsize: 48,
      padding: 52,
      spare: 56,
    },
  },
  SETATTR_IN: {
    sizeBytes: 88,
    at: {
      valid: 0,
      padding: 4,
      fh: 8,
      size: 16,
      lock_owner: 24,
      atime: 32,
      mtime: 40,
      ctime: 48,
      atimensec: 56,
      mtimensec: 60,
      ctimensec: 64,
      mode: 68,
      unused4: 72,
      uid: 76,
      gid: 80,
      unused5: 84,
    },
  },
  MKNOD_IN: { sizeBytes: 16, at: { mode: 0, rdev: 4, umask: 8, padding: 12 } },
  MKDIR_IN: { sizeBytes: 8, at: { mode: 0, umask: 4 } },
  RENAME_IN: { sizeBytes: 8, at: { newdir: 0 } },
  RENAME2_IN: { sizeBytes: 16, at: { newdir: 0, flags: 8, padding: 12 } },
  LINK_IN: { sizeBytes: 8, at: { oldnodeid: 0 } },
  CREATE_IN: { sizeBytes: 16, at: { flags: 0, mode: 4, umask: 8, open_flags: 12 } },
  WRITE_IN: {
    sizeBytes: 40,
    at: { fh: 0, offset: 8, size: 16, write_flags: 20, lock_owner: 24, flags: 32, padding: 36 },
  },
  FALLOCATE_IN: { sizeBytes: 32, at: { fh: 0, offset: 8, length: 16, mode: 24, padding: 28 } },
  COPY_FILE_RANGE_IN: {
    sizeBytes: 56,
    at: { fh_in: 0, off_in: 8, nodeid_out: 16, fh_out: 24, off_out: 32, len: 40, flags: 48 },
  },
  NOTIFY_INVAL_ENTRY_OUT: { sizeBytes: 16, at: { parent: 0, namelen: 8, flags: 12 } },
  NOTIFY_INVAL_INODE_OUT: { sizeBytes: 24, at: { ino: 0, off: 8, len: 16 } },
  NOTIFY_STORE_OUT: { sizeBytes: 24, at: { nodeid: 0, offset: 8, size: 16, padding: 20 } },
  NOTIFY_DELETE_OUT: { sizeBytes: 24, at: { parent: 0, child: 8, namelen: 16, padding: 20 } },
  DIRENT: { sizeBytes: 24, at: { ino: 0, off: 8, namelen: 16, type: 20 } },
  DIRENTPLUS: { sizeBytes: 152, at: { entry_out: 0, dirent: 128 } },
  INIT_IN_COMPAT: { sizeBytes: 16, at: { major: 0, minor: 4, max_readahead: 8, flags: 12 } },
  BACKING_MAP: { sizeBytes: 16, at: { fd: 0, flags: 4, padding: 8 } },
  EMPTY: { sizeBytes: 0, at: {} },
  SETXATTR_IN: { sizeBytes: 8, at: { size: 0, flags: 4 } },
};

describe("layout", () => {
  test.each(Object.entries(layout))("%s is laid out as the C compiler does it", (name, struct) => {
    expect({ sizeBytes: struct.sizeBytes, at: struct.at }).toEqual(EXPECTED[name] as never);
  });

  test("covers every structure of the table", () => {
    expect(Object.keys(layout).sort()).toEqual(Object.keys(EXPECTED).sort());
  });
});
