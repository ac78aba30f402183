/** What a mount lets go of while it runs. */

import { expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { eventually, must, run } from "./support/musicfs.ts";
import { privateBytes, processUse } from "./support/process_use.ts";

const { test: mounted } = needing("root", "fuse");

/** Roots of local origins are closed ten seconds after nobody needs them. */
const CLOSED_MS = 30_000;

for (const change of ["disabled", "removed"]) {
  mounted(`F-9 a disk whose origin is ${change} can be unmounted`, async () => {
    using library = new ControlledLibrary("one", "two");
    library.file("one/a", "a");
    const disk = library.path("two");
    await must(["mount", "-t", "tmpfs", "tmpfs", disk]);
    try {
      library.file("two/b", "b");
      await using mount = await library.mount();
      expect(await library.shell('cat "$1/a" "$1/b"')).toBe("ab");
      await library.done("origins", change === "removed" ? "rm" : "disable", "two");
      expect(await library.files()).toEqual(["a"]);
      const isUnmounted = async () => (await run(["umount", disk])).code === 0;
      await eventually("the disk can be unmounted", isUnmounted, CLOSED_MS);
      if (change === "disabled") {
        await must(["mount", "-t", "tmpfs", "tmpfs", disk]);
        library.file("two/c", "c");
        await library.done("origins", "enable", "two");
        await library.done("scan", "two", "--allow-empty");
        expect(await library.shell('cat "$1/a" "$1/c"')).toBe("ac");
      }
      expect(await mount.stop()).toBe(0);
    } finally {
      await run(["umount", disk]);
    }
  });
}

mounted("files that were opened, read and closed a thousand times leave nothing", async () => {
  using library = new ControlledLibrary("one", "two");
  for (const origin of ["one", "two"]) {
    for (let n = 0; n < 50; n++) library.file(`${origin}/${n}`, `${n} `.repeat(100_000));
  }
  await using mount = await library.mount();
  const readAll = () =>
    library.shell(
      'for i in 1 2 3 4 5 6 7 8 9 10; do cat "$1"/* > /dev/null; head -qc 1 "$1"/* > /dev/null; done',
    );
  await readAll();
  const before = processUse(mount.pid);
  await readAll();
  await eventually(
    `the mount holds no more than ${JSON.stringify(before)}`,
    () => {
      const { descriptors, threads, children } = processUse(mount.pid);
      return (
        descriptors <= before.descriptors &&
        threads <= before.threads &&
        children <= before.children
      );
    },
    CLOSED_MS,
  );
  expect(await mount.stop()).toBe(0);
});

/** Far below what so many scans once left; what a runtime keeps for itself varies by less. */
const SCAN_GROWTH_BYTES = 40 * 2 ** 20;

mounted(
  "scans that are repeated leave no memory behind",
  async () => {
    using library = new ControlledLibrary("one");
    for (let n = 0; n < 50 * 100; n++) library.file(`one/${n % 50}/track ${n}.flac`, "");
    await using mount = await library.mount();
    const scanTimes = async (times: number) => {
      for (let n = 0; n < times; n++) await library.done("scan", "one", "--full", "--wait");
    };
    await scanTimes(3);
    const before = privateBytes(mount.pid);
    await scanTimes(30);
    await eventually(
      "the memory is given back",
      () => privateBytes(mount.pid) < before + SCAN_GROWTH_BYTES,
      CLOSED_MS,
    );
    expect(await mount.stop()).toBe(0);
  },
  180_000,
);
