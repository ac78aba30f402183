/** Guard processes over a real mount that hangs, dies, goes away and comes back. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { type BytePath, ROOT_PATH } from "../../src/core/bytes.ts";
import { systemClock } from "../../src/core/clock.ts";
import { MAX_GUARDS_PER_ORIGIN } from "../../src/core/limits.ts";
import { InlineDisk } from "../../src/core/origins/disk/client.ts";
import { Disk } from "../../src/core/origins/disk/disk.ts";
import { isOnLocalDisk } from "../../src/core/origins/disk/placement.ts";
import { openGuardedOrigin } from "../../src/core/origins/guarded.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../../src/core/origins/local.ts";
import type { Origin, OriginId } from "../../src/core/origins/origin.ts";
import { LOCAL_HARNESS, treeFixture } from "../suites/harnesses.ts";
import { originConformance } from "../suites/origin.ts";
import { guardsOf } from "../support/guards.ts";
import { LocalTree } from "../support/local_tree.ts";
import { needing } from "../support/needs.ts";
import { BindfsMount, until } from "./support/bindfs.ts";

/** A guard that is to answer does so within it on any machine; one that hangs is given up after it. */
const DEADLINE_MS = 10_000;
const TIMEOUT_MS = 120_000;
const FILE = "album/track" as BytePath;
const CONTENT = Buffer.from("0123456789");

function guarded(path: string, deadlineMs = DEADLINE_MS): LocalOrigin {
  return openGuardedOrigin({
    id: "nas" as OriginId,
    type: "smb",
    path,
    requireMount: true,
    strongTokens: false,
    deadlineMs,
    clock: systemClock,
  });
}

const read = async (origin: Origin, path = FILE) => {
  const into = new Uint8Array(20);
  return Buffer.from(into.subarray(0, await origin.read(path, 0, into))).toString();
};

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "answered",
    (error) => error.code as string,
  );

async function list(origin: Origin, path = ROOT_PATH): Promise<string[]> {
  const names: string[] = [];
  for await (const page of origin.list(path)) names.push(...page.map(({ name }) => name));
  return names.sort();
}

/** Child processes of this one that are guards, run from source. */
const guards = () => guardsOf(process.pid, "guard_main");

const here = needing("root", "fuse", "bindfs");

here.describe("a guarded origin on a mount that hangs", () => {
  test(
    "times out, harms nothing else, fails at once when all guards are stuck, and recovers",
    async () => {
      await using mount = await BindfsMount.create({ unkillable: true });
      await mount.tree.put(FILE, CONTENT);
      expect(isOnLocalDisk(mount.tree.root)).toBeFalse();
      using other = new LocalTree();
      await other.put(FILE, CONTENT);
      const healthy = new LocalOrigin({
        id: "disk" as OriginId,
        type: "local",
        capabilities: LOCAL_CAPABILITIES,
        disk: new InlineDisk(new Disk(other.root)),
      });
      const origin = guarded(mount.tree.root);
      expect(await read(origin)).toBe("0123456789");
      expect(await origin.probe()).toEqual({ status: "ok" });

      await mount.stop();
      const startedMs = performance.now();
      let beats = 0;
      const heart = setInterval(() => beats++, 5);
      const hung = Array.from({ length: MAX_GUARDS_PER_ORIGIN + 4 }, (_, i) =>
        codeOf(origin.stat(`missing ${i}` as BytePath)),
      );
      expect(await read(healthy)).toBe("0123456789");
      const codes = await Promise.all(hung);
      clearInterval(heart);
      expect(codes.slice(0, MAX_GUARDS_PER_ORIGIN)).toEqual(
        Array.from({ length: MAX_GUARDS_PER_ORIGIN }, () => "timeout"),
      );
      expect(new Set(codes.slice(MAX_GUARDS_PER_ORIGIN))).toEqual(new Set(["device_gone"]));
      // All of them wait side by side.
      expect(performance.now() - startedMs).toBeLessThan(DEADLINE_MS * (MAX_GUARDS_PER_ORIGIN - 1));
      // The event loop went on all the while.
      expect(beats).toBeGreaterThan(20);
      expect(guards()).toHaveLength(MAX_GUARDS_PER_ORIGIN);

      const atOnceMs = performance.now();
      expect(await codeOf(origin.probe())).toBe("device_gone");
      expect(performance.now() - atOnceMs).toBeLessThan(DEADLINE_MS);

      mount.go();
      await until(async () => (await codeOf(origin.probe())) === "answered");
      expect(await read(origin)).toBe("0123456789");
      expect(await list(origin)).toEqual(["album"]);
      // The stuck ones are reaped.
      await until(() => guards().length === 1);
      await origin.close();
      await healthy.close();
      await until(() => guards().length === 0);
    },
    TIMEOUT_MS,
  );

  test(
    "lists and reads while one file hangs",
    async () => {
      await using mount = await BindfsMount.create();
      await mount.tree.put(FILE, CONTENT);
      const origin = guarded(mount.tree.root, 60_000);
      expect(await list(origin)).toEqual(["album"]);
      // A file of the hung mount below a directory of a healthy one: only it hangs.
      await using inner = await BindfsMount.create();
      await inner.tree.put(FILE, CONTENT);
      await mount.tree.makeDirectory("inner" as BytePath);
      const at = join(mount.tree.root, "inner");
      expect(Bun.spawnSync(["mount", "--bind", inner.tree.root, at]).exitCode).toBe(0);
      try {
        await inner.stop();
        const controller = new AbortController();
        const hung = codeOf(origin.stat("inner/missing" as BytePath, controller.signal));
        expect(await read(origin)).toBe("0123456789");
        expect(await list(origin, "album" as BytePath)).toEqual(["track"]);
        controller.abort();
        expect(await hung).toBe("cancelled");
      } finally {
        Bun.spawnSync(["umount", "-l", at]);
        inner.go();
      }
      await origin.close();
      await until(() => guards().length === 0);
    },
    TIMEOUT_MS,
  );

  test(
    "keeps nobody from ending: neither close nor the process waits for it",
    async () => {
      await using mount = await BindfsMount.create({ unkillable: true });
      await mount.tree.put(FILE, CONTENT);
      const script = `
      const { systemClock } = await import("${import.meta.dir}/../../src/core/clock.ts");
      const { openGuardedOrigin } = await import("${import.meta.dir}/../../src/core/origins/guarded.ts");
      const origin = openGuardedOrigin({
        id: "nas", type: "smb", path: ${JSON.stringify(mount.tree.root)}, requireMount: true,
        strongTokens: false, deadlineMs: ${DEADLINE_MS}, clock: systemClock,
      });
      await origin.probe();
      console.log("probed");
      await new Promise((resolve) => process.stdin.once("data", resolve));
      const hung = origin.stat("missing").catch((error) => error.code);
      console.log(await hung);
      await origin.close();
      console.log("closed");
      process.exit(0);
    `;
      const child = Bun.spawn([process.execPath, "-e", script], { stdin: "pipe", stdout: "pipe" });
      const output = child.stdout.getReader();
      expect(Buffer.from((await output.read()).value ?? []).toString()).toBe("probed\n");
      await mount.stop();
      const startedMs = performance.now();
      child.stdin.write("go\n");
      child.stdin.end();
      expect(await child.exited).toBe(0);
      // One deadline, and what a loaded machine takes; whatever waits for the mount waits for ever.
      expect(performance.now() - startedMs).toBeLessThan(60_000);
      mount.go();
    },
    TIMEOUT_MS,
  );
});

