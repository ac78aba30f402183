/** The manual page: whole, and well-formed to those who read manual pages. */

import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { Home } from "./cli.ts";

describe("musicfs man", () => {
  test("describes every command that help shows, and every flag", async () => {
    using home = new Home();
    const { code, stdout, stderr } = await home.run("man");
    expect([code, stderr]).toEqual([0, ""]);
    const plain = stdout.replaceAll("\\-", "-").replaceAll(/\\f[BIR]/g, "");
    const help = await home.run("--help");
    const listed = /^Commands:\n([\s\S]*?)\n\n/m.exec(help.stdout)?.[1] ?? "";
    const commands = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name = ""]) => name);
    expect(commands.length).toBeGreaterThan(8);
    const helps = await Promise.all(commands.map((each) => home.run(each, "--help")));
    for (const [index, name] of commands.entries()) {
      if (name === "help") continue;
      expect(plain).toContain(`.SS "musicfs ${name}"`);
      const flags = helps[index]?.stdout.match(/^ {2,6}(?:-\w, )?--[a-z-]+/gm) ?? [];
      for (const flag of flags
        .map((each) => each.trim())
        .filter((each) => !each.includes("help"))) {
        expect(plain).toContain(`\n${flag}`);
      }
    }
    for (const each of ["origins add", "cache pin"])
      expect(plain).toContain(`.SS "musicfs ${each}"`);
    expect(plain).not.toContain("mount.musicfs");
    expect(plain).toContain("musicfs health --json | jq");
  });

  needing("mandoc").test("has nothing that mandoc warns of but its missing date", async () => {
    using home = new Home();
    const page = join(home.path, "musicfs.1");
    await Bun.write(page, (await home.run("man")).stdout);
    const lint = Bun.spawnSync(["mandoc", "-T", "lint", "-W", "warning", page]);
    // A date would make two builds of the same sources differ.
    const said = lint.stdout.toString().trim().split("\n");
    expect(said).toEqual([expect.stringMatching(/WARNING: missing date/)]);
    const shown = Bun.spawnSync(["mandoc", "-T", "utf8", page]).stdout.toString();
    // Bold is a letter typed twice over a backspace.
    const plain = shown
      .split("\b")
      .map((part, at, all) => (at + 1 < all.length ? part.slice(0, -1) : part));
    expect(plain.join("")).toContain("One read-only music library");
  });
});
