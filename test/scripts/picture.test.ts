import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { runsOf } from "../../scripts/picture/runs.ts";
import { svgOf } from "../../scripts/picture/svg.ts";

const SCRIPT = join(import.meta.dir, "../../scripts/picture.ts");

describe("the picture of the live view", () => {
  test("shows the live view as it is now", async () => {
    const child = Bun.spawn([process.execPath, SCRIPT, "--check"], {
      // Where it is set, Ink takes no terminal for one.
      env: { ...process.env, CI: "1" },
      stderr: "pipe",
    });
    const [stderr, status] = await Promise.all([child.stderr.text(), child.exited]);
    expect({ stderr, status }).toEqual({ stderr: "", status: 0 });
  });

  test("has every run where it stands, in its colour", () => {
    const line = "\x1b[1mnas\x1b[22m 日本 \x1b[7m\x1b[31m✖ down\x1b[39m now\x1b[27m";
    const shown = runsOf(line).map(({ text, column, cells }) => [text, column, cells]);
    expect(shown).toEqual([
      ["nas", 0, 3],
      [" 日本 ", 3, 6],
      ["✖ down", 9, 6],
      [" now", 15, 4],
    ]);
    expect(runsOf(line).map(({ bold, inverse, colour }) => [bold, inverse, colour])).toEqual([
      [true, false, undefined],
      [false, false, undefined],
      [false, true, "red"],
      [false, true, undefined],
    ]);
    expect(() => runsOf("\x1b[5mblinks")).toThrow("the look 5");
  });

  test("escapes what XML would take for its own", () => {
    const svg = svgOf({ title: "a < b & c", screen: "<x> & </x>", columns: 12 });
    expect(svg).toContain("<title>a &lt; b &amp; c</title>");
    expect(svg).toContain(">&lt;x&gt; &amp; &lt;/x&gt;</text>");
  });
});
