import { type Finding, importsOf, type SourceTree } from "./source.ts";

/**
 * Finds import cycles, those through types included: Tarjan's strongly connected components (SIAM J. Comput. 1, 1972),
 * one finding for each component of several files.
 */
export function checkCycles(tree: SourceTree): readonly Finding[] {
  const index = new Map<string, number>();
  const stack: string[] = [];
  const findings: Finding[] = [];

  const visit = (path: string): number => {
    const number = index.size;
    index.set(path, number);
    stack.push(path);
    let lowest = number;
    for (const { target } of importsOf(path, tree.get(path) ?? "")) {
      if (target === undefined || !tree.has(target)) continue;
      const known = index.get(target);
      if (known === undefined) lowest = Math.min(lowest, visit(target));
      else if (stack.includes(target)) lowest = Math.min(lowest, known);
      if (target === path) findings.push({ path, what: "imports itself" });
    }
    if (lowest === number) {
      const component = stack.splice(stack.indexOf(path));
      if (component.length > 1) {
        findings.push({ path, what: `is in an import cycle: ${component.sort().join(", ")}` });
      }
    }
    return lowest;
  };

  for (const path of tree.keys()) if (!index.has(path)) visit(path);
  return findings;
}
