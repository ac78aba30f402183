import { describe, expect, test } from "bun:test";
import { checkCycles } from "../../../scripts/structure/cycles.ts";

/** A tree of files named a, b, …, each importing the files named in its string. */
function tree(imports: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  const text = (names: string) => [...names].map((name) => `import "./${name}.ts";\n`).join("");
  return new Map(Object.entries(imports).map(([name, names]) => [`src/${name}.ts`, text(names)]));
}

describe("checkCycles()", () => {
  test("accepts diamonds", () => {
    expect(checkCycles(tree({ a: "bc", b: "d", c: "d", d: "" }))).toEqual([]);
  });

  test("names the files of a cycle once, whoever leads into it", () => {
    const findings = checkCycles(tree({ a: "b", b: "c", c: "db", d: "" }));
    expect(findings.map(({ what }) => what)).toEqual(["is in an import cycle: src/b.ts, src/c.ts"]);
  });

  test("finds cycles apart from each other and those within each other", () => {
    const findings = checkCycles(tree({ a: "b", b: "a", c: "def", d: "c", e: "c", f: "" }));
    expect(findings.map(({ what }) => what)).toEqual([
      "is in an import cycle: src/a.ts, src/b.ts",
      "is in an import cycle: src/c.ts, src/d.ts, src/e.ts",
    ]);
  });

  test("sees cycles through types", () => {
    const files = new Map([
      ["src/a.ts", 'import type { B } from "./b.ts";\n'],
      ["src/b.ts", 'import type { A } from "./a.ts";\n'],
    ]);
    expect(checkCycles(files)).toHaveLength(1);
  });

  test("finds a file that imports itself", () => {
    expect(checkCycles(tree({ a: "a" }))).toEqual([{ path: "src/a.ts", what: "imports itself" }]);
  });
});
