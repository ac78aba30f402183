/** Origins of this machine for the conformance suite. */

import type { BytePath } from "../../src/core/bytes.ts";
import { systemClock } from "../../src/core/clock.ts";
import { InlineDisk } from "../../src/core/origins/disk/client.ts";
import { Disk } from "../../src/core/origins/disk/disk.ts";
import { GuardedDisk } from "../../src/core/origins/disk/guard.ts";
import { GuardProcess, guardCommand } from "../../src/core/origins/disk/guard_process.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../../src/core/origins/local.ts";
import { MEMORY_CAPABILITIES, MemoryOrigin } from "../../src/core/origins/memory.ts";
import type { Origin, OriginId } from "../../src/core/origins/origin.ts";
import { withBandwidth } from "../../src/core/origins/wrappers/bandwidth.ts";
import { withClosing } from "../../src/core/origins/wrappers/closing.ts";
import { FaultPlan, withFaults } from "../../src/core/origins/wrappers/faults.ts";
import { withLimit } from "../../src/core/origins/wrappers/limit.ts";
import { OriginMetrics, withMetrics } from "../../src/core/origins/wrappers/metrics.ts";
import { withTimeout } from "../../src/core/origins/wrappers/timeout.ts";
import { withUsage } from "../../src/core/origins/wrappers/usage.ts";
import { LocalTree } from "../support/local_tree.ts";
import type { OriginFixture, OriginHarness } from "./origin.ts";

/** The fixture of an origin that shows a temporary directory; `place`, by default that, goes with it. */
export function treeFixture(
  origin: Origin,
  tree: LocalTree,
  place: Disposable | AsyncDisposable = tree,
): OriginFixture {
  return {
    origin,
    put: (path, bytes) => tree.put(path, bytes),
    remove: (path) => tree.remove(path),
    makeDirectory: (path) => tree.makeDirectory(path),
    edit: (path, offset, bytes) => tree.edit(path, offset, bytes),
    putSparse: (path, size, tail) => tree.putSparse(path, size, tail),
    link: (path, target) => tree.link(path, target),
    makeSpecial: (path, kind) => tree.makeSpecial(path, kind),
    async [Symbol.asyncDispose]() {
      await using _place = place;
      await origin.close();
    },
  };
}

/** The fixture of an origin over a temporary directory. */
export function localFixture(make: (root: string) => Origin): OriginFixture {
  const tree = new LocalTree();
  return treeFixture(make(tree.root), tree);
}

/** Device nodes need root. */
const SPECIAL_FILES =
  process.getuid?.() === 0
    ? (["fifo", "socket", "character device", "block device"] as const)
    : (["fifo", "socket"] as const);

export const LOCAL_HARNESS = {
  capabilities: LOCAL_CAPABILITIES,
  emptyDirectories: true,
  editInPlace: true,
  sparseFiles: true,
  links: { outside: "/etc/passwd" },
  specialFiles: SPECIAL_FILES,
  countDescriptors: true,
} as const;

export const inlineLocal: OriginHarness = {
  ...LOCAL_HARNESS,
  open: async () =>
    localFixture(
      (root) =>
        new LocalOrigin({
          id: "local" as OriginId,
          type: "local",
          capabilities: LOCAL_CAPABILITIES,
          disk: new InlineDisk(new Disk(root)),
        }),
    ),
};

export const guardedLocal: OriginHarness = {
  ...LOCAL_HARNESS,
  open: async () =>
    localFixture((path) => {
      const settings = { path, tokens: "strong", requireMount: false } as const;
      return new LocalOrigin({
        id: "guarded" as OriginId,
        type: "local",
        capabilities: LOCAL_CAPABILITIES,
        disk: new GuardedDisk({
          startGuard: (serial) => new GuardProcess(serial, guardCommand(), settings),
          clock: systemClock,
          deadlineMs: 10_000,
        }),
      });
    }),
};

export const memory: OriginHarness = {
  capabilities: MEMORY_CAPABILITIES,
  emptyDirectories: true,
  editInPlace: true,
  sparseFiles: true,
  links: { outside: "/etc/passwd" },
  async open() {
    const origin = new MemoryOrigin({ id: "memory" });
    return {
      origin,
      put: async (path, bytes) => origin.put(path, bytes),
      remove: async (path) => origin.remove(path),
      makeDirectory: async (path) => origin.makeDirectory(path),
      edit: async (path, offset, bytes) => origin.edit(path, offset, bytes),
      link: async (path, target) => origin.link(path, target),
      async putSparse(path: BytePath, sizeBytes, tail) {
        const tailAt = sizeBytes - tail.byteLength;
        const fill = (offset: number, into: Uint8Array) => {
          into.fill(0);
          if (offset + into.byteLength <= tailAt) return;
          into.set(
            tail.subarray(Math.max(0, offset - tailAt), offset + into.byteLength - tailAt),
            Math.max(0, tailAt - offset),
          );
        };
        origin.put(path, { sizeBytes, fill });
      },
      [Symbol.asyncDispose]: () => origin.close(),
    };
  },
};

/** The same origin behind a wrapper, with directories of a few pages only: 10 000 files take time. */
export function wrapped(harness: OriginHarness, wrap: (inner: Origin) => Origin): OriginHarness {
  return {
    ...harness,
    manyEntries: 1500,
    async open() {
      const fixture = await harness.open();
      const origin = wrap(fixture.origin);
      return {
        ...fixture,
        origin,
        async [Symbol.asyncDispose]() {
          await origin.close();
          await fixture[Symbol.asyncDispose]();
        },
      };
    },
  };
}

const uncounted = { request: ignore, received: ignore, sent: ignore };
function ignore(): void {
  // Nobody is billed for a test.
}

/** Every wrapper that there is, none of them in anybody's way. */
export const WRAPPERS: Readonly<Record<string, (inner: Origin) => Origin>> = {
  timeout: (inner) => withTimeout(inner, 30_000, systemClock),
  limit: (inner) => withLimit(inner, 2),
  metrics: (inner) => withMetrics(inner, new OriginMetrics(), systemClock),
  usage: (inner) => withUsage(inner, uncounted),
  closing: (inner) => withClosing(inner),
  bandwidth: (inner) => withBandwidth(inner, 2 ** 36, systemClock),
  "faults (none of them striking)": (inner) => withFaults(inner, new FaultPlan(systemClock)),
};

/** Behind all of them at once. */
export function inAllWrappers(inner: Origin): Origin {
  return Object.values(WRAPPERS).reduce((origin, wrap) => wrap(origin), inner);
}
