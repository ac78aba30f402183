/** Tests that only some machines can run: elsewhere they are skipped, and their titles say what is missing. */
import { describe, test } from "bun:test";
import { existsSync } from "node:fs";
import { release } from "node:os";

/** What a machine may lack, and how to tell. */
const CONDITIONS = {
  root: () => process.getuid?.() === 0,
  fuse: () => existsSync("/dev/fuse"),
  "Linux 6.9": () => Bun.semver.order(release().replace(/[^\d.].*/, ""), "6.9.0") >= 0,
} as const;

/** `root`, `fuse` (the device), a version of the kernel, or the name of a program on the PATH. */
export type Need = keyof typeof CONDITIONS | (string & {});

function isMet(need: Need): boolean {
  const condition = need in CONDITIONS ? CONDITIONS[need as keyof typeof CONDITIONS] : undefined;
  return condition === undefined ? Bun.which(need) !== null : condition();
}

/** What this machine lacks of `needs`. */
export function lacking(needs: readonly Need[]): readonly Need[] {
  return needs.filter((need) => !isMet(need));
}

/**
 * `test` and `describe` for a machine that has all of `needs`. On another, the title gets `[needs …]` and the test is
 * skipped: the gate accepts no skip without such a reason.
 */
export function needing(...needs: readonly Need[]): {
  readonly test: typeof test;
  readonly describe: typeof describe;
} {
  const lacked = lacking(needs);
  if (lacked.length === 0) return { test, describe };
  const reason = `[needs ${lacked.join(", ")}]`;
  return { test: titled(test.skip, reason), describe: titled(describe.skip, reason) };
}

/** The same function of a test, `each` included, with `reason` after every title. */
function titled<T extends (title: string, ...rest: never[]) => unknown>(
  skip: T,
  reason: string,
): T {
  return new Proxy(skip, {
    apply: (target, self, [title, ...rest]) =>
      Reflect.apply(target, self, [`${title} ${reason}`, ...rest]),
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      if (key !== "each" || typeof value !== "function") return value;
      return (rows: unknown) => titled(Reflect.apply(value, target, [rows]), reason);
    },
  });
}
