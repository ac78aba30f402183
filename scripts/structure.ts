/**
 * Checks the order of the house: who imports whom, what is loaded at start, how files are named and how long they are,
 * and that every promise made to users names its tests.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkCycles } from "./structure/cycles.ts";
import { checkEager } from "./structure/eager.ts";
import { checkFiles } from "./structure/files.ts";
import { checkPromises } from "./structure/promises.ts";
import { checkRooms } from "./structure/rooms.ts";
import type { Finding, SourceTree } from "./structure/source.ts";

/** The program, its tests, its scripts and its documentation below the project's `root`. */
export function readSourceTree(root: string): SourceTree {
  const globs = ["{src,test,scripts,bench}/**/*.{ts,tsx,sh}", "docs/*.md"];
  const paths = globs.flatMap((glob) => [...new Bun.Glob(glob).scanSync(root)]).sort();
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

export function checkStructure(tree: SourceTree): readonly Finding[] {
  return [checkRooms, checkCycles, checkEager, checkFiles, checkPromises].flatMap((check) =>
    check(tree),
  );
}

if (import.meta.main) {
  const findings = checkStructure(readSourceTree(join(import.meta.dir, "..")));
  for (const { path, what } of findings) console.error(`${path} ${what}`);
  process.exit(findings.length === 0 ? 0 : 1);
}
