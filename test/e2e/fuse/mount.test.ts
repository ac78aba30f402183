/** The FUSE module on a real kernel. Needs root and /dev/fuse; every access is in a child process. */

import { describe, expect, test } from "bun:test";
import {
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmount } from "../../../src/core/fuse/device.ts";
import { musicfsMountAt } from "../../../src/core/fuse/mount_point.ts";
import { pattern } from "../../core/fuse/memory_file_system.ts";
import { AS_NOBODY, run, ServedMount, serveCommand, shell } from "./served_mount.ts";

const SONG_MD5 = new Bun.CryptoHasher("md5").update(pattern(20_000)).digest("hex");

describe("a mount", () => {
  test("by root shows the tree, byte for byte", async () => {
    await using served = await ServedMount.start();
    const { mountPoint } = served;
    const listed = await shell(
      'cd "$1" && find . -type f | wc -l && md5sum < "album/01 song.flac"',
      mountPoint,
    );
    expect(listed).toMatchObject({ exitCode: 0, stderr: "" });
    expect(listed.stdout.split("\n")).toEqual(["65", `${SONG_MD5}  -`, ""]);
    await unmount(mountPoint);
    expect(await served.server.exited).toBe(0);
    expect(musicfsMountAt(mountPoint)).toBeUndefined();
  });

  test("costs no request for the second ls -lR", async () => {
    const countsAfter = async (times: number) => {
      await using served = await ServedMount.start();
      for (let i = 0; i < times; i++) await shell('ls -lR "$1"', served.mountPoint);
      await unmount(served.mountPoint);
      // ls asks once a run whether this file system knows ACLs and security labels.
      const { GETXATTR, "wrote replies": _, ...counts } = await served.counts();
      expect(GETXATTR).toBeLessThanOrEqual(2 * times);
      return counts;
    };
    expect(await countsAfter(3)).toEqual(await countsAfter(1));
  });

  test("reads ahead up to 1 MiB", async () => {
    await using served = await ServedMount.start();
    const { connection } = await served.mounted();
    await shell('ls "$1"', served.mountPoint);
    const kib = readFileSync(`/sys/class/bdi/0:${connection}/read_ahead_kb`, "latin1");
    expect(kib.trim()).toBe("1024");
  });

  test("is read-only, nosuid and nodev", async () => {
    await using served = await ServedMount.start();
    const written = await shell(
      'cd "$1"; touch new; mkdir new; rm album/empty; mv album x; chmod 777 album; truncate -s 0 album/empty; : > new',
      served.mountPoint,
    );
    expect(written.stderr.match(/Read-only file system/g)).toHaveLength(7);
    const line = readFileSync("/proc/self/mountinfo", "latin1")
      .split("\n")
      .find((row) => row.includes(served.mountPoint));
    expect(line).toContain(" ro,nosuid,nodev,");
    expect(line).toContain(" - fuse.musicfs musicfs ");
    expect(line).toContain("default_permissions");
  });

  test("answers SEEK_HOLE, xattrs and statfs", async () => {
    await using served = await ServedMount.start();
    const said = await shell(
      'cd "$1/album"; stat -f -c "%l %s %b" .; cp --sparse=always empty /dev/null; stat -c "%s %b %o" naïve.mp3',
      served.mountPoint,
    );
    expect(said).toMatchObject({ exitCode: 0, stdout: "255 4096 1000\n4097 9 65536\n" });
  });

  test("looks up again what it is told to forget", async () => {
    await using served = await ServedMount.start("--notify");
    const { mountPoint } = served;
    await shell('ls -lR "$1"; stat "$1/album/naïve.mp3"; cat "$1/album/empty"', mountPoint);
    await Bun.sleep(200);
    await shell('stat "$1/album/naïve.mp3" "$1/album/01 song.flac" "$1/many"', mountPoint);
    await unmount(mountPoint);
    const counts = await served.counts();
    expect(counts).toMatchObject({
      "wrote INVAL_INODE": 1,
      "wrote INVAL_ENTRY": 1,
      "wrote EXPIRE_ENTRY": 1,
      "wrote DELETE": 1,
    });
    // The three names; ls had listed everything.
    const { LOOKUP } = counts;
    expect(LOOKUP).toBe(3);
  });

  test("lets an interrupted reader go when the deferred READ is answered EINTR", async () => {
    await using served = await ServedMount.start("--slow");
    const startedMs = performance.now();
    const { exitCode } = await shell(
      'timeout -s INT 1 dd if="$1/album/naïve.mp3" iflag=direct of=/dev/null bs=4096 count=1',
      served.mountPoint,
    );
    expect(exitCode).toBe(124);
    expect(performance.now() - startedMs).toBeLessThan(5000);
    await unmount(served.mountPoint);
    expect(await served.counts()).toMatchObject({ INTERRUPT: 1, "wrote EINTR": 1 });
  });

  test("reads from a backing file in passthrough mode, without a READ", async () => {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-backing-"));
    const backing = join(directory, "file");
    const content = Buffer.alloc(20_000, "P");
    writeFileSync(backing, content);
    await using served = await ServedMount.start("--passthrough", backing);
    // RELEASE, for which nobody waits, is there before the next request; an unmount would drop it.
    const script = 'cat "$1/album/01 song.flac"; stat -f "$1" >/dev/null';
    const read = await shell(script, served.mountPoint);
    expect(read.stdout).toBe(content.toString());
    await unmount(served.mountPoint);
    const counts = await served.counts();
    expect(counts).toMatchObject({ OPEN: 1, RELEASE: 1, backingOpen: 1, backingClose: 1 });
    expect(counts).not.toHaveProperty("READ");
    rmSync(directory, { recursive: true });
  });
});

