/**
 * This thread's system calls with one that fails. They are replaced in the object that `libc()`
 * answers, so that those who keep it and those who ask for it anew meet the same failure.
 */

import { type Pointer, read } from "bun:ffi";
import { RESOLVE_CACHED } from "../../src/core/sys/arch.ts";
import { EACCES, EAGAIN, EIO, EMFILE, ENOENT, ENOMEM, ESTALE } from "../../src/core/sys/errno.ts";
import { libc, type Syscalls } from "../../src/core/sys/libc.ts";
import type { Strikes } from "./strikes.ts";

type Name = keyof Syscalls;
type Calls = { [name in Name]: (...args: number[]) => number };

/** Where `resolve` is in struct open_how. */
const RESOLVE_AT = 16;

/** How a call may fail. `short`: fewer bytes than there are; `hides`: what exists seems not to. */
export interface SyscallFault {
  readonly name: string;
  readonly errno?: number;
  readonly short?: true;
  /** Calls that fail so. Default: those of {@link APPLIES}, else all. */
  readonly calls?: readonly Name[];
  /** The failure says that something is not there: the program must believe it. */
  readonly hides?: true;
}

/** What is worth trying; which of them a call can fail with is in {@link APPLIES}. */
export const SYSCALL_FAULTS: readonly SyscallFault[] = [
  { name: "EIO", errno: EIO },
  { name: "ENOMEM", errno: ENOMEM },
  { name: "EMFILE", errno: EMFILE },
  { name: "EACCES", errno: EACCES },
  { name: "EAGAIN", errno: EAGAIN },
  { name: "ESTALE", errno: ESTALE },
  { name: "ENOENT", errno: ENOENT, hides: true },
  { name: "short", short: true },
];

const READS: readonly Name[] = ["pread", "preadv2"];
const OPENS: readonly Name[] = ["open", "openat2"];
const LOOKS: readonly Name[] = ["statx", "fstatx"];

const APPLIES: Readonly<Record<string, readonly Name[]>> = {
  ENOMEM: [...OPENS, ...LOOKS, "getdents64"],
  EMFILE: OPENS,
  EACCES: OPENS,
  EAGAIN: ["preadv2", "openat2", "flock"],
  ESTALE: [...OPENS, ...LOOKS, ...READS, "getdents64"],
  ENOENT: [...OPENS, "statx"],
  short: READS,
};

/** While it is used, calls to which the fault applies are counted, and fail as planned. */
export function failSyscalls(fault: SyscallFault, strikes: Strikes): Disposable {
  const target = libc() as Calls;
  const original = { ...target };
  const calls = { ...original, ...coldCaches(original) };
  Object.assign(target, calls);
  const names = fault.calls ?? APPLIES[fault.name] ?? (Object.keys(calls) as Name[]);
  for (const name of names) {
    target[name] = (...args) => {
      if (!strikes.next(name)) return calls[name](...args);
      if (fault.short) return shortened(name, calls[name], args);
      // Linux gives up the descriptor whatever close(2) answers.
      if (name === "close") calls.close(...args);
      return -(fault.errno ?? EIO);
    };
  }
  return {
    [Symbol.dispose]() {
      Object.assign(target, original);
    },
  };
}

/**
 * Every other file is found in no cache of the kernel's, nor every other piece of one: so that half of
 * the work goes through the reader threads' calls.
 */
function coldCaches({ openat2, preadv2 }: Calls): Pick<Calls, "openat2" | "preadv2"> {
  let opens = 0;
  let reads = 0;
  return {
    openat2: (...args) => {
      const how = args[2] as Pointer;
      const cachedOnly = (read.u64(how, RESOLVE_AT) & BigInt(RESOLVE_CACHED)) !== 0n;
      return cachedOnly && opens++ % 2 === 1 ? -EAGAIN : openat2(...args);
    },
    preadv2: (...args) => (reads++ % 2 === 1 ? -EAGAIN : preadv2(...args)),
  };
}

/** Half of what was asked for; a vector stays as it is and the rest of it is wiped. */
function shortened(name: Name, call: (...args: number[]) => number, args: number[]): number {
  if (name !== "pread") return Math.min(call(...args), 1);
  const [fd = -1, into = 0, lengthBytes = 0, offsetBytes = 0] = args;
  return call(fd, into, Math.ceil(lengthBytes / 2), offsetBytes);
}
