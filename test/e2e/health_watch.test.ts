/** `musicfs health --watch` of the compiled binary, beside real mounts. */

import { describe, expect } from "bun:test";
import { renameSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { BINARY, eventually, Mount, run, Workspace } from "./support/musicfs.ts";
import { Terminal } from "./support/tmux.ts";

const { test } = needing("root", "fuse", "tmux");

const SIZE = { columns: 100, rows: 30 };

/** Two origins with the same files, checked every second. */
function library(name: string): {
  readonly workspace: Workspace;
  readonly config: readonly string[];
} {
  const workspace = new Workspace(name);
  for (const track of ["one", "two", "three"]) {
    for (const origin of ["nas", "backup"]) {
      workspace.file(`${origin}/Album/${track}.flac`, track.repeat(100_000));
    }
  }
  const origin = (id: string, priority: number) => `[[origins]]
id = "${id}"
origin_type = "local"
priority = ${priority}
path = "${workspace.path(id)}"
`;
  const health = "[health]\ncheck_interval_secs = 1\n";
  const config = workspace.config(health + origin("nas", 1) + origin("backup", 2));
  return { workspace, config };
}

function open({ env }: Workspace, ...args: readonly string[]): Promise<Terminal> {
  return Terminal.open([BINARY, ...args].join(" "), SIZE, env);
}

describe("musicfs health --watch", () => {
  test("shows who serves what is read, an origin that fails, and does what keys ask for", async () => {
    const { workspace, config } = library("watching");
    using _workspace = workspace;
    await using mount = await Mount.scanned(workspace, config);
    await using terminal = await open(workspace, "health", "--watch", ...config);
    await terminal.still(/● nas|nas +● healthy/);
    await workspace.shell('cat "$1/Album/one.flac" > /dev/null');
    const reading = await terminal.still("Album/one.flac");
    expect(reading).toMatch(/nas .* Album\/one\.flac/);

    renameSync(workspace.path("nas"), workspace.path("away"));
    await terminal.still(/nas +✖ unhealthy/);
    await workspace.shell('cat "$1/Album/two.flac" > /dev/null');
    expect(await terminal.still("Album/two.flac")).toMatch(/backup .* Album\/two\.flac/);
    renameSync(workspace.path("away"), workspace.path("nas"));
    expect(await terminal.still(/nas +● healthy/)).toContain("nas has recovered");

    await terminal.press("Down", "e");
    await terminal.still("Disable backup? y");
    await terminal.press("y");
    await terminal.still(/backup +– disabled/);
    const { stdout } = await workspace.musicfs("origins", "ls", "--json", ...config);
    const { origins } = JSON.parse(stdout);
    expect(origins.find(({ id }: { id: string }) => id === "backup").enabled).toBe(false);

    expect(await mount.stop()).toBe(0);
    const ended = await terminal.still("q quits");
    expect(ended).toContain("ended");
    await terminal.press("q");
    await terminal.still("speed");
  });

  test.each(["TERM", "HUP", "INT"])(
    "gives the terminal back when it gets SIG%s",
    async (signal) => {
      const { workspace, config } = library("watching");
      using _workspace = workspace;
      const pid = workspace.path("pid");
      const command = `echo $$ > ${pid}; exec ${BINARY} health --watch ${config.join(" ")}`;
      await using terminal = await Terminal.open(command, SIZE, workspace.env);
      await terminal.still(/nas +● healthy/);
      await run(["sh", "-c", `kill -${signal} $(cat ${pid})`]);
      const after = await terminal.still("speed");
      for (const flag of ["icanon", "echo", "isig", "opost"]) {
        expect(after).toMatch(new RegExp(`[ \\n]${flag}\\b`));
      }
    },
  );

  test("watches the configured origins without a mount", async () => {
    const { workspace, config } = library("watching");
    using _workspace = workspace;
    await using terminal = await open(workspace, "health", "--watch", ...config);
    expect(await terminal.still(/nas +● healthy/)).toContain("no mount runs");
    renameSync(workspace.path("nas"), workspace.path("away"));
    expect(await terminal.still(/nas +✖ unhealthy/)).toContain("nas is unhealthy");
    await terminal.press("q");
    await terminal.still("speed");
  });

  test("prints an object for the state and for every event where there is no terminal", async () => {
    const { workspace, config } = library("watching");
    using _workspace = workspace;
    await using mount = await Mount.scanned(workspace, config);
    const out = workspace.path("out");
    const watching = workspace.run([
      "sh",
      "-c",
      `exec ${BINARY} health --watch ${config.join(" ")} > ${out}`,
    ]);
    const lines = async () =>
      (
        await Bun.file(out)
          .text()
          .catch(() => "")
      )
        .trimEnd()
        .split("\n");
    await eventually("the state", async () => (await lines())[0]?.startsWith("{") ?? false);
    const first = JSON.parse((await lines())[0] ?? "");
    expect(first).toMatchObject({
      type: "state",
      status: "healthy",
      mount_point: workspace.mountPoint,
    });
    renameSync(workspace.path("nas"), workspace.path("away"));
    await eventually("the change", async () =>
      (await lines()).some(
        (line) => line.includes('"health_changed"') && line.includes('"unhealthy"'),
      ),
    );
    for (const line of await lines()) expect(JSON.parse(line)).toHaveProperty("type");
    expect(await mount.stop()).toBe(0);
    // Nobody knows any more how the origins are.
    expect((await watching).code).toBe(3);
  });

  test("says what to do when there is nothing to watch", async () => {
    using workspace = new Workspace("watching");
    const { code, stderr } = await workspace.musicfs("health", "--watch");
    expect(code).toBe(3);
    expect(stderr).toContain("add one: musicfs origins add");
  });
});
