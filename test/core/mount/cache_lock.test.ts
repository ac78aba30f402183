import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import { type CacheLockPorts, lockCache } from "../../../src/core/mount/cache_lock.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { TempDirectory } from "../catalog/fixture.ts";

const CHILD = join(import.meta.dir, "cache_lock.child.ts");

const ports = (cleanedUp: string[] = []): CacheLockPorts => ({
  clock: systemClock,
  cleanUpDeadMount: async (mountPoint) => cleanedUp.push(mountPoint),
});

test("a cache directory in use is refused at once, and by name", async () => {
  using directory = new TempDirectory();
  // Something is mounted there for sure.
  const taken = await lockCache(directory.path, "/", ports());
  const startedMs = performance.now();
  await expect(lockCache(directory.path, tmpdir(), ports())).rejects.toMatchObject({
    code: "busy",
    message: expect.stringContaining(`(process ${process.pid} on /): unmount that one`),
  });
  expect(performance.now() - startedMs).toBeLessThan(1000);
  taken[Symbol.dispose]();
  (await lockCache(directory.path, tmpdir(), ports()))[Symbol.dispose]();
});

test("a mount that was unmounted is waited for until it has ended, and no mount is removed", async () => {
  using directory = new TempDirectory();
  const clock = new VirtualClock();
  const cleanedUp: string[] = [];
  const taken = await lockCache(directory.path, directory.path, { ...ports(), clock });
  const next = lockCache(directory.path, tmpdir(), { ...ports(cleanedUp), clock });
  await clock.advance(4000);
  taken[Symbol.dispose]();
  await clock.advance(1000);
  (await next)[Symbol.dispose]();
  expect(cleanedUp).toEqual([]);
});

test("a mount that was detached and does not end for who uses it is named, and what to do", async () => {
  using directory = new TempDirectory();
  const clock = new VirtualClock();
  using _taken = await lockCache(directory.path, directory.path, { ...ports(), clock });
  const refused = lockCache(directory.path, tmpdir(), { ...ports(), clock });
  const outcome = refused.then(
    () => "taken",
    (error: Error) => error.message,
  );
  await clock.advance(6000);
  expect(await outcome).toContain(`on ${directory.path}): that one is not in the mount table`);
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
  const lock = await lockCache(directory.path, tmpdir(), ports(cleanedUp));
  lock[Symbol.dispose]();
  expect(cleanedUp).toContain(directory.path);
  await child.exited;
});
