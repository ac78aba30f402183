import { describe, expect, test } from "bun:test";
import { getName, getU64, getXattrName, putU64, TOO_LARGE } from "../../../src/core/fuse/wire.ts";
import { EINVAL } from "../../../src/core/sys/errno.ts";

const view = new DataView(new ArrayBuffer(8));

describe("64-bit numbers", () => {
  test.each([0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER])(
    "%d goes there and back",
    (n) => {
      putU64(view, 0, n);
      expect(view.getBigUint64(0, true)).toBe(BigInt(n));
      expect(getU64(view, 0)).toBe(n);
    },
  );

  test.each([-1, -2, -0x1_0000_0001])("%d is written in two's complement", (n) => {
    putU64(view, 0, n);
    expect(view.getBigInt64(0, true)).toBe(BigInt(n));
  });

  test.each([2n ** 53n, 2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n])("%d is too large", (n) => {
    view.setBigUint64(0, n, true);
    expect(getU64(view, 0)).toBe(TOO_LARGE);
  });
});

describe("names", () => {
  test("end at a NUL before the end of the request, not behind it", () => {
    const bytes = Buffer.from("xabc\0");
    expect(getName(bytes, 1, 5)).toEqual(bytes.subarray(1, 4));
    expect(getName(bytes, 1, 4)).toBe(-EINVAL);
    expect(getXattrName(bytes, 1, 4)).toBe(-EINVAL);
  });

  test("... is one, . and .. are none", () => {
    expect(getName(Buffer.from("...\0"), 0, 4)).toEqual(Buffer.from("..."));
    expect(getName(Buffer.from(".a\0"), 0, 3)).toEqual(Buffer.from(".a"));
    expect(getName(Buffer.from("..\0"), 0, 3)).toBe(-EINVAL);
  });

  test("of extended attributes may hold slashes", () => {
    const bytes = Buffer.from("user.a/b\0");
    expect(getXattrName(bytes, 0, bytes.length)).toEqual(bytes.subarray(0, 8));
    expect(getXattrName(Buffer.concat([Buffer.alloc(256, "n"), Buffer.alloc(1)]), 0, 257)).toBe(
      -EINVAL,
    );
  });
});
