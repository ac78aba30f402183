import { describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "../../src/core/doctor/finding.ts";
import { Home } from "./cli.ts";

async function homeWith(text: string): Promise<Home> {
  const home = new Home();
  const mountPoint = join(home.path, "mnt");
  mkdirSync(mountPoint);
  await Bun.write(home.configFile, `mount_point = "${mountPoint}"\n${text}`);
  return home;
}

const origin = (id: string, path: string) =>
  `[[origins]]\nid = "${id}"\norigin_type = "local"\npath = "${path}"\n`;

async function findings(home: Home): Promise<{ code: number; status: string; found: Finding[] }> {
  const { code, stdout } = await home.run("doctor", "--json");
  const said = JSON.parse(stdout);
  expect(Object.keys(said)).toEqual(["status", "findings"]);
  for (const each of said.findings) {
    expect(Object.keys(each)).toEqual(["check", "status", "origin", "message", "remedy"]);
    expect(each.remedy === null).toBe(each.status === "ok");
  }
  return { code, status: said.status, found: said.findings };
}

const problemsOf = (found: readonly Finding[]) =>
  found
    .filter(({ status }) => status === "problem")
    .map(({ check, origin }) => (origin ? `${check} of ${origin}` : check));

/** What the machine of the tests itself lacks (no FUSE in a build container) is not this test's affair. */
const ofMachine = new Set(["fuse", "fusermount3"]);
const own = (problems: readonly string[]) => problems.filter((each) => !ofMachine.has(each));

describe("musicfs doctor", () => {
  test("looks at everything, and finds nothing where nothing is", async () => {
    using home = await homeWith("");
    await Bun.write(
      home.configFile,
      `mount_point = "${join(home.path, "mnt")}"\n${origin("disk", await home.music("music", {}))}`,
    );
    const { found } = await findings(home);
    expect(own(problemsOf(found))).toEqual([]);
    expect(found.map(({ check }) => check)).toEqual([
      ...["configuration", "fuse", "fusermount3", "mount_point", "limits", "sockets", "cache"],
      ...["clock", "origin"],
    ] as Finding["check"][]);
  });

  test("an origin that does not answer is a part: exit code 3", async () => {
    using home = await homeWith(origin("disk", "/tmp") + origin("gone", "/no/such"));
    const { code, status, found } = await findings(home);
    expect(own(problemsOf(found))).toEqual(["origin of gone"]);
    expect(status).toBe("problem");
    if (problemsOf(found).length === 1) expect(code).toBe(3);
  });

  test("a mount point that cannot be used is all of it: exit code 1", async () => {
    using home = await homeWith(origin("disk", "/tmp"));
    await Bun.write(join(home.path, "mnt/file"), "");
    const { code, found } = await findings(home);
    expect(own(problemsOf(found))).toEqual(["mount_point"]);
    expect(code).toBe(1);
  });

  test("a wrong configuration is exit code 2, with its problems, and the rest is looked at", async () => {
    using home = await homeWith("colour = 3\n[cache]\nprefetch = 7\n");
    const { code, found } = await findings(home);
    expect(code).toBe(2);
    const [first] = found;
    expect(first?.message).toContain("colour is not a setting here");
    expect(first?.message).toContain("cache.prefetch");
    expect(found.map(({ check }) => check)).toContain("clock");
    expect(found.map(({ check }) => check)).not.toContain("cache");
  });

  test("prints a remedy below each finding that is not in order", async () => {
    using home = await homeWith("");
    const { code, stdout } = await home.run("doctor");
    expect(code).toBe(2);
    const lines = stdout.split("\n");
    expect(lines[0]).toMatch(/^STATUS +CHECK +ORIGIN +FOUND$/);
    expect(lines[1]).toMatch(/^problem +configuration +\S+ has no enabled origin/);
    expect(lines[2]).toMatch(/^ +→ add one: musicfs origins add/);
  });
});
