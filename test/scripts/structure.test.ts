import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { checkStructure, readSourceTree } from "../../scripts/structure.ts";

describe("checkStructure()", () => {
  test("reports what every single check finds", () => {
    const tree = new Map([
      ["src/main.ts", 'import { x } from "./core/vfs/utils.ts";\nx();\n'],
      ["src/core/vfs/utils.ts", 'import "../mount/a.ts";\nimport "valibot";\n'],
      ["src/core/mount/a.ts", 'import "../vfs/utils.ts";\n'],
    ]);
    const reasons = checkStructure(tree).map(({ what }) => what);
    expect(reasons).toEqual([
      expect.stringContaining("does not import from mount"),
      expect.stringContaining("import cycle"),
      expect.stringContaining("loads valibot"),
      expect.stringContaining("named after nothing"),
    ]);
  });
});

describe("readSourceTree()", () => {
  test("reads the sources of the program, its tests, its scripts and its documentation", () => {
    const tree = readSourceTree(join(import.meta.dir, "../.."));
    expect(tree.get("src/core/errors.ts")).toContain("MusicFsError");
    expect(tree.has("scripts/structure.ts")).toBe(true);
    expect(tree.get("docs/semantics.md")).toContain("# What you may rely on");
    expect(tree.has("test/scripts/structure.test.ts")).toBe(true);
    expect([...tree.keys()].filter((path) => path.includes("node_modules"))).toEqual([]);
  });
});
