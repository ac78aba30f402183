/**
 * Mounting and unmounting as an ordinary user, by fusermount3 (package fuse3), which is installed
 * setuid root. It opens the device, mounts it, and sends the descriptor over a socket pair whose
 * other end it finds as the descriptor named in `_FUSE_COMMFD`.
 */

import { OwnError } from "../errors.ts";
import { errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { explainFusermount } from "./remedies.ts";

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0o2000000;
const MSG_DONTWAIT = 0x40;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

/** The child's descriptor of the socket: the first behind stdin, stdout and stderr. */
const COMM_FD = 3;

/** Answers the device's descriptor (close-on-exec), or throws `mount` with the remedy. */
export async function fusermount(mountPoint: string, options: readonly string[]): Promise<number> {
  const [ours, theirs] = socketPair();
  try {
    await run(["-o", options.join(","), "--", mountPoint], mountPoint, theirs);
    return receiveDescriptor(ours);
  } finally {
    libc().close(ours);
    libc().close(theirs);
  }
}

/** Throws `busy` while the mount is in use (never when `lazy`), else `mount` with the remedy. */
export async function fuserunmount(mountPoint: string, lazy: boolean): Promise<void> {
  await run(["-u", ...(lazy ? ["-z"] : []), "--", mountPoint], mountPoint);
}

/** Where fusermount3 is installed; undefined when it is not. */
export function fusermountProgram(): string | undefined {
  const usual = { PATH: "/usr/bin:/bin" };
  return Bun.which("fusermount3") ?? Bun.which("fusermount3", usual) ?? undefined;
}

async function run(args: readonly string[], mountPoint: string, commFd?: number): Promise<void> {
  const { PATH = "/usr/bin:/bin" } = process.env;
  const program = fusermountProgram();
  if (program === undefined) {
    throw new OwnError(
      "mount",
      "fusermount3 is missing, without which only root can mount: install the package fuse3",
    );
  }
  const child = Bun.spawn([program, ...args], {
    env: {
      PATH,
      LC_ALL: "C",
      ...(commFd === undefined ? {} : { _FUSE_COMMFD: String(COMM_FD) }),
    },
    stdio: ["ignore", "ignore", "pipe", ...(commFd === undefined ? [] : [commFd])],
  });
  const [message, exitCode] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (exitCode !== 0) throw explainFusermount(message.trim(), mountPoint);
}

function socketPair(): readonly [number, number] {
  const fds = new Memory(8);
  const result = libc().socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.address);
  if (result < 0) throw new OwnError("mount", `socketpair failed: ${errnoName(result)}`);
  return [fds.view.getInt32(0, true), fds.view.getInt32(4, true)];
}

/**
 * `struct msghdr` (56 bytes on 64-bit): name at 0, iov at 16, iovlen at 24, control at 32,
 * controllen at 40. `struct cmsghdr`: u64 len, i32 level, i32 type, then the descriptor.
 */
function receiveDescriptor(socket: number): number {
  const message = new Memory(56);
  const vector = new Memory(16);
  const byte = new Memory(8);
  const control = new Memory(24);
  vector.view.setBigUint64(0, BigInt(byte.address), true);
  vector.view.setBigUint64(8, 1n, true);
  message.view.setBigUint64(16, BigInt(vector.address), true);
  message.view.setBigUint64(24, 1n, true);
  message.view.setBigUint64(32, BigInt(control.address), true);
  message.view.setBigUint64(40, BigInt(control.sizeBytes), true);
  const count = libc().recvmsg(socket, message.address, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  const isDescriptor =
    count > 0 &&
    message.view.getBigUint64(40, true) >= 20n &&
    control.view.getInt32(8, true) === SOL_SOCKET &&
    control.view.getInt32(12, true) === SCM_RIGHTS;
  if (!isDescriptor) {
    const reason = count < 0 ? errnoName(count) : "no descriptor came";
    throw new OwnError("mount", `fusermount3 mounted, but sent no device: ${reason}`);
  }
  return control.view.getInt32(16, true);
}
