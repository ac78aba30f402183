import { describe, expect, test } from "bun:test";
import { constants } from "node:fs";
import { ARCHITECTURES, arch, O_CLOEXEC, O_NONBLOCK, O_TRUNC } from "../../../src/core/sys/arch.ts";

describe("arch", () => {
  // asm-generic/fcntl.h (x86 has none of its own) and arch/arm64/include/uapi/asm/fcntl.h.
  test.each([
    ["x64", { O_DIRECT: 0x4000, O_LARGEFILE: 0x8000, O_DIRECTORY: 0x10000, O_NOFOLLOW: 0x20000 }],
    ["arm64", { O_DIRECTORY: 0x4000, O_NOFOLLOW: 0x8000, O_DIRECT: 0x10000, O_LARGEFILE: 0x20000 }],
  ])("%s has its own flags of open(2)", (name, flags) => {
    expect(ARCHITECTURES[name]).toEqual({ ...flags, SYS_openat2: 437 });
  });

  test("agrees with the running machine", () => {
    expect(arch.O_DIRECTORY).toBe(constants.O_DIRECTORY);
    expect(arch.O_NOFOLLOW).toBe(constants.O_NOFOLLOW);
    expect(arch.O_DIRECT).toBe(constants.O_DIRECT);
    expect(O_TRUNC).toBe(constants.O_TRUNC);
    expect(O_NONBLOCK).toBe(constants.O_NONBLOCK);
    expect(O_CLOEXEC).toBe(0o2000000);
  });
});
