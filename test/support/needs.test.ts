import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lacking } from "./needs.ts";

describe("lacking()", () => {
  test("names the programs that are not on the PATH", () => {
    expect(lacking(["sh", "no-such-program-here"])).toEqual(["no-such-program-here"]);
  });

  test("knows whether the tests run as root", () => {
    expect(lacking(["root"])).toEqual(process.getuid?.() === 0 ? [] : ["root"]);
  });
});

describe("needing()", () => {
  /** What the test runner says of a file with `body`, which has `needing` at hand. */
  function runTests(body: string): string {
    const root = mkdtempSync(join(tmpdir(), "musicfs-needs-"));
    try {
      const file = join(root, "case.test.ts");
      const module = JSON.stringify(join(import.meta.dir, "needs.ts"));
      writeFileSync(
        file,
        `import { beforeAll } from "bun:test";\nimport { needing } from ${module};\n${body}\n`,
      );
      return Bun.spawnSync([process.execPath, "test", file], { cwd: root }).stderr.toString();
    } finally {
      rmSync(root, { recursive: true });
    }
  }

  test("skips with the reason in every title, rows and hooks included", () => {
    const said = runTests(`
      const { test, describe } = needing("sh", "absent-program");
      const fail = () => { throw new Error("ran"); };
      test("one", fail);
      test.each([1, 2])("row %d", fail);
      describe("group", () => { beforeAll(fail); test("two", fail); });
    `);
    expect(said).toContain("(skip) one [needs absent-program]");
    expect(said).toContain("(skip) row 1 [needs absent-program]");
    expect(said).toContain("(skip) row 2 [needs absent-program]");
    expect(said).toContain("(skip) group [needs absent-program] > two [needs absent-program]");
    expect(said).toContain(" 0 pass\n");
    expect(said).toContain("\n 0 fail\n");
  });

  test("runs what the machine can", () => {
    expect(runTests('needing("sh").test("one", () => undefined);')).toContain("(pass) one");
  });
});
