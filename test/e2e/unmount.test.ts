/** The end of a mount, whoever brings it about: exit status 0 and nothing left behind. */

import { afterAll, beforeAll, describe, expect } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { leftInHome } from "./support/kept_files.ts";
import {
  BINARY,
  eventually,
  isRunning,
  Mount,
  MountNamespace,
  NOBODY,
  run,
  type User,
  Workspace,
} from "./support/musicfs.ts";
import { processorTicks } from "./support/process_use.ts";

const { test } = needing("root", "fuse", "fusermount3", "setpriv", "script");

const CONTENT = "music ".repeat(100_000);

interface Place {
  readonly workspace: Workspace;
  readonly origins: readonly string[];
}

function place(user?: User, namespace?: MountNamespace): Place {
  const workspace = new Workspace("unmount", user, namespace);
  workspace.file("disk/album/track", CONTENT);
  workspace.directory("tmp");
  return { workspace, origins: Mount.origins(workspace.path("disk")) };
}

/** Mounts with a directory of its own for temporary files. */
function mountAt({ workspace, origins }: Place): Promise<Mount> {
  return Mount.scanned(workspace, origins, { env: { TMPDIR: workspace.path("tmp") } });
}

/** Processes that have the workspace in their environment: the mount and whatever it started. */
function processesOf({ root }: Workspace): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!(Number(pid) > 0) || !isRunning(Number(pid))) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(`HOME=${root}/`);
    } catch (error) {
      if (error instanceof Error && "code" in error) return false;
      throw error;
    }
  });
}

function expectNothingLeft({ workspace }: Place, mount: Mount): void {
  expect(workspace.isMounted).toBe(false);
  expect(isRunning(mount.pid)).toBe(false);
  expect(processesOf(workspace)).toEqual([]);
  expect(readdirSync(workspace.path("tmp"))).toEqual([]);
  expect(readdirSync(workspace.mountPoint)).toEqual([]);
  expect(leftInHome(workspace)).toEqual([]);
}

type End = (mount: Mount, place: Place) => Promise<unknown>;

const command =
  (...words: string[]): End =>
  (_, { workspace }) =>
    workspace.must([...words, workspace.mountPoint]);

const ENDS: Readonly<Record<string, End>> = {
  SIGINT: async (mount) => mount.kill("SIGINT"),
  SIGTERM: async (mount) => mount.kill("SIGTERM"),
  "musicfs unmount": command(BINARY, "unmount"),
  "fusermount3 -u": command("fusermount3", "-u"),
  umount: command("umount"),
};

describe("a mount by root", () => {
  test.each(Object.entries(ENDS))("ends by %s with status 0 and leaves nothing", async (_, end) => {
    const here = place();
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    await end(mount, here);
    expect(await mount.exited()).toBe(0);
    expect(mount.lines('"level":"warn"')).toEqual([]);
    expect(mount.lines('"level":"error"')).toEqual([]);
    expectNothingLeft(here, mount);
  });
});

describe("a mount by an ordinary user", () => {
  let namespace: MountNamespace | undefined;
  beforeAll(async () => {
    namespace = await MountNamespace.create();
  });
  afterAll(() => namespace?.[Symbol.asyncDispose]());

  const theirs = Object.entries(ENDS).filter(([name]) => name !== "umount");
  test.each(theirs)("ends by %s with status 0 and leaves nothing", async (_, end) => {
    const here = place(NOBODY, namespace);
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    await end(mount, here);
    expect(await mount.exited()).toBe(0);
    expectNothingLeft(here, mount);
  });
});

/** A process that reads the first bytes of a file, and the rest when it is told to. */
function slowReader(workspace: Workspace): Bun.Subprocess<"pipe", "pipe", "inherit"> {
  const script = 'exec 3< "$1/album/track"; head -c 1000 <&3; read go; cat <&3; exec sleep 60';
  return Bun.spawn(["sh", "-c", script, "sh", workspace.mountPoint], {
    stdio: ["pipe", "pipe", "inherit"],
  });
}

