/** Scripts against a running mount: what they change takes effect at once, and --json tells all of it. */

import { expect } from "bun:test";
import { chmodSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { freePorts } from "../../scripts/servers/ports.ts";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { BINARY, eventually, Mount, NOBODY, run, Workspace } from "./support/musicfs.ts";

const { test: mounted } = needing("root", "fuse");

function twoDisks(): ControlledLibrary {
  const library = new ControlledLibrary("one");
  library.file("one/a/1.flac", "one");
  library.file("two/b/2.flac", "two");
  return library;
}

const ALL = ["a/1.flac", "b/2.flac"];

mounted(
  "origins are added, set, disabled, enabled and removed without remounting (F-9)",
  async () => {
    using library = twoDisks();
    await using mount = await library.mount();
    const add = ["origins", "add", "two", "--type", "local", "--path", library.path("two")];
    expect(await library.done(...add, "--priority", "7")).toMatchObject({
      changed: true,
      file: library.configFile,
      origin: { id: "two", priority: 7 },
    });
    expect(library.configText).toContain('id = "two"');
    await eventually("the origin is shown", async () => (await library.files()).length === 2);
    expect(await library.files()).toEqual(ALL);
    expect(await library.shell('cat "$1/b/2.flac"')).toBe("two");

    await library.done("origins", "disable", "two");
    expect(await library.files()).toEqual(["a/1.flac"]);
    expect(library.configText).toContain("enabled = false");
    await library.done("origins", "enable", "two");
    await eventually("it is shown again", async () => (await library.files()).length === 2);

    await library.done("origins", "set", "two", "--priority", "3", "--prefix", "below");
    expect(await library.files()).toEqual(["a/1.flac", "below/b/2.flac"]);
    const { origins } = await library.done("origins", "ls");
    expect(origins).toMatchObject([
      { id: "one", status: "healthy" },
      { id: "two", status: "healthy", priority: 3, settings: { prefix: "below" } },
    ]);
    await library.done("origins", "set", "two", "--unset", "prefix");
    expect(await library.files()).toEqual(ALL);

    expect(await library.done("origins", "rm", "two")).toMatchObject({ changed: true, id: "two" });
    expect(await library.files()).toEqual(["a/1.flac"]);
    expect(library.configText).not.toContain("two");
    expect((await library.done("status")).origins).toMatchObject([{ id: "one" }]);
    expect(await mount.stop()).toBe(0);
  },
);

mounted("an origin is opened anew when its path is set", async () => {
  using library = twoDisks();
  await using _mount = await library.mount();
  await library.done("origins", "set", "one", "--path", library.path("two"));
  await eventually("only the other place is shown", async () => {
    return (await library.files()).join() === "b/2.flac";
  });
  expect(await library.shell('cat "$1/b/2.flac"')).toBe("two");
});

mounted("a scan shows what came, although the kernel had listed the directory", async () => {
  using library = twoDisks();
  await using _mount = await library.mount();
  expect(await library.files()).toEqual(["a/1.flac"]);
  library.file("one/a/new.flac", "new");
  expect(await library.done("scan", "one")).toMatchObject({
    outcome: "complete",
    origins: [{ id: "one", files: 2 }],
  });
  expect(await library.files()).toEqual(["a/1.flac", "a/new.flac"]);
});

mounted("health asks the mount, and --check has it look (F-7)", async () => {
  using library = twoDisks();
  await using mount = await library.mount();
  expect(await library.asked("health")).toMatchObject({
    code: 0,
    said: { status: "healthy", origins: [{ id: "one", status: "healthy" }] },
  });
  renameSync(library.path("one"), library.path("away"));
  expect(await library.asked("health", "one", "--check")).toMatchObject({
    code: 2,
    said: { status: "unhealthy", origins: [{ id: "one", threshold: 1 }] },
  });
  expect((await library.asked("health")).code).toBe(2);
  expect(await library.done("status")).toMatchObject({ status: "unhealthy" });
  renameSync(library.path("away"), library.path("one"));
  expect((await library.asked("health", "--check")).code).toBe(0);
  expect(await mount.stop()).toBe(0);
});

mounted(
  "events are told from the beginning, by type, since an id, and as they come (F-10)",
  async () => {
    using library = twoDisks();
    await using mount = await library.mount();
    const command = ["events", "--json", "--config", library.configFile];
    const events = async (...args: string[]) => {
      const { stdout } = await library.musicfs(...command, ...args);
      return stdout
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    };
    const found = await events("--type", "origin_added,file_added");
    expect(found).toMatchObject([
      { type: "origin_added", origin: "one" },
      { type: "file_added", origin: "one", path: "a/1.flac" },
    ]);
    const later = await events("--since", found[0].id);
    expect(later.map(({ type }) => type)).not.toContain("origin_added");
    expect(later.map(({ type }) => type)).toContain("scan_finished");

    const { env } = library;
    const follower = Bun.spawn([BINARY, ...command, "--follow"], { env, stdout: "pipe" });
    let told = "";
    const reading = follower.stdout.pipeTo(
      new WritableStream({
        write(chunk) {
          told += new TextDecoder().decode(chunk);
        },
      }),
    );
    await eventually("it tells of the past", () => told.includes("scan_finished"));
    library.file("one/a/new.flac", "new");
    await library.done("scan");
    await eventually("it tells of what happens", () => told.includes("a/new.flac"));
    expect(await mount.stop()).toBe(0);
    expect(await follower.exited).toBe(0);
    await reading;
  },
);

mounted("wrong uses are told what is wrong, and change nothing", async () => {
  using library = twoDisks();
  await using _mount = await library.mount();
  const before = library.configText;
  const wrong: readonly [args: readonly string[], code: number, message: string][] = [
    [["origins", "rm", "tow"], 2, 'there is no origin "tow"; there are one'],
    [["origins", "set", "ane", "--priority", "1"], 2, 'did you mean "one"?'],
    [["origins", "set", "one", "--priority", "256"], 2, "--priority"],
    [["origins", "add", "one", "--type", "local", "--path", "/"], 2, 'there is an origin "one"'],
    [["origins", "add", "x", "--type", "local", "--path", "/no/such"], 1, "nothing was written"],
    [
      ["origins", "add", "x", "--type", "local", "--path", library.root],
      2,
      "the library would contain itself",
    ],
    [["scan", "two"], 2, 'there is no origin "two"'],
    [["health", "two"], 3, 'there is no origin "two"'],
    [["events", "--type", "explosion"], 2, 'there are no events "explosion"'],
    [["events", "--since", "yesterday"], 2, 'must be the id of an event, or "latest"'],
    [
      ["status", "/no/mount"],
      2,
      `no mount of yours runs at /no/mount; there are ${library.mountPoint}`,
    ],
  ];
  for (const [args, code, message] of wrong) {
    const asked = await library.asked(...args);
    expect([args, asked.code, asked.said.error.message]).toEqual([
      args,
      code,
      expect.stringContaining(message),
    ]);
  }
  expect(library.configText).toBe(before);
  expect((await library.done("origins", "ls")).origins).toHaveLength(1);
});

mounted("an origin that cannot be had is neither mounted nor written", async () => {
  using library = twoDisks();
  await using mount = await library.mount();
  const before = library.configText;
  using running = await library.client();
  const settings = { id: "loop", origin_type: "local", path: library.mountPoint };
  await expect(running.client.addOrigin(settings)).rejects.toMatchObject({ code: "config" });
  expect(library.configText).toBe(before);
  expect((await running.client.origins()).origins.map(({ id }) => id)).toEqual(["one"]);
  expect(await library.files()).toEqual(["a/1.flac"]);
  expect(await mount.stop()).toBe(0);
});

mounted("SIGHUP reads the file again; one that is wrong changes nothing", async () => {
  using library = twoDisks();
  await using mount = await library.mount();
  library.config(library.written("one", "two"));
  mount.kill("SIGHUP");
  await eventually("the origin is shown", async () => (await library.files()).length === 2);
  library.config(`${library.written("two")}\n[read]\nread_deadline_ms = "soon"\n`);
  mount.kill("SIGHUP");
  await mount.logged("the configuration stays as it was");
  expect(await library.files()).toEqual(ALL);
  library.config(`${library.written("two")}\n[read]\nread_deadline_ms = 20000\n`);
  mount.kill("SIGHUP");
  await mount.logged('"needs_remount":"read"');
  expect(await library.files()).toEqual(["b/2.flac"]);
  expect(await mount.stop()).toBe(0);
});

mounted("a mount of --origin has no file to change, and says so", async () => {
  using library = twoDisks();
  const origin = `--origin=one=${library.path("one")}`;
  await using _mount = await Mount.start(library, [origin]);
  using running = await library.client();
  await expect(running.client.removeOrigin("one")).rejects.toMatchObject({
    code: "usage",
    message: expect.stringContaining("given by --origin"),
  });
  expect(await library.files()).toEqual(["a/1.flac"]);
});

mounted("the socket a killed mount left is recognised and removed", async () => {
  using library = twoDisks();
  {
    await using mount = await library.mount();
    mount.kill("SIGKILL");
    await mount.exited();
  }
  expect(library.sockets).toHaveLength(1);
  expect(await library.asked("status", library.mountPoint)).toMatchObject({
    code: 2,
    said: { error: { message: expect.stringContaining("no mount of yours runs at") } },
  });
  expect(library.sockets).toEqual([]);
  await using again = await library.mount();
  expect((await library.done("status")).pid).toBe(again.pid);
});

mounted("mounts are told apart by path and by configuration", async () => {
  using library = twoDisks();
  using other = new Workspace("control-other");
  other.file("disk/c/3.flac", "three");
  await using mine = await library.mount();
  const { XDG_RUNTIME_DIR = "" } = library.env;
  await using others = await Mount.start(other, [`--origin=${other.path("disk")}`], {
    env: { XDG_RUNTIME_DIR },
  });
  expect(library.sockets).toHaveLength(2);
  expect((await library.done("status")).pid).toBe(mine.pid);
  expect((await library.done("status", other.mountPoint)).pid).toBe(others.pid);
  const unsaid = await other.run([BINARY, "status"], { env: { XDG_RUNTIME_DIR } });
  expect(unsaid.code).toBe(2);
  for (const each of [library, other]) expect(unsaid.stderr).toContain(each.mountPoint);
  expect(await mine.stop()).toBe(0);
  expect(library.sockets).toHaveLength(1);
});

mounted("--metrics serves the page of metrics on a port, and nothing else", async () => {
  using library = twoDisks();
  const [port] = await freePorts(1);
  await using _mount = await library.mount(["--metrics", String(port)]);
  expect(await library.shell('cat "$1/a/1.flac"')).toBe("one");
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  expect(page).toContain('musicfs_origin_health{origin="one",type="local",status="healthy"} 1');
  expect(page).toMatch(/^musicfs_origin_reads_total\{origin="one"\} [1-9]/m);
  expect(page).toContain("musicfs_library_files 1");
  expect((await fetch(`http://127.0.0.1:${port}/v1/status`)).status).toBe(404);
});

mounted("nobody else can connect, or see that there is something", async () => {
  using library = twoDisks();
  await using _mount = await library.mount();
  const [socket = ""] = library.sockets;
  const path = join(library.socketDirectory, socket);
  expect(statSync(library.socketDirectory).mode & 0o777).toBe(0o700);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  // The way there is open, so that it is the directory that stops them.
  chmodSync(library.path("home"), 0o755);
  chmodSync(library.path("home", "run"), 0o755);
  const connect =
    "socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, pack_sockaddr_un(shift)) or die $!";
  const tried = await run(["perl", "-MSocket", "-e", connect, path], { user: NOBODY });
  expect(tried).toMatchObject({ stdout: "", stderr: expect.stringContaining("Permission denied") });
  expect((await run(["ls", library.socketDirectory], { user: NOBODY })).stderr).toContain(
    "Permission denied",
  );
  // Nor does somebody's own directory of sockets lead anybody anywhere.
  const env = { ...library.env, XDG_RUNTIME_DIR: library.path("home", "run") };
  const asked = await run([BINARY, "status"], {
    user: NOBODY,
    env: { ...env, HOME: "/nonexistent" },
  });
  expect([asked.code, asked.stdout]).toEqual([2, ""]);
  // Even the user does not use a directory that others may.
  chmodSync(library.socketDirectory, 0o755);
  const opened = await library.asked("status");
  expect([opened.code, opened.said.error.code]).toEqual([2, "config"]);
});
