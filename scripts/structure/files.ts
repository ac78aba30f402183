import { dirname, join } from "node:path";
import type { Finding, SourceTree } from "./source.ts";

/** Longer files hold more than one concept. */
const MAX_LINES = 400;

/** Names that say nothing of what the file holds. (A mount helper is what mount(8) calls.) */
const EMPTY_NAME = /(?:^|[-_.])(?:utils?|helpers|managers?)(?:[-_.]|$)|^helper$/i;

/** Test directories that mirror a directory of the sources. */
const MIRRORS: Readonly<Record<string, string>> = {
  "test/core/": "src/core/",
  "test/commands/": "src/commands/",
  "test/tui/": "src/tui/",
  "test/scripts/": "scripts/",
};

/** The directory of the sources that a test's own directory mirrors; undefined for tests that mirror none. */
function mirroredDirectory(path: string): string | undefined {
  const mirror = Object.entries(MIRRORS).find(([tests]) => path.startsWith(tests));
  if (mirror === undefined) return undefined;
  const [tests, sources] = mirror;
  return join(sources, dirname(path.slice(tests.length)));
}

/** Whether a directory of this path holds a source file, or a file of this path without its extension stands there. */
function hasSubject(directory: string, tree: SourceTree): boolean {
  return [...tree.keys()].some(
    (path) => path.startsWith(`${directory}/`) || path.replace(/\.tsx?$/, "") === directory,
  );
}

/** Checks each file's length and name, and that a test stands where what it tests does. */
export function checkFiles(tree: SourceTree): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, text] of tree) {
    const lines = text.split("\n").length - 1;
    if (lines > MAX_LINES) findings.push({ path, what: `has ${lines} lines, over ${MAX_LINES}` });
    if (path.split("/").some((part) => EMPTY_NAME.test(part.replace(/\.[a-z.]+$/, "")))) {
      findings.push({ path, what: "is named after nothing; name it after what it holds" });
    }
    const mirrored = /\.test\.tsx?$/.test(path) ? mirroredDirectory(path) : undefined;
    if (mirrored !== undefined && !hasSubject(mirrored, tree)) {
      findings.push({ path, what: `mirrors ${mirrored}, which does not exist` });
    }
  }
  return findings;
}