here.describe("a guarded origin", () => {
  test(
    "is unavailable, never empty, while its share is not mounted",
    async () => {
      await using mount = await BindfsMount.create();
      await mount.tree.put(FILE, CONTENT);
      const origin = guarded(mount.tree.root);
      expect(await list(origin)).toEqual(["album"]);
      await mount.unmount();
      for (const attempt of [origin.probe(), list(origin), read(origin), origin.stat(FILE)]) {
        expect(await codeOf(attempt)).toBe("not_mounted");
      }
      await mount.mount();
      expect(await origin.probe()).toMatchObject({ status: expect.stringMatching(/ok|degraded/) });
      expect(await list(origin)).toEqual(["album"]);
      expect(await read(origin)).toBe("0123456789");
      await origin.close();
    },
    TIMEOUT_MS,
  );

  test(
    "is gone with the program behind its mount, and back after a new mount",
    async () => {
      await using mount = await BindfsMount.create();
      await mount.tree.put(FILE, CONTENT);
      const origin = guarded(mount.tree.root);
      expect(await read(origin)).toBe("0123456789");
      await mount.crash();
      expect(await codeOf(origin.probe())).toBe("device_gone");
      expect(await codeOf(read(origin))).toBe("device_gone");
      expect(await codeOf(list(origin))).toBe("device_gone");
      await mount.unmount();
      await mount.mount();
      expect(await read(origin)).toBe("0123456789");
      expect(await list(origin)).toEqual(["album"]);
      await origin.close();
    },
    TIMEOUT_MS,
  );

  test(
    "lets go of its share when idle, so that it can be unmounted",
    async () => {
      await using mount = await BindfsMount.create();
      await mount.tree.put(FILE, CONTENT);
      const origin = guarded(mount.tree.root);
      expect(await read(origin)).toBe("0123456789");
      await until(() => {
        if (mount.isMounted) Bun.spawnSync(["umount", mount.tree.root], { stderr: "ignore" });
        return !mount.isMounted;
      });
      expect(await codeOf(origin.probe())).toBe("not_mounted");
      await origin.close();
    },
    TIMEOUT_MS,
  );
});

here.describe("bindfs", () => {
  originConformance("a guarded FUSE mount", {
    ...LOCAL_HARNESS,
    capabilities: { ...LOCAL_CAPABILITIES, strongTokens: false },
    manyEntries: 1500,
    holdsVersions: true,
    // bindfs cannot make sockets.
    specialFiles: ["fifo", "character device"],
    async open() {
      const mount = await BindfsMount.create();
      return treeFixture(guarded(mount.tree.root, 60_000), mount.tree, mount);
    },
  });
});
