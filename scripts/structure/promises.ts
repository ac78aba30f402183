/**
 * What docs/semantics.md promises, against the tests that it names. Each promise is an item of a list:
 *
 *     - A sentence, or several. [file](../test/a/file.test.ts): *a title*, *another*; [next](…): *…*
 *
 * `…` in a title stands for what the test's own title has filled in.
 */
import { join } from "node:path";
import type { Finding, SourceTree } from "./source.ts";

const PAGE = "docs/semantics.md";

/** A link to a test's file with the titles behind it, as one line of text. */
const PROOF = /\[[^\]]+\]\((\.\.\/test\/[^)]+)\): (\*[^*]+\*(?:, \*[^*]+\*)*)/g;

/** The items of all lists, each as one line. */
function promisesOf(page: string): readonly string[] {
  const items = page.split(/^(?=- )/m).filter((item) => item.startsWith("- "));
  return items.map((item) => (item.split(/\n(?! )/)[0] ?? "").replaceAll(/\s+/g, " "));
}

/** Whether a title stands in the source as the first argument of a call. */
function hasTitle(source: string, title: string): boolean {
  const parts = title.split("…").map((part) => RegExp.escape(part));
  const filledIn = "(?:\\$\\{[^}]*\\}|%[sdp])";
  return new RegExp(`\\(\\s*(["'\`])${parts.join(filledIn)}\\1`).test(source);
}

/** Checks that every promise names a test, and that every test named is there. */
export function checkPromises(tree: SourceTree): readonly Finding[] {
  return promisesOf(tree.get(PAGE) ?? "").flatMap((promise) => {
    const proofs = [...promise.matchAll(PROOF)];
    if (proofs.length === 0) return [{ path: PAGE, what: `names no test for: ${promise}` }];
    return proofs.flatMap(([, link = "", titles = ""]) => {
      const path = join("docs", link);
      const source = tree.get(path);
      if (source === undefined) return [{ path: PAGE, what: `names ${path}, which is not there` }];
      return [...titles.matchAll(/\*([^*]+)\*/g)]
        .filter(([, title = ""]) => !hasTitle(source, title))
        .map(([, title]) => ({ path: PAGE, what: `names "${title}", which ${path} has not` }));
    });
  });
}
