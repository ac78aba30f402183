/**
 * System calls through bun:ffi. Each answers 0 or more, or the negative errno. Pointers are numbers
 * (`Memory.address` plus an offset); what they point to must stay referenced during the call.
 *
 * `Syscalls` is an interface so that fault tests put a failing one in place of {@link libc}. One
 * instance per thread: the address of errno is the thread's own.
 */

import { dlopen, FFIType, type Pointer, read } from "bun:ffi";
import { AT_EMPTY_PATH, arch } from "./arch.ts";
import { Memory } from "./memory.ts";

export interface Syscalls {
  openat2(directoryFd: number, path: number, how: number, howBytes: number): number;
  open(path: number, flags: number): number;
  close(fd: number): number;
  read(fd: number, into: number, lengthBytes: number): number;
  write(fd: number, from: number, lengthBytes: number): number;
  pread(fd: number, into: number, lengthBytes: number, offsetBytes: number): number;
  /** `iov` is one `struct iovec`s' address; `flags` RWF_*. */
  preadv2(fd: number, iov: number, count: number, offsetBytes: number, flags: number): number;
  lseek(fd: number, offsetBytes: number, whence: number): number;
  getdents64(fd: number, into: number, lengthBytes: number): number;
  statx(directoryFd: number, path: number, flags: number, mask: number, into: number): number;
  /** statx with AT_EMPTY_PATH on `fd` itself. */
  fstatx(fd: number, mask: number, into: number): number;
  fadvise(fd: number, offsetBytes: number, lengthBytes: number, advice: number): number;
  madvise(address: number, lengthBytes: number, advice: number): number;
  ioctl(fd: number, request: number, argument: number): number;
  flock(fd: number, operation: number): number;
  mount(source: number, target: number, type: number, flags: number, data: number): number;
  umount2(target: number, flags: number): number;
  socketpair(domain: number, type: number, protocol: number, into: number): number;
  recvmsg(fd: number, message: number, flags: number): number;
  socket(domain: number, type: number, protocol: number): number;
  sendto(
    fd: number,
    from: number,
    lengthBytes: number,
    flags: number,
    address: number,
    addressBytes: number,
  ): number;
  prctl(option: number, argument: number): number;
  /** `into`: a `struct timespec`'s address. */
  clockGettime(clock: number, into: number): number;
  inotifyInit(flags: number): number;
  inotifyAddWatch(fd: number, path: number, mask: number): number;
  inotifyRemoveWatch(fd: number, watch: number): number;
  eventfd(initial: number, flags: number): number;
  /** `entries` is `count` `struct pollfd`s' address. */
  poll(entries: number, count: number, timeoutMs: number): number;
}

const { i32, u32, ptr, i64_fast, u64_fast } = FFIType;

