import { describe, expect, test } from "bun:test";
import { constants } from "node:os";
import { ORIGIN_ERRORS } from "../../../../src/core/errors.ts";
import { check, failureOf, isOwnTrouble } from "../../../../src/core/origins/disk/failure.ts";
import * as E from "../../../../src/core/sys/errno.ts";

describe("failureOf", () => {
  test("says for every errno whose failure it is, by name", () => {
    for (const [name, errno] of Object.entries(constants.errno)) {
      const failure = failureOf("read", -errno);
      expect(Object.keys(ORIGIN_ERRORS)).toContain(failure.code);
      expect(failure.errno).toBe(errno);
      // Some errnos have two names.
      expect(failure.message).toMatch(/\(read: E[A-Z0-9]+\)$/);
      expect(name).toStartWith("E");
    }
  });

  test("counts a lost server or disk against the origin, and a lost file not", () => {
    const scope = (errno: number) => ORIGIN_ERRORS[failureOf("read", errno).code].scope;
    for (const errno of [
      E.ESTALE,
      E.ENOTCONN,
      E.EHOSTDOWN,
      E.ETIMEDOUT,
      E.ENODEV,
      E.ECONNABORTED,
    ]) {
      expect(scope(errno)).toBe("origin");
    }
    for (const errno of [E.ENOENT, E.EACCES, E.EIO, E.ELOOP, E.EXDEV, E.EMFILE, E.ENOMEM]) {
      expect(scope(errno)).toBe("object");
    }
  });

  test("knows what is our own trouble", () => {
    expect([E.EMFILE, E.ENFILE, E.ENOMEM].every(isOwnTrouble)).toBeTrue();
    expect([0, E.EIO, E.ENODEV].some(isOwnTrouble)).toBeFalse();
  });
});

describe("check", () => {
  test("passes good answers on and throws for others", () => {
    expect(check("read", 0)).toBe(0);
    expect(check("read", 17)).toBe(17);
    expect(() => check("read", -E.EIO)).toThrow("EIO");
  });
});
