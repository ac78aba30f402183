/** Kernel, fusermount3 and limits. */

import { describe, expect, test } from "bun:test";
import type { Finding } from "../../../src/core/doctor/finding.ts";
import { checkFuse } from "../../../src/core/doctor/fuse_check.ts";
import { checkFusermount } from "../../../src/core/doctor/fusermount_check.ts";
import { checkLimits } from "../../../src/core/doctor/limits_check.ts";
import { EACCES, ENOENT } from "../../../src/core/sys/errno.ts";
import { config, LOCAL, machine, USER } from "./made_up_machine.ts";

const ROOT = 0;

/** Exactly one finding, with a remedy. */
export function only(findings: readonly Finding[], status: string, said: string, remedy: string) {
  expect(findings).toMatchObject([
    { status, message: expect.stringContaining(said), remedy: expect.stringContaining(remedy) },
  ]);
}

describe("checkFuse()", () => {
  test("is content with a device that opens, for root and others", () => {
    for (const uid of [ROOT, USER]) {
      expect(checkFuse(machine(), uid)).toEqual([
        { check: "fuse", status: "ok", message: "/dev/fuse can be opened, by Linux 6.18.1" },
      ]);
    }
  });

  test("tells a missing device from a forbidden one", () => {
    only(
      checkFuse(machine({ tryDevice: () => -ENOENT }), USER),
      "problem",
      "modprobe fuse",
      "ls -l",
    );
    only(checkFuse(machine({ tryDevice: () => -EACCES }), USER), "problem", "EACCES", "ls -l");
  });

  test.each([
    ["4.19.0-amd64", "problem"],
    ["5.3.9", "problem"],
    ["5.4.0", "ok"],
    ["10.0.1", "ok"],
    ["unheard of", "ok"],
  ] as const)("Linux %s is a %s", (release, status) => {
    const sick = machine({ texts: { "/proc/sys/kernel/osrelease": release } });
    expect(checkFuse(sick, USER)).toMatchObject([{ status }]);
  });

  test("a root without CAP_SYS_ADMIN is told how to get it; others need none", () => {
    const status = "CapEff:\t00000000a80425fb\n";
    const contained = machine({ texts: { "/proc/self/status": status } });
    only(checkFuse(contained, ROOT), "problem", "CAP_SYS_ADMIN", "--cap-add SYS_ADMIN");
    expect(checkFuse(contained, USER)).toMatchObject([{ status: "ok" }]);
  });
});

describe("checkFusermount()", () => {
  const plain = config({});

  test("is content with a setuid one; root needs none", () => {
    expect(checkFusermount(machine(), USER, plain)).toMatchObject([{ status: "ok" }]);
    const none = machine({ fusermount: () => undefined });
    expect(checkFusermount(none, ROOT, plain)).toMatchObject([{ status: "ok" }]);
  });

  test("misses one that is not installed", () => {
    const none = machine({ fusermount: () => undefined });
    only(checkFusermount(none, USER, undefined), "problem", "not installed", "apt install fuse3");
  });

  test.each([
    ["not setuid", 0, 0o100755],
    ["not root's", USER, 0o104755],
  ])("one that is %s may not mount", (_, uid, mode) => {
    const state = () => ({ isDirectory: false, uid, mode, mtimeMs: 0 });
    only(
      checkFusermount(machine({ state }), USER, plain),
      "problem",
      "not setuid root",
      "reinstall",
    );
  });

  test("a process that may not gain privileges is told so", () => {
    const bound = machine({ texts: { "/proc/self/status": "NoNewPrivs:\t1\n" } });
    only(checkFusermount(bound, USER, plain), "problem", "gain privileges", "NoNewPrivileges=");
  });

  test("allow_other needs a line in /etc/fuse.conf, which a comment is not", () => {
    const others = config({ mount: { allow_other: true } });
    for (const text of ["#user_allow_other\n", undefined]) {
      const strict = machine({ texts: { "/etc/fuse.conf": text } });
      only(checkFusermount(strict, USER, others), "problem", "allow_other", "user_allow_other");
      expect(checkFusermount(strict, USER, plain)).toMatchObject([{ status: "ok" }]);
    }
    expect(checkFusermount(machine(), USER, others)).toMatchObject([{ status: "ok" }]);
  });
});

describe("checkLimits()", () => {
  const watched = config({ origins: [LOCAL] });

  test("is content with plenty, and with no limit", () => {
    expect(checkLimits(machine(), watched, { directories: 1000 })).toMatchObject([
      { status: "ok" },
    ]);
    const limits = "Max open files            unlimited            unlimited            files\n";
    const free = machine({ texts: { "/proc/self/limits": limits } });
    expect(checkLimits(free, watched, undefined)).toMatchObject([{ status: "ok" }]);
  });

  test("warns of few descriptors", () => {
    const limits = "Max open files            1024                 4096                 files\n";
    const tight = machine({ texts: { "/proc/self/limits": limits } });
    only(checkLimits(tight, undefined, undefined), "warning", "only 1024 files", "LimitNOFILE=");
  });

  test("warns where more directories are known than can be watched, unless none is watched", () => {
    const few = machine({ texts: { "/proc/sys/fs/inotify/max_user_watches": "8192\n" } });
    const known = { directories: 10_000 };
    only(
      checkLimits(few, watched, known),
      "warning",
      "10000 directories",
      "max_user_watches=20000",
    );
    const polled = config({ origins: [{ ...LOCAL, watch: false }] });
    expect(checkLimits(few, polled, known)).toMatchObject([{ status: "ok" }]);
    expect(checkLimits(few, watched, { directories: 8000 })).toMatchObject([{ status: "ok" }]);
  });

  test("warns where nothing can be watched at all", () => {
    const none = machine({ texts: { "/proc/sys/fs/inotify/max_user_instances": "0\n" } });
    only(checkLimits(none, watched, undefined), "warning", "no directory", "max_user_instances=");
  });
});
