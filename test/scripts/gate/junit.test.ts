import { describe, expect, test } from "bun:test";
import { readJunit } from "../../../scripts/gate/junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test" tests="4" assertions="2" failures="1" skipped="2" time="0.1">
  <testsuite name="test/a.test.ts" file="test/a.test.ts" tests="4">
    <testsuite name="a &amp; &lt;b&gt;" file="test/a.test.ts" line="2">
      <testcase name="one" classname="a &amp; &lt;b&gt;" time="0.1" file="test/a.test.ts" line="2" />
      <testcase name="two" classname="a &amp; &lt;b&gt;" time="0.1" file="test/a.test.ts" line="3">
        <failure type="AssertionError" message="expect(1)&#10;&#10;Expected: 2">AssertionError</failure>
      </testcase>
      <testcase name="three [needs &quot;root&quot;]" classname="" time="0" file="test/a.test.ts" line="4">
        <skipped />
      </testcase>
      <testcase name="four" classname="" time="0" file="test/a.test.ts" line="5">
        <skipped message="TODO" />
      </testcase>
    </testsuite>
  </testsuite>
</testsuites>`;

describe("readJunit()", () => {
  const tally = readJunit(REPORT, ["test/a.test.ts", "test/b.test.ts"]);

  test("counts passed tests", () => {
    expect(tally.passed).toBe(1);
  });

  test("names failed tests with the first line of the reason", () => {
    expect(tally.failed).toContain("test/a.test.ts: a & <b> › two (expect(1))");
  });

  test("takes a skip with a reason as skipped and one without as failed", () => {
    expect(tally.skipped).toEqual(['test/a.test.ts: three [needs "root"]']);
    expect(tally.failed).toContain("test/a.test.ts: four (left out without a reason)");
  });

  test("counts a file that the report does not know as failed", () => {
    expect(tally.failed).toContain("test/b.test.ts (did not load, crashed, or holds no test)");
    expect(tally.failed).toHaveLength(3);
  });

  test("fails every file when there is no report", () => {
    expect(readJunit("", ["test/a.test.ts"])).toEqual({
      passed: 0,
      failed: ["test/a.test.ts (did not load, crashed, or holds no test)"],
      skipped: [],
    });
  });
});
