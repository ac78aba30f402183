import { describe, expect, test } from "bun:test";
import { platformProblem, thisPlatform } from "../../src/commands/platform.ts";

describe("platformProblem()", () => {
  const glibc = "7f00 r-xp 0 08:01 1 /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2\n";

  test("has nothing against Linux with glibc on x64 and arm64", () => {
    for (const cpu of ["x64", "arm64"]) {
      expect(platformProblem({ os: "linux", cpu, maps: glibc })).toBeUndefined();
    }
    expect(platformProblem(thisPlatform())).toBeUndefined();
  });

  test("says plainly where it does not run", () => {
    const where = "it runs on Linux with glibc, on x64 and arm64";
    expect(platformProblem({ os: "darwin", cpu: "arm64", maps: "" })).toBe(
      `musicfs does not run on darwin: ${where}`,
    );
    expect(platformProblem({ os: "win32", cpu: "x64", maps: "" })).toBe(
      `musicfs does not run on win32: ${where}`,
    );
    expect(platformProblem({ os: "linux", cpu: "riscv64", maps: glibc })).toBe(
      `musicfs does not run on riscv64 processors: ${where}`,
    );
    const musl = "7f00 r-xp 0 08:01 1 /lib/ld-musl-x86_64.so.1\n";
    expect(platformProblem({ os: "linux", cpu: "x64", maps: musl })).toBe(
      `musicfs does not run with musl (Alpine and the like): ${where}; a Debian container does`,
    );
  });
});
