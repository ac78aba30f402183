import { describe, expect, test } from "bun:test";
import { importsOf, packageOf } from "../../../scripts/structure/source.ts";

const TEXT = `import { a } from "./a.ts";
import type { B } from "../b.ts";
import {
  type C,
  c,
} from "commander";
import "./effect.ts";
export type { D } from "./d.ts";
export * from "./e.ts";
export const used = [a, c];
export const later = () => import("./later.ts");
export type F = import("./f.ts").F;
const text = \`
 import { x } from "./not-an-import.ts";
\`;
`;

describe("importsOf()", () => {
  const imports = importsOf("src/core/vfs/x.ts", TEXT);

  test("sees every import and re-export, those of types included", () => {
    expect(imports.map(({ specifier }) => specifier).sort()).toEqual([
      "../b.ts",
      "./a.ts",
      "./d.ts",
      "./e.ts",
      "./effect.ts",
      "./f.ts",
      "./later.ts",
      "commander",
    ]);
  });

  test("resolves relative specifiers to files of the tree", () => {
    const target = (specifier: string) =>
      imports.find((found) => found.specifier === specifier)?.target;
    expect(target("../b.ts")).toBe("src/core/b.ts");
    expect(target("./a.ts")).toBe("src/core/vfs/a.ts");
    expect(target("commander")).toBeUndefined();
  });

  test("knows what is loaded together with the file", () => {
    const eager = imports.filter((found) => found.eager).map(({ specifier }) => specifier);
    expect(eager.sort()).toEqual(["./a.ts", "./e.ts", "./effect.ts", "commander"]);
  });

  test("takes nothing from JSX that the file does not write", () => {
    expect(importsOf("src/tui/x.tsx", "export const X = () => <div />;")).toEqual([]);
  });
});

describe("packageOf()", () => {
  test.each([
    ["commander", "commander"],
    ["@aws-sdk/client-s3/dist/x.js", "@aws-sdk/client-s3"],
    ["node:fs/promises", "node:fs/promises"],
    ["bun:ffi", "bun:ffi"],
    ["react/jsx-runtime", "react"],
  ])("%s belongs to %s", (specifier, name) => {
    expect(packageOf(specifier)).toBe(name);
  });
});
