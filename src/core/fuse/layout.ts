/**
 * The structures of linux/fuse.h, members in the header's order and under its names, little-endian
 * (both architectures are). Offsets are computed the way a C compiler does; the header pads
 * every structure by hand, so that a member is always aligned to its own size. "7.N" is the
 * protocol version that brought a member.
 */

/** Size in bytes of each member, or the structure that it is. */
type Members = Readonly<Record<string, number | Layout>>;

export interface Layout<M extends Members = Members> {
  /** Offset of each member in bytes. */
  readonly at: { readonly [K in keyof M]: number };
  readonly members: M;
  readonly sizeBytes: number;
}

function struct<const M extends Members>(members: M): Layout<M> {
  const at: Record<string, number> = {};
  let sizeBytes = 0;
  for (const [name, member] of Object.entries(members)) {
    at[name] = sizeBytes;
    sizeBytes += typeof member === "number" ? member : member.sizeBytes;
  }
  return { at: at as { readonly [K in keyof M]: number }, members, sizeBytes };
}

const u16 = 2;
const u32 = 4;
const u64 = 8;

export const IN_HEADER = struct({
  len: u32,
  opcode: u32,
  unique: u64,
  nodeid: u64,
  uid: u32,
  gid: u32,
  pid: u32,
  /** 7.38: length of what follows the body, in units of 8 bytes. */
  total_extlen: u16,
  padding: u16,
});

export const OUT_HEADER = struct({ len: u32, error: u32, unique: u64 });

export const ATTR = struct({
  ino: u64,
  size: u64,
  blocks: u64,
  atime: u64,
  mtime: u64,
  ctime: u64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  nlink: u32,
  uid: u32,
  gid: u32,
  rdev: u32,
  blksize: u32,
  /** 7.32 */
  flags: u32,
});

export const ENTRY_OUT = struct({
  nodeid: u64,
  generation: u64,
  entry_valid: u64,
  attr_valid: u64,
  entry_valid_nsec: u32,
  attr_valid_nsec: u32,
  attr: ATTR,
});

export const ATTR_OUT = struct({ attr_valid: u64, attr_valid_nsec: u32, dummy: u32, attr: ATTR });

/** A name follows, padded to 8 bytes. */
export const DIRENT = struct({ ino: u64, off: u64, namelen: u32, type: u32 });
export const DIRENTPLUS = struct({ entry_out: ENTRY_OUT, dirent: DIRENT });

/** The first four words are all that is sent before 7.36. */
export const INIT_IN_COMPAT = struct({ major: u32, minor: u32, max_readahead: u32, flags: u32 });
export const INIT_IN = struct({ ...INIT_IN_COMPAT.members, flags2: u32, unused: 44 });

export const INIT_OUT = struct({
  major: u32,
  minor: u32,
  max_readahead: u32,
  flags: u32,
  max_background: u16,
  congestion_threshold: u16,
  max_write: u32,
  time_gran: u32,
  max_pages: u16,
  map_alignment: u16,
  /** 7.36 */
  flags2: u32,
  /** 7.40 */
  max_stack_depth: u32,
  unused: 24,
});

export const EMPTY = struct({});
export const FORGET_IN = struct({ nlookup: u64 });
export const BATCH_FORGET_IN = struct({ count: u32, dummy: u32 });
export const FORGET_ONE = struct({ nodeid: u64, nlookup: u64 });
export const GETATTR_IN = struct({ getattr_flags: u32, dummy: u32, fh: u64 });
export const OPEN_IN = struct({ flags: u32, open_flags: u32 });
/** `backing_id` is 7.40, padding before. */
export const OPEN_OUT = struct({ fh: u64, open_flags: u32, backing_id: u32 });
export const RELEASE_IN = struct({ fh: u64, flags: u32, release_flags: u32, lock_owner: u64 });
export const FLUSH_IN = struct({ fh: u64, unused: u32, padding: u32, lock_owner: u64 });
export const READ_IN = struct({
  fh: u64,
  offset: u64,
  size: u32,
  read_flags: u32,
  lock_owner: u64,
  flags: u32,
  padding: u32,
});
export const FSYNC_IN = struct({ fh: u64, fsync_flags: u32, padding: u32 });
export const GETXATTR_IN = struct({ size: u32, padding: u32 });
export const GETXATTR_OUT = struct({ size: u32, padding: u32 });
export const ACCESS_IN = struct({ mask: u32, padding: u32 });
export const INTERRUPT_IN = struct({ unique: u64 });
export const LSEEK_IN = struct({ fh: u64, offset: u64, whence: u32, padding: u32 });
export const LSEEK_OUT = struct({ offset: u64 });
export const IOCTL_IN = struct({
  fh: u64,
  flags: u32,
  cmd: u32,
  arg: u64,
  in_size: u32,
  out_size: u32,
});

export const STATFS_OUT = struct({
  blocks: u64,
  bfree: u64,
  bavail: u64,
  files: u64,
  ffree: u64,
  bsize: u32,
  namelen: u32,
  frsize: u32,
  padding: u32,
  spare: 24,
});

/** Bodies of the operations that modify, for the debug printer: they are refused unread. */
export const SETATTR_IN = struct({
  valid: u32,
  padding: u32,
  fh: u64,
  size: u64,
  lock_owner: u64,
  atime: u64,
  mtime: u64,
  ctime: u64,
  atimensec: u32,
  mtimensec: u32,
  ctimensec: u32,
  mode: u32,
  unused4: u32,
  uid: u32,
  gid: u32,
  unused5: u32,
});
export const MKNOD_IN = struct({ mode: u32, rdev: u32, umask: u32, padding: u32 });
export const MKDIR_IN = struct({ mode: u32, umask: u32 });
export const RENAME_IN = struct({ newdir: u64 });
export const RENAME2_IN = struct({ newdir: u64, flags: u32, padding: u32 });
export const LINK_IN = struct({ oldnodeid: u64 });
export const CREATE_IN = struct({ flags: u32, mode: u32, umask: u32, open_flags: u32 });
export const WRITE_IN = struct({
  fh: u64,
  offset: u64,
  size: u32,
  write_flags: u32,
  lock_owner: u64,
  flags: u32,
  padding: u32,
});
/** Without SETXATTR_EXT (7.33), which is not negotiated. */
export const SETXATTR_IN = struct({ size: u32, flags: u32 });
export const FALLOCATE_IN = struct({ fh: u64, offset: u64, length: u64, mode: u32, padding: u32 });
export const COPY_FILE_RANGE_IN = struct({
  fh_in: u64,
  off_in: u64,
  nodeid_out: u64,
  fh_out: u64,
  off_out: u64,
  len: u64,
  flags: u64,
});

/** A name and a NUL follow. */
export const NOTIFY_INVAL_ENTRY_OUT = struct({ parent: u64, namelen: u32, flags: u32 });
export const NOTIFY_INVAL_INODE_OUT = struct({ ino: u64, off: u64, len: u64 });
/** 7.15; the bytes follow. */
export const NOTIFY_STORE_OUT = struct({ nodeid: u64, offset: u64, size: u32, padding: u32 });
/** 7.18; a name and a NUL follow. */
export const NOTIFY_DELETE_OUT = struct({ parent: u64, child: u64, namelen: u32, padding: u32 });

/** Argument of DEV_IOC_BACKING_OPEN, 7.40. */
export const BACKING_MAP = struct({ fd: u32, flags: u32, padding: u64 });
