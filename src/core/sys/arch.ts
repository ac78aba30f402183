/** Constants of the kernel's ABI that differ between the architectures we run on. */

export interface Arch {
  readonly O_DIRECTORY: number;
  readonly O_NOFOLLOW: number;
  readonly O_DIRECT: number;
  readonly O_LARGEFILE: number;
  /** Numbers for syscall(2) where glibc has no wrapper. */
  readonly SYS_openat2: number;
}

/** asm-generic/fcntl.h with x86's own values; asm/unistd_64.h. */
const x64: Arch = {
  O_DIRECTORY: 0o200000,
  O_NOFOLLOW: 0o400000,
  O_DIRECT: 0o40000,
  O_LARGEFILE: 0o100000,
  SYS_openat2: 437,
};

/** arch/arm64/include/uapi/asm/fcntl.h; asm-generic/unistd.h. */
const arm64: Arch = {
  O_DIRECTORY: 0o40000,
  O_NOFOLLOW: 0o100000,
  O_DIRECT: 0o200000,
  O_LARGEFILE: 0o400000,
  SYS_openat2: 437,
};

export const ARCHITECTURES: Readonly<Record<string, Arch>> = { x64, arm64 };

/** The running machine's. On others `main.ts` has refused to start long before this is used. */
export const arch: Arch = ARCHITECTURES[process.arch] ?? x64;

export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_RDWR = 2;
export const O_ACCMODE = 3;
export const O_NOCTTY = 0o400;
export const O_TRUNC = 0o1000;
export const O_NONBLOCK = 0o4000;
export const O_CLOEXEC = 0o2000000;
export const O_PATH = 0o10000000;

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_EMPTY_PATH = 0x1000;

/** openat2(2), linux/openat2.h. */
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_BENEATH = 0x08;
export const RESOLVE_CACHED = 0x20;

/** preadv2(2), linux/fs.h: fail with EAGAIN instead of waiting for the disk. */
export const RWF_NOWAIT = 0x08;

/** posix_fadvise(2), linux/fadvise.h: start reading it, and do not wait. */
export const POSIX_FADV_WILLNEED = 3;

export const S_IFMT = 0o170000;
export const S_IFDIR = 0o040000;
export const S_IFREG = 0o100000;
export const S_IFLNK = 0o120000;

export const MNT_FORCE = 1;
export const MNT_DETACH = 2;

export const LOCK_EX = 2;
export const LOCK_NB = 4;
export const LOCK_UN = 8;
