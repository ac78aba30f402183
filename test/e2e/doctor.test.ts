/** `musicfs doctor` of the compiled binary, beside a mount that lives and one that was killed. */

import { expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";

const { test: mounted } = needing("root", "fuse");

interface Told {
  readonly check: string;
  readonly status: string;
  readonly message: string;
  readonly remedy: string | null;
}

async function told(library: ControlledLibrary, check: string): Promise<Told | undefined> {
  const { said } = await library.asked("doctor");
  return said.findings.find((finding: Told) => finding.check === check);
}

mounted("doctor finds a running mount in order, and a killed one's remains", async () => {
  using library = new ControlledLibrary("one");
  library.config(`mount_point = "${library.mountPoint}"\n${library.written("one")}`);
  library.file("one/a.flac", "a");
  {
    await using mount = await library.mount();
    const { code, said } = await library.asked("doctor");
    expect(said.findings.filter(({ status }: Told) => status === "problem")).toEqual([]);
    expect(code).toBe(0);
    expect((await told(library, "sockets"))?.message).toContain(
      `mounts run at ${library.mountPoint}`,
    );
    expect(await told(library, "mount_point")).toMatchObject({
      status: "ok",
      message: `${library.mountPoint} is mounted`,
    });
    mount.kill("SIGKILL");
    await mount.exited();
    const dead = await library.asked("doctor");
    expect(dead.code).toBe(1);
    expect(await told(library, "mount_point")).toMatchObject({
      status: "problem",
      message: expect.stringContaining("no process of yours serves it"),
      remedy: `remove it: musicfs unmount ${library.mountPoint}`,
    });
    expect(await told(library, "sockets")).toMatchObject({ status: "ok" });
    // The remedy helps.
    expect((await library.musicfs("unmount", library.mountPoint)).code).toBe(0);
  }
  expect(await told(library, "mount_point")).toMatchObject({ status: "ok" });
});
