import { describe, expect, test } from "bun:test";
import { OriginError, OwnError } from "../../../src/core/errors.ts";
import { errorFromData, errorToData } from "../../../src/core/threads/error_data.ts";

function across(error: unknown): Error {
  return errorFromData(structuredClone(errorToData(error)));
}

describe("error data", () => {
  test("keeps class, fields, message and causes", () => {
    const bug = new TypeError("x is not a function");
    const origin = new OriginError("timeout", "nas", "a/b", "no answer", { cause: bug });
    const own = across(new OwnError("catalog", "cannot write", { cause: origin }));
    expect(own).toBeInstanceOf(OwnError);
    expect(own).toMatchObject({ code: "catalog", scope: "us", retryable: false });
    expect(own.message).toBe("cannot write");
    const cause = own.cause;
    expect(cause).toBeInstanceOf(OriginError);
    expect(cause).toMatchObject({ code: "timeout", originId: "nas", path: "a/b", retryable: true });
    expect((cause as Error).message).toBe(origin.message);
    expect((cause as Error).stack).toBe(origin.stack ?? "");
    expect((cause as Error).cause).toMatchObject({ message: "x is not a function" });
  });

  test("makes an error of anything, and ends chains that do not", () => {
    expect(across("just text").message).toBe("just text");
    const loop = new Error("loop");
    loop.cause = loop;
    let depth = 0;
    for (let at: unknown = across(loop); at instanceof Error; at = at.cause) depth++;
    expect(depth).toBe(9);
  });
});
