import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { formatLicenses, packageDirectories, packageLicenses } from "../../scripts/licenses.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-licenses-"));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A package with these manifest fields and files; returns its directory. */
function addPackage(manifest: object, files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(root, "package-"));
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), JSON.stringify({ version: "1.0.0", ...manifest }));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  return directory;
}

describe("packageDirectories()", () => {
  test("finds the innermost package of every file of a bundle", () => {
    expect(
      packageDirectories([
        "src/main.ts",
        "node_modules/commander/lib/a.js",
        "node_modules/commander/lib/b.js",
        "node_modules/@aws-sdk/client-s3/dist/x.js",
        "node_modules/ink/node_modules/chalk/index.js",
      ]),
    ).toEqual([
      "node_modules/@aws-sdk/client-s3",
      "node_modules/commander",
      "node_modules/ink/node_modules/chalk",
    ]);
  });
});

describe("packageLicenses()", () => {
  test("takes every licence and notice of the package", () => {
    const files = { "LICENSE.md": "the licence\n", NOTICE: "the notice\n", "index.js": "code" };
    const directory = addPackage({ name: "a", license: "MIT" }, files);
    expect(packageLicenses([directory])).toEqual([
      { name: "a", version: "1.0.0", license: "MIT", text: "the licence\n\nthe notice" },
    ]);
  });

  test("reads the older form of naming a licence", () => {
    const licenses = [{ type: "MIT" }, { type: "ISC" }];
    const directory = addPackage({ name: "a", licenses }, { LICENCE: "text" });
    expect(packageLicenses([directory])[0]?.license).toBe("MIT OR ISC");
  });

  test("takes the text of a package from the same repository under the same licence", () => {
    const repository = { url: "https://example.org/many.git" };
    const directories = [
      addPackage({ name: "a", license: "Apache-2.0", repository }),
      addPackage({ name: "b", license: "MIT", repository }, { LICENSE: "MIT text" }),
      addPackage({ name: "c", license: "Apache-2.0", repository }, { LICENSE: "Apache text" }),
    ];
    expect(packageLicenses(directories)[0]?.text).toBe("Apache text");
  });

  test("throws for a package without a text", () => {
    const other = addPackage({ name: "b", license: "MIT" }, { LICENSE: "MIT text" });
    const directory = addPackage({ name: "a", license: "MIT" });
    expect(() => packageLicenses([directory, other])).toThrow("a 1.0.0 (MIT) comes without");
  });

  test("throws for a package that names no licence", () => {
    const directory = addPackage({ name: "a" }, { LICENSE: "text" });
    expect(() => packageLicenses([directory])).toThrow("a 1.0.0 does not say its licence");
  });
});

describe("formatLicenses()", () => {
  test("prints a text once, under all the packages that share it", () => {
    const shared = { version: "1.0.0", license: "MIT", text: "shared text" };
    const text = formatLicenses("of Bun", [
      { ...shared, name: "a" },
      { ...shared, name: "b", text: "own text" },
      { ...shared, name: "c" },
    ]);
    expect(text).toContain("of Bun");
    expect(text).toContain("a 1.0.0 (MIT)\nc 1.0.0 (MIT)\n");
    expect(text.split("shared text")).toHaveLength(2);
    expect(text).toContain("own text");
  });
});
