import { describe, expect, test } from "bun:test";
import {
  ORIGIN_ERRORS,
  OriginError,
  type OriginErrorCode,
  OwnError,
} from "../../../src/core/errors.ts";
import { EINTR, EIO } from "../../../src/core/sys/errno.ts";
import { toErrno } from "../../../src/core/vfs/errno.ts";

describe("toErrno", () => {
  test("NFR-7.2 makes every failure of an origin or its file EIO: read(2) of an open file knows no other", () => {
    for (const code of Object.keys(ORIGIN_ERRORS) as OriginErrorCode[]) {
      expect(toErrno(new OriginError(code, "a", "x", "failed"))).toBe(EIO);
    }
    expect(toErrno(new Error("a bug"))).toBe(EIO);
  });

  test("makes a read that was given up EINTR", () => {
    expect(toErrno(new OwnError("cancelled", "cancelled"))).toBe(EINTR);
  });
});
