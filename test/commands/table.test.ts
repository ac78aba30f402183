import { describe, expect, test } from "bun:test";
import { table } from "../../src/commands/table.ts";

describe("table()", () => {
  test("aligns by what a terminal shows, numbers to the right, without trailing spaces", () => {
    const rows = [
      ["音楽", { text: "7", right: true }, "x"],
      ["nas", { text: "100", right: true }, ""],
    ];
    expect(table(["ID", "PRIO", "WHY"], rows, false)).toBe(
      "ID    PRIO  WHY\n音楽     7  x\nnas    100",
    );
  });

  test("colours cells without moving them, only when asked", () => {
    const rows = [[{ text: "ok", colour: "green" as const }, "z"]];
    expect(table(["STATE", "W"], rows, true)).toBe(
      "\u001b[2mSTATE\u001b[0m  \u001b[2mW\u001b[0m\n\u001b[32mok\u001b[0m     z",
    );
    expect(table(["STATE", "W"], rows, false)).not.toContain("\u001b");
  });

  test("lets no cell drive the terminal", () => {
    expect(table(["A"], [["\u001b[2J\n"]], true)).not.toContain("\u001b[2J");
    expect(table(["A"], [["a\nb"]], false)).toBe("A\na\\x0ab");
  });
});