describe("a mount by an ordinary user", () => {
  function ownedDirectory(): string {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-user-"));
    chownSync(directory, 65_534, 65_534);
    return directory;
  }

  test("goes through fusermount3, both ways", async () => {
    const mountPoint = ownedDirectory();
    const unmounting = `import { unmount } from ${JSON.stringify(join(import.meta.dir, "../../../src/core/fuse/device.ts"))}; await unmount(process.argv[1]);`;
    const script = [
      'mountpoint=$1; unmounting=$2; shift 2; "$@" & server=$!',
      "for i in 1 2 3 4 5 6 7 8 9 10; do",
      '  grep -q "$mountpoint " /proc/self/mountinfo && break; sleep 0.2; done',
      'grep -o "$mountpoint .*" /proc/self/mountinfo; md5sum < "$mountpoint/album/01 song.flac"',
      `${process.execPath} -e "$unmounting" "$mountpoint"; wait $server; echo ended $?`,
      'grep -c "$mountpoint" /proc/self/mountinfo',
    ].join("\n");
    const done = await run(
      ...AS_NOBODY,
      ...["sh", "-c", script, "sh", mountPoint, unmounting],
      ...serveCommand(mountPoint),
    );
    expect(done.stderr).toBe("");
    expect(done.stdout).toContain(`${SONG_MD5}  -`);
    expect(done.stdout).toContain(
      "ro,nosuid,nodev,relatime - fuse.musicfs musicfs ro,user_id=65534",
    );
    expect(done.stdout).toContain("default_permissions");
    expect(done.stdout).toContain("ended 0\n0\n");
    rmSync(mountPoint, { recursive: true });
  });

  test("with allow_other says that /etc/fuse.conf must allow it", async () => {
    const mountPoint = ownedDirectory();
    const { exitCode, stderr } = await run(
      ...AS_NOBODY,
      ...serveCommand(mountPoint, "--allow-other"),
    );
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("user_allow_other into /etc/fuse.conf"),
    ]);
    rmSync(mountPoint, { recursive: true });
  });

  test("on somebody else's directory says whose it must be", async () => {
    const mountPoint = mkdtempSync(join(tmpdir(), "musicfs-root-"));
    Bun.spawnSync(["chmod", "755", mountPoint]);
    const { exitCode, stderr } = await run(...AS_NOBODY, ...serveCommand(mountPoint));
    expect([exitCode, stderr]).toEqual([
      1,
      expect.stringContaining("neither own nor may write to"),
    ]);
    rmSync(mountPoint, { recursive: true });
  });

  test("without fusermount3 names the package", async () => {
    const mountPoint = ownedDirectory();
    const hidden = [
      "unshare",
      "-m",
      "sh",
      "-ec",
      'mount --bind /dev/null /usr/bin/fusermount3; exec "$@"',
      "sh",
    ];
    const { exitCode, stderr } = await run(...hidden, ...AS_NOBODY, ...serveCommand(mountPoint));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("install the package fuse3")]);
    rmSync(mountPoint, { recursive: true });
  });
});

