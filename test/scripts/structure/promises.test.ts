import { describe, expect, test } from "bun:test";
import { checkPromises } from "../../../scripts/structure/promises.ts";

const TESTS = `
test("reads on", () => {});
test.each(WAYS)(
  'ends by %s with "status 0"',
  () => {},
);
test(\`leaves out a link that \${what}\`, () => {});
const other = "no title";
`;

function findings(page: string): readonly string[] {
  const tree = new Map([
    ["docs/semantics.md", page],
    ["test/e2e/a.test.ts", TESTS],
  ]);
  return checkPromises(tree).map(({ what }) => what);
}

describe("checkPromises()", () => {
  test("accepts promises whose tests are there, however the lines are broken", () => {
    expect(
      findings(`# Page

Words.

- A file. [a](../test/e2e/a.test.ts): *reads
  on*, *ends by … with "status 0"*
- Two. [a](../test/e2e/a.test.ts): *leaves out a link that …*; [a](../test/e2e/a.test.ts): *reads on*

More words.
`),
    ).toEqual([]);
  });

  test("finds a title that is not there, or is no title", () => {
    expect(
      findings("- A file. [a](../test/e2e/a.test.ts): *reads on*, *reads*, *no title*\n"),
    ).toEqual([
      'names "reads", which test/e2e/a.test.ts has not',
      'names "no title", which test/e2e/a.test.ts has not',
    ]);
  });

  test("finds a file that is not there", () => {
    expect(findings("- A file. [b](../test/e2e/b.test.ts): *reads on*\n")).toEqual([
      "names test/e2e/b.test.ts, which is not there",
    ]);
  });

  test("finds a promise without a test, and takes no test from the text behind the list", () => {
    const said = findings("- A file.\n\nWords. [a](../test/e2e/a.test.ts): *reads on*\n");
    expect(said).toEqual(["names no test for: - A file."]);
  });
});
