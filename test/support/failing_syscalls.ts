/** The machine's system calls, some of which a test makes fail or answer otherwise. */

import { libc, type Syscalls } from "../../src/core/sys/libc.ts";

type Replacements = {
  [Name in keyof Syscalls]?: (
    original: Syscalls[Name],
    ...args: Parameters<Syscalls[Name]>
  ) => number;
};

/** Each replacement is given the original to call or not to call. Counts calls by name. */
export function replacedSyscalls(replacements: Replacements) {
  const counts = new Map<string, number>();
  const syscalls = new Proxy(libc(), {
    get(target, name: keyof Syscalls) {
      const original = target[name] as (...args: number[]) => number;
      const replacement = replacements[name] as
        | ((original: unknown, ...args: number[]) => number)
        | undefined;
      return (...args: number[]) => {
        counts.set(name, (counts.get(name) ?? 0) + 1);
        return replacement === undefined ? original(...args) : replacement(original, ...args);
      };
    },
  });
  return { syscalls, counts };
}
