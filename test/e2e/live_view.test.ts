/**
 * The live view in real terminals, shown recorded minutes with the clock standing still. The screens
 * are committed; MUSICFS_UPDATE_SCREENS=1 writes them anew, to be looked at.
 */

import { describe, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { SCENES } from "../tui/scenes.ts";
import { Terminal } from "./support/tmux.ts";

const { test } = needing("tmux");

const REPLAY = join(import.meta.dir, "../tui/replay.child.tsx");
const ROWS = 30;
const COLUMNS = [60, 100, 200] as const;
const DRAWN = /^♪ MusicFS [\s\S]*quit\n$/;

function replay(scene: string, columns: number, env: Readonly<Record<string, string>> = {}) {
  const command = `${process.execPath} ${REPLAY} "${scene}"`;
  return Terminal.open(command, { columns, rows: ROWS }, env);
}

function expectScreen(screen: string, name: string): void {
  const file = join(import.meta.dir, "screens", `${name}.txt`);
  if (process.env["MUSICFS_UPDATE_SCREENS"] === "1") writeFileSync(file, screen);
  expect(existsSync(file), `${name} was recorded`).toBe(true);
  expect(screen).toBe(readFileSync(file, "utf8"));
}

describe("the live view", () => {
  for (const scene of Object.keys(SCENES)) {
    test.concurrent(`shows the scene ${scene} at 60, 100 and 200 columns`, async () => {
      for (const columns of COLUMNS) {
        await using terminal = await replay(scene, columns);
        expectScreen(await terminal.still(DRAWN), `${scene.replaceAll(/[ ,]+/g, "-")}.${columns}`);
      }
    });
  }

  test("follows the keys: select, details, filter, ask, help", async () => {
    await using terminal = await replay("failing", 100);
    await terminal.still(DRAWN);
    await terminal.press("Down", "Enter");
    expectScreen(await terminal.still("p50 64ms"), "keys.details");
    await terminal.press("Escape");
    await terminal.press("/");
    await terminal.press("disk", "Enter");
    const filtered = await terminal.still("/disk");
    expect(filtered).toContain("▸ disk");
    expect(filtered).not.toMatch(/^. cloud/m);
    await terminal.press("e");
    await terminal.still("Disable disk? y");
    await terminal.press("n");
    await terminal.still("disk stays as it is");
    await terminal.press("c");
    await terminal.still("check disk: done");
    await terminal.press("?");
    expectScreen(await terminal.still("two origins were asked"), "keys.help");
    await terminal.resize(80, 24);
    const small = await terminal.still(/not provably, the same +│\n╰─{78}╯/);
    expect(small).toMatch(/│ ↑ ↓ +select an origin +│\n│ enter +its details +│/);
  });

  test("follows a terminal that changes its size", async () => {
    await using terminal = await replay("failing", 100);
    await terminal.still(DRAWN);
    await terminal.resize(60, 20);
    const small = await terminal.still(/ORIGIN +STATE +PRI +P50 +RATE SHARE/);
    expect(small.trimEnd().split("\n").length).toBeLessThanOrEqual(20);
    await terminal.resize(100, ROWS);
    expectScreen(await terminal.still(/TYPE +PRI/), "failing.100");
  });

  test("is drawn also where CI is set", async () => {
    await using terminal = await replay("failing", 100, { CI: "1" });
    expectScreen(await terminal.still(DRAWN), "failing.100");
  });

  test("is told apart without colours", async () => {
    await using terminal = await replay("failing", 100, { NO_COLOR: "1" });
    expectScreen(await terminal.still(DRAWN), "failing.100");
  });

  for (const [how, end] of Object.entries({
    q: (terminal: Terminal) => terminal.press("q"),
    "ctrl-c": (terminal: Terminal) => terminal.press("C-c"),
  })) {
    test(`gives the terminal back after ${how}`, async () => {
      await using terminal = await replay("healthy", 100);
      await terminal.still(DRAWN);
      await end(terminal);
      const after = await terminal.still("speed");
      expect(after).toContain("the view is closed");
      // What raw mode takes away.
      for (const flag of ["icanon", "echo", "isig", "opost"])
        expect(after).toMatch(new RegExp(`[ \\n]${flag}\\b`));
      expect(after).not.toContain("ORIGIN");
    });
  }
});
