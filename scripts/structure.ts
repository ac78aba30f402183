/** Checks the order of the house: who imports whom, what is loaded at start, how files are named and how long they are. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkCycles } from "./structure/cycles.ts";
import { checkEager } from "./structure/eager.ts";
import { checkFiles } from "./structure/files.ts";
import { checkRooms } from "./structure/rooms.ts";
import type { Finding, SourceTree } from "./structure/source.ts";

/** The program, its tests and its scripts below the project's `root`. */
export function readSourceTree(root: string): SourceTree {
  const glob = new Bun.Glob("{src,test,scripts,bench}/**/*.{ts,tsx,sh}");
  const paths = [...glob.scanSync(root)].sort();
  return new Map(paths.map((path) => [path, readFileSync(join(root, path), "utf8")]));
}

export function checkStructure(tree: SourceTree): readonly Finding[] {
  return [checkRooms, checkCycles, checkEager, checkFiles].flatMap((check) => check(tree));
}

if (import.meta.main) {
  const findings = checkStructure(readSourceTree(join(import.meta.dir, "..")));
  for (const { path, what } of findings) console.error(`${path} ${what}`);
  process.exit(findings.length === 0 ? 0 : 1);
}
