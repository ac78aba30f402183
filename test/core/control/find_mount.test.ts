import { describe, expect, test } from "bun:test";
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mountAtPath, mountOfCache, onlyMount } from "../../../src/core/control/find_mount.ts";
import { Controlled, FakeMount } from "./controlled.ts";

describe("finding a mount", () => {
  test("by its cache directory, by its mount point, or as the only one", async () => {
    await using controlled = new Controlled();
    const { around } = controlled;
    const cache = controlled.path("cache");
    expect(await mountOfCache(cache, around)).toBeUndefined();
    controlled.serve();
    using byCache = await mountOfCache(cache, around);
    using atPath = await mountAtPath("/mnt/music", around);
    expect([byCache?.status.mount_point, atPath.status.cache_dir]).toEqual(["/mnt/music", cache]);
    expect(await mountOfCache(controlled.path("other"), around)).toBeUndefined();
    expect(await mountOfCache(join(controlled.home, "none"), around)).toBeUndefined();
    await expect(mountAtPath("/mnt/none", around)).rejects.toThrow(
      "no mount of yours runs at /mnt/none; there are /mnt/music",
    );
  });

  test("among several needs to be told which, and names them", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    controlled.serve(new FakeMount(controlled.path("two"), "/mnt/two"));
    expect(await controlled.find()).toHaveLength(2);
    using two = await mountOfCache(controlled.path("two"), controlled.around);
    expect(two?.status.mount_point).toBe("/mnt/two");
    await expect(onlyMount(controlled.around)).rejects.toThrow(
      /^several mounts run: say which with --mount-point; there are .*\/mnt\/two/,
    );
  });

  test("is not kept up by a socket that a crash left behind, which is removed", async () => {
    await using controlled = new Controlled();
    const left = join(controlled.directory, "left-0123456789abcdef.sock");
    controlled.serve();
    // A process that is killed leaves its socket.
    const script = `Bun.listen({ unix: ${JSON.stringify(left)}, socket: { data() {} } });
require("node:fs").chmodSync(${JSON.stringify(left)}, 0o600); process.kill(process.pid, "SIGKILL");`;
    Bun.spawnSync([process.execPath, "-e", script]);
    expect(readdirSync(controlled.directory)).toHaveLength(2);
    expect(await controlled.find()).toHaveLength(1);
    expect(readdirSync(controlled.directory)).toHaveLength(1);
  });

  test("is not kept up by a mount that takes a call and ends before it answers", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const ending = join(controlled.directory, "ending-0123456789abcdef.sock");
    let calls = 0;
    const listener = Bun.listen({
      unix: ending,
      socket: {
        data(socket) {
          calls++;
          socket.terminate();
          if (calls === 2) listener.stop(true);
        },
      },
    });
    chmodSync(ending, 0o600);
    expect(await controlled.find()).toHaveLength(1);
    expect(calls).toBe(2);
  });

  test("a mount makes its socket anew, whatever stands in its place", async () => {
    await using controlled = new Controlled();
    controlled.serve();
    const [name = ""] = readdirSync(controlled.directory);
    await controlled.close();
    await Bun.write(join(controlled.directory, name), "");
    controlled.serve(new FakeMount(controlled.path("cache"), "/mnt/elsewhere"));
    expect((await controlled.find()).map(({ status }) => status.mount_point)).toEqual([
      "/mnt/elsewhere",
    ]);
    rmSync(controlled.directory, { recursive: true });
    expect(await controlled.find()).toEqual([]);
  });
});
