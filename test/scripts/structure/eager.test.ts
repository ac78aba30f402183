import { describe, expect, test } from "bun:test";
import { checkEager } from "../../../scripts/structure/eager.ts";

const COMMAND = 'import { x } from "../core/a.ts";\nexport const command = x;\n';
const CORE = 'import { parse } from "smol-toml";\nexport const x = parse;\n';

describe("checkEager()", () => {
  test("finds a package that main loads through other files", () => {
    const tree = new Map([
      ["src/main.ts", 'import { command } from "./commands/a.ts";\ncommand();\n'],
      ["src/commands/a.ts", COMMAND],
      ["src/core/a.ts", CORE],
    ]);
    expect(checkEager(tree)).toEqual([
      {
        path: "src/core/a.ts",
        what: "loads smol-toml whenever src/main.ts starts; import() it where it is used",
      },
    ]);
  });

  test("accepts a package behind import(), and commander in main", () => {
    const tree = new Map([
      [
        "src/main.ts",
        'import { Command } from "commander";\nnew Command().action(() => import("./commands/a.ts"));\n',
      ],
      ["src/commands/a.ts", COMMAND],
      ["src/core/a.ts", CORE],
    ]);
    expect(checkEager(tree)).toEqual([]);
  });

  test("lets threads load nothing but what the runtime brings", () => {
    const worker = "src/core/threads/x.worker.ts";
    const tree = new Map([
      [worker, 'import { readSync } from "node:fs";\nimport { x } from "../a.ts";\nreadSync(x);\n'],
      ["src/core/a.ts", CORE],
    ]);
    expect(checkEager(tree).map(({ path }) => path)).toEqual(["src/core/a.ts"]);
  });
});
