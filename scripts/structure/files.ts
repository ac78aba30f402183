import { basename, dirname, join } from "node:path";
import { type Finding, importsOf, type SourceTree } from "./source.ts";

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

/**
 * Whether a test in a mirroring directory is about something that stands there: it has the name of a file or directory,
 * an aspect after it included (`session.mutations`, `failover_hang`), or it imports from the room it mirrors.
 */
function hasSubject(path: string, text: string, known: ReadonlySet<string>): boolean {
  const mirror = Object.entries(MIRRORS).find(([tests]) => path.startsWith(tests));
  if (mirror === undefined) return true;
  const [tests, sources] = mirror;
  const directory = join(sources, dirname(path.slice(tests.length)));
  const name = basename(path).replace(/\.test\.tsx?$/, "");
  const ends = [...name.matchAll(/[._-]|$/g)].map(({ index }) => index);
  return (
    ends.some((end) => known.has(join(directory, name.slice(0, end)))) ||
    importsOf(path, text).some(({ target }) => target?.startsWith(`${directory}/`))
  );
}

/** Files and directories of the sources, without the files' extensions. */
function subjects(tree: SourceTree): ReadonlySet<string> {
  const names = new Set<string>();
  for (const path of tree.keys()) {
    names.add(path.replace(/\.[a-z.]+$/, ""));
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) names.add(parts.slice(0, depth).join("/"));
  }
  return names;
}

/** Checks each file's length and name, and that a test stands where its subject does. */
export function checkFiles(tree: SourceTree): readonly Finding[] {
  const findings: Finding[] = [];
  const known = subjects(tree);
  for (const [path, text] of tree) {
    const lines = text.split("\n").length - 1;
    if (lines > MAX_LINES) findings.push({ path, what: `has ${lines} lines, over ${MAX_LINES}` });
    if (path.split("/").some((part) => EMPTY_NAME.test(part.replace(/\.[a-z.]+$/, "")))) {
      findings.push({ path, what: "is named after nothing; name it after what it holds" });
    }
    if (/\.test\.tsx?$/.test(path) && !hasSubject(path, text, known)) {
      findings.push({ path, what: "tests nothing that stands there; tests mirror the sources" });
    }
  }
  return findings;
}