describe("a mount in a container", () => {
  async function refusedIn(...wrapper: readonly string[]): Promise<string> {
    const mountPoint = mkdtempSync(join(tmpdir(), "musicfs-container-"));
    const { exitCode, stderr } = await run(...wrapper, ...serveCommand(mountPoint));
    expect(exitCode).toBe(1);
    rmSync(mountPoint, { recursive: true });
    return stderr;
  }

  test("without CAP_SYS_ADMIN names the options", async () => {
    const wrapper = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
    expect(await refusedIn(...wrapper)).toContain(
      "--device /dev/fuse --cap-add SYS_ADMIN --security-opt apparmor=unconfined",
    );
  });

  test("without /dev/fuse names the options", async () => {
    const script = 'mount -t tmpfs tmpfs /dev; mknod -m 666 /dev/null c 1 3; exec "$@"';
    const said = await refusedIn("unshare", "-m", "sh", "-ec", script, "sh");
    expect(said).toContain("there is no /dev/fuse");
    expect(said).toContain("--device /dev/fuse");
  });
});

describe("a mount point in use", () => {
  test("by a living MusicFS is refused, and the mount goes on", async () => {
    await using served = await ServedMount.start();
    const { exitCode, stderr } = await run(...serveCommand(served.mountPoint));
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining("already mounted")]);
    expect((await shell('ls "$1"', served.mountPoint)).stdout).toBe("album\nmany\n");
  });

  test("by a program is busy, can be detached, and its server ends with the last user", async () => {
    await using served = await ServedMount.start();
    const user = Bun.spawn(["sleep", "30"], { cwd: join(served.mountPoint, "album") });
    await expect(unmount(served.mountPoint)).rejects.toMatchObject({
      code: "busy",
      message: expect.stringContaining("fuser -vm"),
    });
    await unmount(served.mountPoint, { lazy: true });
    expect(musicfsMountAt(served.mountPoint)).toBeUndefined();
    expect(served.server.exitCode).toBeNull();
    user.kill();
    await user.exited;
    expect(await served.server.exited).toBe(0);
  });

  test("by another file system is not touched by unmount", async () => {
    await expect(unmount("/proc")).rejects.toThrow("is a mount of type proc, not MusicFS's");
    await expect(unmount(tmpdir())).rejects.toThrow("nothing is mounted");
  });
});

describe("a dead mount", () => {
  test.each(["SIGKILL", "SIGSTOP"] as const)(
    "left by a server that got %s gives way to the next",
    async (signal) => {
      await using dead = await ServedMount.start();
      dead.server.kill(signal);
      if (signal === "SIGKILL") await dead.server.exited;
      const link = `${dead.mountPoint}-link`;
      symlinkSync(dead.mountPoint, link);
      await using next = await ServedMount.startOn(link);
      expect(next.mountPoint).toBe(link);
      unlinkSync(link);
      expect((await shell('ls "$1"', dead.mountPoint)).stdout).toBe("album\nmany\n");
      await unmount(dead.mountPoint);
      expect(musicfsMountAt(dead.mountPoint)).toBeUndefined();
    },
    30_000,
  );
});

test("the mount point's own files come back when it is gone", async () => {
  const mountPoint = mkdtempSync(join(tmpdir(), "musicfs-e2e-"));
  await using served = await ServedMount.startOn(mountPoint);
  await unmount(served.mountPoint);
  mkdirSync(join(mountPoint, "mine"));
  const { exitCode, stderr } = await run(...serveCommand(mountPoint));
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("is not empty")]);
});
