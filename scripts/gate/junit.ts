import { resolve } from "node:path";
import type { Tally } from "./tally.ts";

/** What a title of a test that may be left out ends with; see test/needs.ts. */
const REASON = /\[needs [^\]]+\]/;

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function plainText(text: string): string {
  return text.replace(/&(#x[0-9a-f]+|#\d+|\w+);/gi, (whole, name: string) => {
    if (name.startsWith("#x")) return String.fromCodePoint(Number.parseInt(name.slice(2), 16));
    if (name.startsWith("#")) return String.fromCodePoint(Number.parseInt(name.slice(1), 10));
    return ENTITIES[name] ?? whole;
  });
}

function attribute(tag: string, name: string): string {
  return plainText(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? "");
}

/**
 * Reads the report that `bun test --reporter=junit` wrote. `files` are the test files that were to run: one that the
 * report does not mention has crashed or failed to load, and counts as failed, as does a test that was left out
 * without a reason in its title.
 */
export function readJunit(xml: string, files: readonly string[]): Tally {
  let passed = 0;
  const failed: string[] = [];
  const skipped: string[] = [];
  const reported = new Set<string>();
  for (const match of xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, tag = "", body = ""] = match;
    const file = attribute(tag, "file");
    reported.add(resolve(file));
    const group = attribute(tag, "classname");
    const title = `${file}: ${group === "" ? "" : `${group} › `}${attribute(tag, "name")}`;
    const failure = /<(?:failure|error)\b([^>]*)/.exec(body);
    if (failure !== null) {
      const reason = attribute(failure[1] ?? "", "message").split("\n")[0] ?? "";
      failed.push(reason === "" ? title : `${title} (${reason})`);
    } else if (!body.includes("<skipped")) {
      passed += 1;
    } else if (REASON.test(title)) {
      skipped.push(title);
    } else {
      failed.push(`${title} (left out without a reason)`);
    }
  }
  for (const file of files) {
    if (!reported.has(resolve(file)))
      failed.push(`${file} (did not load, crashed, or holds no test)`);
  }
  return { passed, failed, skipped };
}
