/** What is loaded at start: `musicfs --help` and the threads of a mount pay for every package, in time and memory. */
import { type Finding, importsOf, packageOf, type SourceTree } from "./source.ts";

/** Entry points, and the packages each may load with itself; others wait behind `import()` until they are needed. */
const ENTRY_POINTS: readonly { readonly entry: RegExp; readonly packages: readonly string[] }[] = [
  { entry: /^src\/main\.ts$/, packages: ["commander"] },
  { entry: /^src\/core\/threads\/[^/]+\.worker\.ts$/, packages: [] },
];

function isBuiltIn(name: string): boolean {
  return name === "bun" || /^(?:node|bun):/.test(name);
}

/** Packages loaded together with `entry`, each with the file that imports it. */
function eagerPackages(tree: SourceTree, entry: string): ReadonlyMap<string, string> {
  const seen = new Set([entry]);
  const packages = new Map<string, string>();
  // A Set is walked in the order of insertion, additions during the walk included.
  for (const path of seen) {
    for (const { specifier, target, eager } of importsOf(path, tree.get(path) ?? "")) {
      if (!eager) continue;
      if (target !== undefined) seen.add(target);
      else packages.set(packageOf(specifier), path);
    }
  }
  return packages;
}

export function checkEager(tree: SourceTree): readonly Finding[] {
  return [...tree.keys()].flatMap((entry) => {
    const point = ENTRY_POINTS.find((candidate) => candidate.entry.test(entry));
    if (point === undefined) return [];
    return [...eagerPackages(tree, entry)]
      .filter(([name]) => !isBuiltIn(name) && !point.packages.includes(name))
      .map(([name, path]) => ({
        path,
        what: `loads ${name} whenever ${entry} starts; import() it where it is used`,
      }));
  });
}
