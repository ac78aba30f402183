import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { type CacheLockPorts, lockCache } from "../../../src/core/mount/cache_lock.ts";
import { TempDirectory } from "../catalog/fixture.ts";

const CHILD = join(import.meta.dir, "cache_lock.child.ts");

const ports = (cleanedUp: string[] = []): CacheLockPorts => ({
  clock: systemClock,
  cleanUpDeadMount: async (mountPoint) => cleanedUp.push(mountPoint),
});

test("a cache directory in use is refused at once, and by name", async () => {
  using directory = new TempDirectory();
  const taken = await lockCache(directory.path, "/mnt/one", ports());
  const startedMs = performance.now();
  await expect(lockCache(directory.path, "/mnt/two", ports())).rejects.toMatchObject({
    code: "busy",
    message: expect.stringContaining(`(process ${process.pid} on /mnt/one)`),
  });
  expect(performance.now() - startedMs).toBeLessThan(1000);
  taken[Symbol.dispose]();
  (await lockCache(directory.path, "/mnt/two", ports()))[Symbol.dispose]();
});

test("a mount that was killed is waited for, and its dead mount removed, which it may wait for", async () => {
  using directory = new TempDirectory();
  const child = Bun.spawn([process.execPath, CHILD, directory.path, "700"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await child.stdout.getReader().read();
  const status = () => readFileSync(`/proc/${child.pid}/status`, "latin1");
  while (!status().includes("(zombie)")) await Bun.sleep(1);
  const cleanedUp: string[] = [];
  const lock = await lockCache(directory.path, "/mnt/next", ports(cleanedUp));
  lock[Symbol.dispose]();
  expect(cleanedUp).toContain("/mnt/of the child");
  await child.exited;
});