describe("a busy mount", () => {
  test("stays at the first signal and says who uses it, is detached at the second", async () => {
    const here = place();
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    const reader = slowReader(workspace);
    const output = reader.stdout.getReader();
    let read = Buffer.from((await output.read()).value ?? []).toString();

    mount.kill("SIGTERM");
    await mount.logged("not unmounted");
    expect(mount.lines("not unmounted")[0]).toContain(`(${reader.pid}, `);
    expect(mount.lines("not unmounted")[0]).toContain("another signal detaches it");
    expect(workspace.isMounted).toBe(true);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);

    mount.kill("SIGTERM");
    await eventually("it is detached", () => !workspace.isMounted);
    // Whoever reads goes on to the end, and the program with it.
    expect(isRunning(mount.pid)).toBe(true);
    reader.stdin.write("go\n");
    reader.stdin.flush();
    while (read.length < CONTENT.length) {
      read += Buffer.from((await output.read()).value ?? []).toString();
    }
    expect(read).toBe(CONTENT);
    expect(isRunning(mount.pid)).toBe(true);
    // It waits for its last user, and does nothing else.
    const ticks = processorTicks(mount.pid);
    await Bun.sleep(1000);
    expect(processorTicks(mount.pid) - ticks).toBeLessThanOrEqual(5);
    reader.kill();
    await reader.exited;
    expect(await mount.exited()).toBe(0);
    expectNothingLeft(here, mount);
  });

  test("is ended by a later signal when its user is gone", async () => {
    const here = place();
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    const user = Bun.spawn(["sleep", "60"], { cwd: `${workspace.mountPoint}/album` });
    mount.kill("SIGINT");
    await mount.logged("not unmounted");
    expect(mount.lines("not unmounted")[0]).toContain(`sleep (${user.pid}, `);
    user.kill();
    await user.exited;
    mount.kill("SIGINT");
    expect(await mount.exited()).toBe(0);
    expectNothingLeft(here, mount);
  });

  test("is ended by a third signal, whoever still reads", async () => {
    const here = place();
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    const reader = slowReader(workspace);
    await reader.stdout.getReader().read();
    mount.kill("SIGTERM");
    await mount.logged("not unmounted");
    mount.kill("SIGTERM");
    await eventually("it is detached", () => !workspace.isMounted);
    mount.kill("SIGTERM");
    expect(await mount.exited()).toBe(0);
    expect(mount.log).toContain("ended although it is still used");
    expectNothingLeft(here, mount);
    reader.kill();
    await reader.exited;
  });

  test("is ended by a second signal when only a copy of the mount table holds it", async () => {
    const here = place();
    using workspace = here.workspace;
    await using mount = await mountAt(here);
    await using _copy = await MountNamespace.create(true);
    mount.kill("SIGTERM");
    await eventually("it is unmounted here", () => !workspace.isMounted);
    expect(isRunning(mount.pid)).toBe(true);
    mount.kill("SIGTERM");
    expect(await mount.exited()).toBe(0);
    expectNothingLeft(here, mount);
  });
});

describe("a mount in a terminal", () => {
  /** Starts a mount in a terminal of its own, `wrapper` before it, and closes the terminal. */
  async function closeTerminal(here: Place, ...wrapper: readonly string[]): Promise<void> {
    const { workspace, origins } = here;
    const command = [...wrapper, BINARY, "mount", workspace.mountPoint, ...origins];
    const quoted = command.map((word) => `'${word}'`).join(" ");
    const terminal = Bun.spawn(["script", "-qfc", quoted, "/dev/null"], {
      env: { ...workspace.env, PATH: "/usr/bin:/bin", TMPDIR: workspace.path("tmp") },
      // Where nohup leaves its output.
      cwd: workspace.root,
      stdio: ["pipe", "ignore", "ignore"],
    });
    await eventually("it is mounted", () => workspace.isMounted);
    await workspace.shell('until test -e "$1/album/track"; do sleep 0.05; done');
    terminal.kill("SIGKILL");
    await terminal.exited;
  }

  test("ends when the terminal is closed", async () => {
    const here = place();
    using workspace = here.workspace;
    await closeTerminal(here);
    await eventually("all is gone", () => processesOf(workspace).length === 0);
    expect(workspace.isMounted).toBe(false);
  });

  test("stays under nohup", async () => {
    const here = place();
    using workspace = here.workspace;
    await closeTerminal(here, "nohup");
    await Bun.sleep(500);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    await workspace.must([BINARY, "unmount", workspace.mountPoint]);
    await eventually("all is gone", () => processesOf(workspace).length === 0);
  });
});

describe("a dead mount left by kill -9", () => {
  async function kill(here: Place): Promise<void> {
    const mount = await mountAt(here);
    mount.kill("SIGKILL");
    await mount.exited();
    expect(here.workspace.isMounted).toBe(true);
    const { stderr } = await run(["ls", here.workspace.mountPoint]);
    expect(stderr).toContain("Transport endpoint is not connected");
  }

  test("gives way to the next mount, which knows the tree at once", async () => {
    const here = place();
    using workspace = here.workspace;
    await kill(here);
    await using mount = await mountAt(here);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    const table = readFileSync("/proc/self/mountinfo", "utf8");
    expect(table.split(` ${workspace.mountPoint} `)).toHaveLength(2);
    expect(await mount.stop()).toBe(0);
    expectNothingLeft(here, mount);
  });

  test("is removed by musicfs unmount", async () => {
    const here = place();
    using workspace = here.workspace;
    await kill(here);
    expect(await workspace.musicfs("unmount", workspace.mountPoint)).toEqual({
      ...{ code: 0, stdout: "", stderr: "" },
    });
    expect(workspace.isMounted).toBe(false);
  });

  test("gives way although somebody has a file open on it", async () => {
    const here = place();
    using workspace = here.workspace;
    const dead = await mountAt(here);
    const reader = slowReader(workspace);
    await reader.stdout.getReader().read();
    dead.kill("SIGKILL");
    await dead.exited();
    await using mount = await mountAt(here);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    reader.kill();
    await reader.exited;
    expect(await mount.stop()).toBe(0);
    expectNothingLeft(here, mount);
  });

  test("of an ordinary user gives way, too", async () => {
    await using namespace = await MountNamespace.create();
    const here = place(NOBODY, namespace);
    using workspace = here.workspace;
    const dead = await mountAt(here);
    dead.kill("SIGKILL");
    await dead.exited();
    expect(workspace.isMounted).toBe(true);
    await using mount = await mountAt(here);
    expect(await workspace.shell('cat "$1/album/track"')).toBe(CONTENT);
    expect(await mount.stop()).toBe(0);
    expectNothingLeft(here, mount);
  });
});
