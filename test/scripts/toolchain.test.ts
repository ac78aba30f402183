import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toolchainDifference } from "../../scripts/toolchain.ts";

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-toolchain-"));
  const packages = {
    "": { name: "project" },
    "node_modules/a": { version: "1.0.0" },
    "node_modules/a/node_modules/b": { version: "2.0.0" },
    "node_modules/other-processor": { version: "3.0.0", optional: true },
  };
  writeFileSync(join(root, "package-lock.json"), JSON.stringify({ packages }));
  install("node_modules/a", "1.0.0");
  install("node_modules/a/node_modules/b", "2.0.0");
});
afterEach(() => rmSync(root, { recursive: true }));

function install(path: string, version: string): void {
  mkdirSync(join(root, path), { recursive: true });
  writeFileSync(join(root, path, "package.json"), JSON.stringify({ version }));
}

describe("toolchainDifference()", () => {
  test("is undefined when the lockfile's packages are there, optional ones aside", () => {
    expect(toolchainDifference(root)).toBeUndefined();
  });

  test("names a missing package", () => {
    rmSync(join(root, "node_modules/a/node_modules"), { recursive: true });
    expect(toolchainDifference(root)).toBe("node_modules/a/node_modules/b is missing");
  });

  test("names a package of another version, optional or not", () => {
    install("node_modules/other-processor", "3.0.1");
    expect(toolchainDifference(root)).toBe(
      "node_modules/other-processor is 3.0.1, and package-lock.json pins 3.0.0",
    );
  });
});

describe("package-lock.json", () => {
  test("holds every package that one of its packages depends on, for every processor", async () => {
    const file = Bun.file(join(import.meta.dir, "../../package-lock.json"));
    const { packages } = (await file.json()) as { packages: Record<string, LockedPackage> };
    const missing = Object.entries(packages).flatMap(
      ([path, { dependencies, optionalDependencies }]) =>
        Object.keys({ ...dependencies, ...optionalDependencies })
          .filter((name) => !candidates(path, name).some((place) => packages[place]?.version))
          .map((name) => `${path} needs ${name}`),
    );
    expect(Object.keys(packages).length).toBeGreaterThan(10);
    expect(missing).toEqual([]);
  });
});

interface LockedPackage {
  readonly version?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where a package at `path` finds `name`: beside its own dependencies, then further out. */
function candidates(path: string, name: string): readonly string[] {
  const places = [join(path, "node_modules", name)];
  for (
    let at = path.lastIndexOf("/node_modules/");
    at >= 0;
    at = path.lastIndexOf("/node_modules/", at - 1)
  ) {
    places.push(join(path.slice(0, at), "node_modules", name));
  }
  return [...places, join("node_modules", name)];
}
