/** `mount --daemon`, `mount.musicfs` and `unmount` of the compiled binary, as scripts use them. */

import { expect, test } from "bun:test";
import { readFileSync, symlinkSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { AS_NOBODY } from "./fuse/served_mount.ts";
import {
  BINARY,
  eventually,
  isMounted,
  must,
  NOBODY,
  run,
  type User,
  Workspace,
} from "./support/musicfs.ts";

function library(user?: User): Workspace {
  const workspace = new Workspace("commands", user);
  workspace.file("disk/album/track.flac", "music");
  return workspace;
}

async function unmountAndWait(workspace: Workspace, pid: number): Promise<void> {
  const { mountPoint } = workspace;
  expect(await workspace.musicfs("unmount", mountPoint)).toEqual({
    code: 0,
    stdout: "",
    stderr: "",
  });
  await eventually("the daemon ends", () => !isRunning(pid));
  expect(await isMounted(mountPoint)).toBe(false);
}

function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z ");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return false;
    throw error;
  }
}

const { test: mounted } = needing("root", "fuse");

mounted("mount --daemon returns when the tree can be read", async () => {
  using workspace = library();
  const { mountPoint } = workspace;
  const origin = `--origin=disk=${workspace.path("disk")}`;
  const started = await workspace.musicfs("mount", mountPoint, origin, "--daemon", "--json");
  expect([started.code, started.stderr]).toEqual([0, ""]);
  const { mount_point, pid, log } = JSON.parse(started.stdout);
  expect(mount_point).toBe(mountPoint);
  await eventually("the file can be read", async () => {
    return (await run(["cat", `${mountPoint}/album/track.flac`])).stdout === "music";
  });
  const session = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ")[3];
  expect(session).toBe(String(pid));
  await unmountAndWait(workspace, pid);
  for (const line of readFileSync(log, "utf8").trim().split("\n")) {
    expect(JSON.parse(line)).toMatchObject({
      level: expect.any(String),
      message: expect.any(String),
    });
  }
});

needing("root", "fuse", "fusermount3", "setpriv").test(
  "an ordinary user mounts and unmounts in the background",
  async () => {
    using workspace = library(NOBODY);
    const script = `set -e
"$0" mount "$1" --origin "$2" --daemon
for try in $(seq 100); do test -e "$1/album/track.flac" && break; sleep 0.1; done
cat "$1/album/track.flac"
"$0" unmount "$1"`;
    const args = ["sh", "-c", script, BINARY, workspace.mountPoint, workspace.path("disk")];
    const { code, stdout, stderr } = await run([...AS_NOBODY, ...args], { env: workspace.env });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^mounted on .* by process \d+, which logs to .*\nmusic$/);
    const pid = Number(/by process (\d+)/.exec(stdout)?.[1]);
    await eventually("the daemon ends", () => !isRunning(pid));
  },
);

mounted("a daemon that cannot mount says why and where its log is", async () => {
  using workspace = library();
  const missing = workspace.path("missing");
  const origin = `--origin=disk=${workspace.path("disk")}`;
  const { code, stdout, stderr } = await workspace.musicfs("mount", missing, origin, "--daemon");
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(
    /^musicfs: the mount point .*missing does not exist.*; the log is .*musicfs\.log\n$/,
  );
});

mounted("a cache directory in use is exit code 4, from the daemon too", async () => {
  using workspace = library();
  const args = [
    `--origin=disk=${workspace.path("disk")}`,
    "--cache-dir",
    workspace.path("cache"),
    "--daemon",
  ];
  const first = await workspace.musicfs("mount", workspace.mountPoint, ...args, "--json");
  const second = await workspace.musicfs("mount", workspace.directory("other"), ...args);
  expect(second.code).toBe(4);
  expect(second.stderr).toContain("is in use by another mount");
  await unmountAndWait(workspace, JSON.parse(first.stdout).pid);
});

mounted("mount.musicfs mounts as a line of fstab says", async () => {
  using workspace = library();
  const { mountPoint, env } = workspace;
  const config = workspace.file(
    "library.toml",
    `[[origins]]\nid = "disk"\norigin_type = "local"\npath = "${workspace.path("disk")}"\n`,
  );
  await must(["chmod", "600", config]);
  const link = workspace.path("mount.musicfs");
  symlinkSync(BINARY, link);
  const options = "rw,_netdev,nofail,allow_other,uid=1234,x-systemd.automount";
  const { stdout } = await run([link, config, mountPoint, "-n", "-o", options], { env });
  const pid = Number(/by process (\d+)/.exec(stdout)?.[1]);
  await eventually("the file is there with its owner", async () => {
    const listed = await run(["stat", "-c", "%u %A", `${mountPoint}/album/track.flac`]);
    return listed.stdout === "1234 -r--r--r--\n";
  });
  const wrong = await run([link, config, mountPoint, "-o", "alow_other"], { env });
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain('mount option "alow_other" is not known');
  await unmountAndWait(workspace, pid);
});

mounted("unmount says that there is nothing, and who keeps a mount busy", async () => {
  using workspace = library();
  const { mountPoint } = workspace;
  const none = await workspace.musicfs("unmount", mountPoint);
  expect(none.code).toBe(1);
  expect(none.stderr).toStartWith("musicfs: ");
  const origin = `--origin=disk=${workspace.path("disk")}`;
  const started = await workspace.musicfs("mount", mountPoint, origin, "--daemon", "--json");
  await eventually("the file is there", async () => {
    return (await run(["test", "-e", `${mountPoint}/album/track.flac`])).code === 0;
  });
  const user = Bun.spawn(["sh", "-c", "exec 3<album/track.flac; exec sleep 60"], {
    cwd: mountPoint,
  });
  try {
    await eventually("it holds the file", async () => {
      return (await workspace.musicfs("unmount", mountPoint)).code === 4;
    });
    const busy = await workspace.musicfs("unmount", mountPoint);
    expect(busy.stderr).toContain("is in use");
    expect(busy.stderr).toContain("--lazy");
    expect(await workspace.musicfs("unmount", "--lazy", mountPoint)).toMatchObject({ code: 0 });
    expect(await isMounted(mountPoint)).toBe(false);
  } finally {
    user.kill();
    await user.exited;
  }
  await eventually("the daemon ends", () => !isRunning(JSON.parse(started.stdout).pid));
});

test("the binary prints its help in tens of milliseconds", async () => {
  const times: number[] = [];
  for (let round = 0; round < 5; round++) {
    const startedMs = performance.now();
    await must([BINARY, "--help"]);
    times.push(performance.now() - startedMs);
  }
  expect(Math.min(...times)).toBeLessThan(100);
});
