import { describe, expect, test } from "bun:test";
import { lacking } from "./needs.ts";

describe("lacking()", () => {
  test("names the programs that are not on the PATH", () => {
    expect(lacking(["sh", "no-such-program-here"])).toEqual(["no-such-program-here"]);
  });

  test("knows whether the tests run as root", () => {
    expect(lacking(["root"])).toEqual(process.getuid?.() === 0 ? [] : ["root"]);
  });
});
