import { describe, expect, test } from "bun:test";
import {
  explainDevice,
  explainFusermount,
  explainMount,
  explainUnmount,
} from "../../../src/core/fuse/remedies.ts";
import { EACCES, EBUSY, EINVAL, EIO, ENODEV, ENOENT, EPERM } from "../../../src/core/sys/errno.ts";

const CONTAINER = "--device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined";
const AT = "/mnt/music";

describe("remedies", () => {
  test.each([
    [ENOENT, ["there is no /dev/fuse", "modprobe fuse", CONTAINER]],
    [EPERM, ["EPERM", CONTAINER]],
    [EACCES, ["EACCES", CONTAINER]],
    [EIO, ["EIO"]],
  ])("for /dev/fuse that fails with %d", (errno, texts) => {
    const error = explainDevice(-errno);
    expect(error.code).toBe("mount");
    for (const text of texts) expect(error.message).toContain(text);
  });

  test.each([
    [EPERM, ["not permitted", CONTAINER]],
    [ENODEV, ["modprobe fuse"]],
    [EBUSY, [AT]],
    [EINVAL, [AT, "EINVAL"]],
  ])("for mount(2) that fails with %d", (errno, texts) => {
    for (const text of texts) expect(explainMount(-errno, AT).message).toContain(text);
  });

  test("for a busy unmount says who to look for", () => {
    const error = explainUnmount(-EBUSY, AT);
    expect(error.code).toBe("busy");
    expect(error.message).toContain(`fuser -vm ${AT}`);
    expect(explainUnmount(-EINVAL, AT).message).toContain("nothing is mounted");
  });

  // What util/fusermount.c of libfuse 3 prints.
  test.each([
    [
      "fusermount3: option allow_other only allowed if 'user_allow_other' is set in /etc/fuse.conf",
      "mount",
      "user_allow_other into /etc/fuse.conf",
    ],
    ["fusermount3: fuse device not found, try 'modprobe fuse' first", "mount", CONTAINER],
    ["fusermount3: failed to open /dev/fuse: Permission denied", "mount", CONTAINER],
    [
      "fusermount3: user has no write access to mountpoint /mnt/music",
      "mount",
      "a directory of your own",
    ],
    ["fusermount3: mountpoint /tmp/x not owned by user", "mount", "a directory of your own"],
    [
      "fusermount3: too many FUSE filesystems mounted; mount_max=N can be set in /etc/fuse.conf",
      "mount",
      "mount_max",
    ],
    ["fusermount3: mount failed: Permission denied", "mount", "/etc/apparmor.d/local/fusermount3"],
    ["fusermount3: mount failed: Operation not permitted", "mount", "--cap-add SYS_ADMIN"],
    ["fusermount3: failed to unmount /mnt/music: Device or resource busy", "busy", "fuser -vm"],
    ["fusermount3: entry for /mnt/music not found in /etc/mtab", "mount", "nothing is mounted"],
    ["fusermount3: something new", "mount", "something new"],
    ["", "mount", "without a word"],
  ])("for %p", (said, code, text) => {
    const error = explainFusermount(said, AT);
    expect(error.code).toBe(code as "mount" | "busy");
    expect(error.message).toContain(text);
  });
});
