import { describe, expect, test } from "bun:test";
import { BINARY } from "../support/binary.ts";
import { needing } from "../support/needs.ts";
import { Home } from "./cli.ts";

describe("musicfs", () => {
  test("prints help with commands and examples, and nothing else", async () => {
    using home = new Home();
    const { code, stdout, stderr } = await home.run("--help");
    expect([code, stderr]).toEqual([0, ""]);
    for (const command of ["mount", "unmount", "origins", "health", "scan"]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${command} `, "m"));
    }
    expect(stdout).toContain("Examples:");
    expect(stdout).not.toContain("mount.musicfs");
  });

  test("has help for every command, with examples", async () => {
    using home = new Home();
    const commands = [
      ["mount"],
      ["unmount"],
      ["health"],
      ["scan"],
      ["sync-delta"],
      ["origins", "add"],
      ["origins", "set"],
      ["origins", "rm"],
      ["origins"],
      ["origins", "ls"],
      ["origins", "enable"],
      ["mount.musicfs"],
    ];
    const helps = await Promise.all(commands.map((command) => home.run(...command, "--help")));
    for (const [index, { code, stdout }] of helps.entries()) {
      expect([code, commands[index]]).toEqual([0, commands[index]]);
      expect(stdout).toStartWith(`Usage: musicfs ${commands[index]?.join(" ")}`);
      expect(stdout).toMatch(/Examples?:|line of .etc.fstab/);
      expect(stdout).toContain("Global Options:");
    }
    expect((await home.run("help", "mount")).stdout).toBe(helps[0]?.stdout ?? "");
  }, 60_000);

  test("prints its version", async () => {
    using home = new Home();
    const { code, stdout } = await home.run("--version");
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^musicfs \d+\.\d+\.\d+ \(.*Bun/)]);
  });

  /** Arguments, exit code, and all of standard error (without what help prints). */
  const WRONG: readonly (readonly [readonly string[], number, string])[] = [
    [["helth"], 2, 'musicfs: there is no command "helth"; did you mean "health"?\n'],
    [["frobnicate"], 2, 'musicfs: there is no command "frobnicate"; see musicfs --help\n'],
    [["scan", "--jsn"], 2, "musicfs: unknown option '--jsn' (Did you mean --json?)\n"],
    [["health", "--jsn"], 3, "musicfs: unknown option '--jsn' (Did you mean --json?)\n"],
    [
      ["mount", "a", "b"],
      2,
      "musicfs: too many arguments for 'mount'. Expected 1 argument but got 2: a, b.\n",
    ],
    [
      ["mount", "--uid", "me"],
      2,
      "musicfs: option '--uid <uid>' argument 'me' is invalid. It must be a number.\n",
    ],
    [["origins", "lst"], 2, "musicfs: unknown command 'lst' (Did you mean ls?)\n"],
    [
      ["origins", "add", "x"],
      2,
      "musicfs: required option '--type <local|nfs|smb|s3|sftp>' not specified\n",
    ],
    [
      ["--log-level", "loud", "scan"],
      2,
      "musicfs: option '--log-level <LEVEL>' argument 'loud' is invalid. Allowed choices are error, warn, info, debug.\n",
    ],
    [
      ["mount"],
      2,
      "musicfs: there is nothing to mount: add an origin with musicfs origins add, or give --origin PATH\n",
    ],
    [
      ["health", "--config", "/no/such.toml"],
      3,
      "musicfs: configuration file /no/such.toml does not exist; make it with: musicfs origins add ID --type local --path PATH\n",
    ],
    [["scan", "nas"], 2, 'musicfs: there is no origin "nas"; none is configured\n'],
  ];
  for (const [args, code, stderr] of WRONG) {
    test(`says what is wrong with: ${args.join(" ")}`, async () => {
      using home = new Home();
      expect(await home.run(...args)).toEqual({ code, stdout: "", stderr });
    });
  }

  test("without a command prints help and fails", async () => {
    using home = new Home();
    const { code, stdout, stderr } = await home.run();
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toStartWith("Usage: musicfs");
    expect(stderr).toEndWith("musicfs: which command? see above\n");
  });

  test("with --json prints errors as objects too", async () => {
    using home = new Home();
    await Bun.write(home.configFile, "x = 1\n");
    const { code, stdout, stderr } = await home.run("scan", "--json");
    expect(code).toBe(2);
    const message = `${home.configFile}:1:1: x is not a setting here; there are mount_point, cache_dir, origins, cache, health, read, mount, log, metrics`;
    expect(stderr).toBe(`musicfs: ${message}\n`);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        code: "config",
        message,
        problems: [expect.objectContaining({ line: 1, column: 1, key: "x" })],
      },
    });
    const usage = await home.run("--json", "scan", "--nonsense");
    expect(JSON.parse(usage.stdout)).toEqual({
      error: { code: "usage", message: "unknown option '--nonsense'" },
    });
  });

  test("survives a reader that goes away", async () => {
    using home = new Home();
    const shell = ["sh", "-c", `"$0" --help | true`, BINARY];
    const { exitCode, stderr } = Bun.spawnSync(shell, {
      env: { ...process.env, HOME: home.path },
    });
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
  });

  test("refuses what another user could have written", async () => {
    using home = new Home();
    await Bun.write(home.configFile, "");
    Bun.spawnSync(["chmod", "666", home.configFile]);
    const { code, stderr } = await home.run("scan");
    expect(code).toBe(2);
    expect(stderr).toContain(
      `can be written by other users (mode 0666): refused; after a look at it: chmod go-w ${home.configFile}`,
    );
  });

  needing("root", "setpriv").test(
    "works for an ordinary user, and not with root's files",
    async () => {
      using home = new Home();
      await home.music("disk", { "a.flac": "a" });
      const add = ["origins", "add", "disk", "--type", "local", "--path", "disk"];
      expect(await home.runAsNobody(...add)).toMatchObject({ code: 0, stderr: "" });
      expect(await home.runAsNobody("health")).toMatchObject({ code: 0, stderr: "" });
      expect(await home.runAsNobody("scan")).toMatchObject({ code: 0, stderr: "" });
      const asRoot = await home.run("scan");
      expect(asRoot.code).toBe(2);
      expect(asRoot.stderr).toContain(
        "belongs to user 65534, not to user 0 who runs musicfs: refused",
      );
    },
  );

  test("finds file and directories by environment and flags", async () => {
    using home = new Home();
    const path = await home.music("disk", { "a.flac": "a" });
    const file = `${home.path}/other.toml`;
    await Bun.write(file, `[[origins]]\nid = "x"\norigin_type = "local"\npath = "${path}"\n`);
    Bun.spawnSync(["chmod", "600", file]);
    const env = { MUSICFS_CONFIG: file, MUSICFS_CACHE_DIR: `${home.path}/c1` };
    expect(await home.runWith(env, "scan")).toMatchObject({ code: 0, stderr: "" });
    expect(await Bun.file(`${home.path}/c1/catalog.db`).exists()).toBe(true);
    expect(await home.runWith(env, "scan", "--cache-dir", "c2")).toMatchObject({ code: 0 });
    expect(await Bun.file(`${home.path}/c2/catalog.db`).exists()).toBe(true);
    expect((await home.run("--config", "other.toml", "origins", "ls")).stdout).toContain(path);
  });
});
