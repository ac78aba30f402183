import { expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { EMFILE } from "../../../src/core/sys/errno.ts";
import { Watcher } from "../../../src/core/threads/watcher.ts";
import { failSyscalls } from "../../faults/failing_libc.ts";
import { Strikes } from "../../faults/strikes.ts";

test("a watcher that gets no descriptor says so, and whoever asked for a watch polls", async () => {
  await using watcher = new Watcher(() => undefined);
  const fault = { name: "EMFILE", errno: EMFILE, calls: ["eventfd"] } as const;
  using _failing = failSyscalls(fault, new Strikes({ nth: 0, lasting: true }));
  const states: unknown[] = [];
  using _watch = watcher.watch(
    tmpdir(),
    () => undefined,
    (state) => states.push(state),
  );
  await Promise.resolve();
  expect(states).toEqual([{ watching: false, reason: "eventfd: EMFILE", forGood: false }]);
});