function load(): Syscalls {
  const { symbols } = dlopen("libc.so.6", {
    __errno_location: { args: [], returns: ptr },
    syscall: { args: [i64_fast, i64_fast, ptr, ptr, u64_fast], returns: i64_fast },
    open: { args: [ptr, i32, i32], returns: i32 },
    close: { args: [i32], returns: i32 },
    read: { args: [i32, ptr, u64_fast], returns: i64_fast },
    write: { args: [i32, ptr, u64_fast], returns: i64_fast },
    pread64: { args: [i32, ptr, u64_fast, i64_fast], returns: i64_fast },
    preadv64v2: { args: [i32, ptr, i32, i64_fast, i32], returns: i64_fast },
    lseek64: { args: [i32, i64_fast, i32], returns: i64_fast },
    getdents64: { args: [i32, ptr, u64_fast], returns: i64_fast },
    statx: { args: [i32, ptr, i32, u32, ptr], returns: i32 },
    posix_fadvise64: { args: [i32, i64_fast, i64_fast, i32], returns: i32 },
    madvise: { args: [ptr, u64_fast, i32], returns: i32 },
    ioctl: { args: [i32, u64_fast, ptr], returns: i32 },
    flock: { args: [i32, i32], returns: i32 },
    mount: { args: [ptr, ptr, ptr, u64_fast, ptr], returns: i32 },
    umount2: { args: [ptr, i32], returns: i32 },
    socketpair: { args: [i32, i32, i32, ptr], returns: i32 },
    recvmsg: { args: [i32, ptr, i32], returns: i64_fast },
    socket: { args: [i32, i32, i32], returns: i32 },
    sendto: { args: [i32, ptr, u64_fast, i32, ptr, u32], returns: i64_fast },
    prctl: { args: [i32, u64_fast], returns: i32 },
    clock_gettime: { args: [i32, ptr], returns: i32 },
    inotify_init1: { args: [i32], returns: i32 },
    inotify_add_watch: { args: [i32, ptr, u32], returns: i32 },
    inotify_rm_watch: { args: [i32, i32], returns: i32 },
    eventfd: { args: [u32, i32], returns: i32 },
    poll: { args: [ptr, u64_fast, i32], returns: i32 },
  });
  const errnoAddress = symbols.__errno_location() as Pointer;
  const empty = new Memory(8);
  const p = (address: number) => address as Pointer;
  const answer = (value: number | bigint): number => {
    const result = Number(value);
    return result < 0 ? -read.i32(errnoAddress) : result;
  };
  return {
    openat2: (fd, path, how, size) =>
      answer(symbols.syscall(arch.SYS_openat2, fd, p(path), p(how), size)),
    open: (path, flags) => answer(symbols.open(p(path), flags, 0)),
    close: (fd) => answer(symbols.close(fd)),
    read: (fd, into, length) => answer(symbols.read(fd, p(into), length)),
    write: (fd, from, length) => answer(symbols.write(fd, p(from), length)),
    pread: (fd, into, length, offset) => answer(symbols.pread64(fd, p(into), length, offset)),
    preadv2: (fd, iov, count, offset, flags) =>
      answer(symbols.preadv64v2(fd, p(iov), count, offset, flags)),
    lseek: (fd, offset, whence) => answer(symbols.lseek64(fd, offset, whence)),
    getdents64: (fd, into, length) => answer(symbols.getdents64(fd, p(into), length)),
    statx: (fd, path, flags, mask, into) =>
      answer(symbols.statx(fd, p(path), flags, mask, p(into))),
    fstatx: (fd, mask, into) =>
      answer(symbols.statx(fd, p(empty.address), AT_EMPTY_PATH, mask, p(into))),
    // posix_fadvise returns the error instead of setting errno.
    fadvise: (fd, offset, length, advice) => -symbols.posix_fadvise64(fd, offset, length, advice),
    madvise: (address, length, advice) => answer(symbols.madvise(p(address), length, advice)),
    ioctl: (fd, request, argument) => answer(symbols.ioctl(fd, request, p(argument))),
    flock: (fd, operation) => answer(symbols.flock(fd, operation)),
    mount: (source, target, type, flags, data) =>
      answer(symbols.mount(p(source), p(target), p(type), flags, p(data))),
    umount2: (target, flags) => answer(symbols.umount2(p(target), flags)),
    socketpair: (domain, type, protocol, into) =>
      answer(symbols.socketpair(domain, type, protocol, p(into))),
    recvmsg: (fd, message, flags) => answer(symbols.recvmsg(fd, p(message), flags)),
    socket: (domain, type, protocol) => answer(symbols.socket(domain, type, protocol)),
    sendto: (fd, from, length, flags, address, size) =>
      answer(symbols.sendto(fd, p(from), length, flags, p(address), size)),
    prctl: (option, argument) => answer(symbols.prctl(option, argument)),
    clockGettime: (clock, into) => answer(symbols.clock_gettime(clock, p(into))),
    inotifyInit: (flags) => answer(symbols.inotify_init1(flags)),
    inotifyAddWatch: (fd, path, mask) => answer(symbols.inotify_add_watch(fd, p(path), mask)),
    inotifyRemoveWatch: (fd, watch) => answer(symbols.inotify_rm_watch(fd, watch)),
    eventfd: (initial, flags) => answer(symbols.eventfd(initial, flags)),
    poll: (entries, count, timeoutMs) => answer(symbols.poll(p(entries), count, timeoutMs)),
  };
}

let loaded: Syscalls | undefined;

/** This thread's system calls; libc is opened at the first use. */
export function libc(): Syscalls {
  loaded ??= load();
  return loaded;
}

/** A NUL-terminated copy of a path's bytes, for calls that take one. */
export function cString(bytes: Uint8Array | string): Memory {
  const source = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  const memory = new Memory(source.byteLength + 1);
  memory.bytes.set(source);
  return memory;
}
