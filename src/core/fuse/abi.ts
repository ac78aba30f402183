/**
 * Constants of the FUSE protocol, from linux/fuse.h. A comment's "7.N" is the protocol version that
 * brought what follows; everything without one is older than {@link MINOR_MIN}. Values are equal on
 * all architectures; what differs between them (O_DIRECT and its like) is in sys/arch.ts.
 */

export const MAJOR = 7;
/** The newest minor version whose messages we know (Linux 6.18). */
export const MINOR_MAX = 45;
/** The oldest we accept (Linux 5.4): cached directories and opens without a message are there. */
export const MINOR_MIN = 31;

export const ROOT_NODEID = 1;

/** Longest name (NAME_MAX) and largest extended attribute (XATTR_SIZE_MAX), linux/limits.h. */
export const NAME_MAX_BYTES = 255;
export const XATTR_SIZE_MAX_BYTES = 65_536;

/** `d_ino` of an entry whose inode number is not known (libfuse's FUSE_UNKNOWN_INO). */
export const UNKNOWN_INODE = 0xffff_ffff;

/** Flags of INIT, low word. */
export const INIT = {
  ASYNC_READ: 1 << 0,
  ATOMIC_O_TRUNC: 1 << 3,
  AUTO_INVAL_DATA: 1 << 12,
  DO_READDIRPLUS: 1 << 13,
  READDIRPLUS_AUTO: 1 << 14,
  ASYNC_DIO: 1 << 15,
  PARALLEL_DIROPS: 1 << 18,
  MAX_PAGES: 1 << 22,
  NO_OPENDIR_SUPPORT: 1 << 24,
  EXPLICIT_INVAL_DATA: 1 << 25,
  /** 7.36: `flags2` is there. */
  INIT_EXT: 1 << 30,
} as const;

/** Flags of INIT, high word (`flags2`, 7.36): bits 32 to 63 of the header's numbering. */
export const INIT2 = {
  /** 7.38 */
  HAS_EXPIRE_ONLY: 1 << 3,
  /** 7.39: files opened with FOPEN_DIRECT_IO can be mapped shared, too. */
  DIRECT_IO_ALLOW_MMAP: 1 << 4,
  /** 7.40 */
  PASSTHROUGH: 1 << 5,
  /** 7.40 */
  NO_EXPORT_SUPPORT: 1 << 6,
} as const;

/** `open_flags` of `fuse_open_out`. This one: read(2) leaves the page cache out, and asks for what the program asks for. */
export const FOPEN_DIRECT_IO = 1 << 0;
export const FOPEN_KEEP_CACHE = 1 << 1;
export const FOPEN_CACHE_DIR = 1 << 3;
/** 7.35: no FLUSH on close. */
export const FOPEN_NOFLUSH = 1 << 5;
/** 7.40: reads go to the backing file `backing_id`. */
export const FOPEN_PASSTHROUGH = 1 << 7;

/** `getattr_flags`: `fh` is valid. */
export const GETATTR_FH = 1 << 0;

/** `whence` of LSEEK; the others never leave the kernel. */
export const SEEK_DATA = 3;
export const SEEK_HOLE = 4;

/** Codes of the messages that we send unasked, in the place of a reply's error. */
export const NOTIFY = {
  INVAL_INODE: 2,
  INVAL_ENTRY: 3,
  STORE: 4,
  DELETE: 6,
} as const;

/** Flag of INVAL_ENTRY, 7.38: the name is looked up again, mounts and open files below it stay. */
export const EXPIRE_ONLY = 1 << 0;

/** ioctl(2) on the device, 7.40: `_IOW(229, 1, struct fuse_backing_map)` and `_IOW(229, 2, u32)`. */
export const DEV_IOC_BACKING_OPEN = 0x4010e501;
export const DEV_IOC_BACKING_CLOSE = 0x4004e502;
