import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Home } from "./cli.ts";

const read = (home: Home) => readFileSync(home.configFile, "utf8");

describe("musicfs origins", () => {
  test("add makes the file, private, when the origin answers", async () => {
    using home = new Home();
    await home.music("disk", { "a.flac": "a" });
    const added = await home.run(
      "origins",
      "add",
      "disk",
      "--type",
      "local",
      "--path",
      "disk",
      "--priority",
      "1",
    );
    expect(added).toEqual({
      code: 0,
      stdout: `origin disk added to ${home.configFile}\n`,
      stderr: "",
    });
    expect(read(home)).toBe(
      `[[origins]]\nid = "disk"\norigin_type = "local"\npath = "${home.path}/disk"\npriority = 1\n`,
    );
    expect(statSync(home.configFile).mode & 0o7777).toBe(0o600);
  });

  test("add writes nothing when it does not answer, unless --no-check", async () => {
    using home = new Home();
    const args = ["origins", "add", "gone", "--type", "local", "--path", "/no/such"];
    const failed = await home.run(...args);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(
      /^musicfs: origin gone: .*; nothing was written \(--no-check adds it all the same\)\n$/,
    );
    expect(await Bun.file(home.configFile).exists()).toBe(false);
    expect((await home.run(...args, "--no-check")).code).toBe(0);
    expect(read(home)).toContain('path = "/no/such"');
  });

  test("add twice fails, and with --if-missing does nothing", async () => {
    using home = new Home();
    const args = ["origins", "add", "x", "--type", "local", "--path", home.path];
    await home.run(...args);
    const before = read(home);
    expect(await home.run(...args)).toEqual({
      code: 2,
      stdout: "",
      stderr: 'musicfs: there is an origin "x" already; change it with: origins set\n',
    });
    expect(await home.run(...args, "--if-missing")).toEqual({ code: 0, stdout: "", stderr: "" });
    const { stdout } = await home.run(...args, "--if-missing", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ changed: false, origin: { id: "x" } });
    expect(read(home)).toBe(before);
  });

  test("add takes every type's settings as flags (FR-13.1, FR-13.5)", async () => {
    using home = new Home();
    const types = {
      nas: [
        "--type",
        "smb",
        "--path",
        "/mnt/nas",
        "--require-mount",
        "false",
        "--exclude",
        "*.log",
        "--exclude",
        "tmp",
      ],
      cloud: [
        "--type",
        "s3",
        "--bucket",
        "music",
        "--path",
        "a/b",
        "--region",
        "eu-1",
        "--endpoint",
        "http://127.0.0.1:1",
        "--force-path-style",
        "--profile",
        "p",
        "--credentials-env",
        "CLOUD",
        "--bandwidth-limit",
        "10M",
      ],
      attic: [
        "--type",
        "sftp",
        "--host",
        "h",
        "--port",
        "2222",
        "--user",
        "u",
        "--path",
        "music",
        "--identity-file",
        "~/.ssh/k",
        "--known-hosts",
        "kh",
        "--max-connections",
        "2",
        "--enabled=false",
        "--credentials-command",
        "pass attic",
      ],
    };
    for (const [id, flags] of Object.entries(types)) {
      expect(await home.run("origins", "add", id, ...flags, "--no-check")).toMatchObject({
        code: 0,
        stderr: "",
      });
    }
    expect(read(home)).toBe(`[[origins]]
id = "nas"
origin_type = "smb"
path = "/mnt/nas"
exclude = ["*.log", "tmp"]
require_mount = false

[[origins]]
id = "cloud"
origin_type = "s3"
path = "a/b"
bandwidth_limit = "10M"
bucket = "music"
region = "eu-1"
endpoint = "http://127.0.0.1:1"
force_path_style = true
profile = "p"
credentials = { env = "CLOUD" }

[[origins]]
id = "attic"
origin_type = "sftp"
path = "music"
enabled = false
host = "h"
port = 2222
user = "u"
identity_file = "~/.ssh/k"
known_hosts = "${home.path}/kh"
max_connections = 2
credentials = { command = "pass attic" }
`);
    const { code, stdout } = await home.run("origins", "ls", "--json");
    expect(code).toBe(0);
    const { origins } = JSON.parse(stdout);
    expect(origins).toHaveLength(3);
    expect(origins[1]).toMatchObject({
      id: "cloud",
      type: "s3",
      priority: 100,
      enabled: true,
      status: "unknown",
      threshold: 3,
      settings: {
        bucket: "music",
        force_path_style: true,
        bandwidth_limit_bytes_per_sec: 10_485_760,
        credentials: { env: "CLOUD" },
      },
    });
    expect(origins[2].settings.credentials).toEqual({ command: "[redacted]" });
    expect((await home.run("origins", "ls")).stdout).toBe(
      [
        "ORIGIN  TYPE  PRIORITY  ENABLED  PREFIX  WHERE",
        "nas     smb        100  yes      /       /mnt/nas",
        "cloud   s3         100  yes      /       s3://music/a/b at http://127.0.0.1:1",
        "attic   sftp       100  no       /       sftp://u@h:2222/~/music",
        "",
      ].join("\n"),
    );
  });

  test("ls shows the login directory of an SSH server as ~", async () => {
    using home = new Home();
    for (const [id, ...flags] of [
      ["a"],
      ["b", "--path", "~/"],
      ["c", "--path", "~/music"],
      ["d", "--path", "/srv/music"],
    ] as const) {
      await home.run("origins", "add", id, "--type", "sftp", "--host", "h", "--no-check", ...flags);
    }
    const { stdout } = await home.run("origins", "ls");
    expect(stdout.match(/sftp:\/\/.*/g)).toEqual([
      "sftp://h/~",
      "sftp://h/~",
      "sftp://h/~/music",
      "sftp://h/srv/music",
    ]);
  });

  /** Flags after `origins add x`, and what is said. */
  const WRONG: readonly (readonly [readonly string[], string])[] = [
    [["--type", "locl"], '--type must be one of local, nfs, smb, s3, sftp, not "locl"'],
    [["--type", "local"], "--path is missing: the directory that holds the files"],
    [
      ["--type", "local", "--path", "/a", "--priority", "high"],
      '--priority must be a whole number from 0 to 255, not "high"',
    ],
    [
      ["--type", "local", "--path", "/a", "--bucket", "b"],
      "--bucket is not a setting here; it belongs to s3, not local",
    ],
    [
      ["--type", "local", "--path", "/a", "--cache", "maybe"],
      '--cache must be true or false, not "maybe"',
    ],
    [
      ["--type", "s3", "--bucket", "b", "--credentials-env", "A", "--credentials-file", "/f"],
      "--credentials must have exactly one of env, file and command",
    ],
    [
      ["--type", "local", "--path", "/", "--accept-host-key", "SHA256:x"],
      "--accept-host-key belongs to sftp, not local",
    ],
  ];
  for (const [flags, message] of WRONG) {
    test(`add refuses ${flags.join(" ")}`, async () => {
      using home = new Home();
      expect(await home.run("origins", "add", "x", ...flags)).toEqual({
        code: 2,
        stdout: "",
        stderr: `musicfs: ${message}\n`,
      });
      expect(await Bun.file(home.configFile).exists()).toBe(false);
    });
  }

  test("set, enable, disable and rm keep comments", async () => {
    using home = new Home();
    const text =
      '# mine\n\n[[origins]] # the one\nid = "a"\norigin_type = "local"\npath = "/a" # here\nindex = "i"\n\n# end\n';
    await Bun.write(home.configFile, text);
    await home.run("origins", "set", "a", "--priority", "2", "--unset", "index");
    expect(read(home)).toBe(text.replace('index = "i"', "priority = 2"));
    const again = await home.run("origins", "set", "a", "--priority", "2", "--json");
    expect(JSON.parse(again.stdout)).toMatchObject({ changed: false, origin: { priority: 2 } });
    await home.run("origins", "disable", "a");
    expect(read(home)).toBe(text.replace('index = "i"', "priority = 2\nenabled = false"));
    expect((await home.run("origins", "enable", "a")).stdout).toBe(
      `origin a changed in ${home.configFile}\n`,
    );
    expect((await home.run("origins", "enable", "a")).stdout).toBe("origin a is so already\n");
    expect(read(home)).toBe(text.replace('index = "i"', "priority = 2\nenabled = true"));
    expect(await home.run("origins", "rm", "a")).toMatchObject({ code: 0 });
    expect(read(home)).toBe("# mine\n\n# end\n");
  });

  test("set says what is wrong", async () => {
    using home = new Home();
    await Bun.write(
      home.configFile,
      '[[origins]]\nid = "nas"\norigin_type = "local"\npath = "/a"\n',
    );
    const said = async (...args: readonly string[]) =>
      (await home.run("origins", "set", ...args)).stderr;
    expect(await said("nsa", "--priority", "1")).toBe(
      'musicfs: there is no origin "nsa"; did you mean "nas"?\n',
    );
    expect(await said("nas")).toBe(
      "musicfs: there is nothing to set; see musicfs origins set --help\n",
    );
    expect(await said("nas", "--unset", "prioriti")).toBe(
      'musicfs: --unset: local origins have no setting "prioriti"; did you mean "priority"?\n',
    );
    expect(await said("nas", "--unset", "path")).toBe(
      "musicfs: --path is missing: the directory that holds the files\n",
    );
  });

  test("rm of what is not there fails, and with --if-exists does nothing", async () => {
    using home = new Home();
    expect(await home.run("origins", "rm", "a")).toEqual({
      code: 2,
      stdout: "",
      stderr: 'musicfs: there is no origin "a"; none is configured\n',
    });
    expect(await home.run("origins", "rm", "a", "--if-exists")).toEqual({
      code: 0,
      stdout: "",
      stderr: "",
    });
    const json = await home.run("origins", "rm", "a", "--if-exists", "--json");
    expect(JSON.parse(json.stdout)).toEqual({ changed: false, file: home.configFile, id: "a" });
    expect(await Bun.file(home.configFile).exists()).toBe(false);
  });

  test("rm --purge-cache forgets the origin's files at once", async () => {
    using home = new Home();
    await home.music("a", { "1.flac": "one" });
    await home.music("b", { "2.flac": "two", "3.flac": "three" });
    for (const id of ["a", "b"])
      await home.run("origins", "add", id, "--type", "local", "--path", id);
    await home.run("scan");
    expect(await home.run("origins", "rm", "b", "--purge-cache")).toMatchObject({
      code: 0,
      stderr: "",
    });
    const { Database } = await import("bun:sqlite");
    using catalog = new Database(join(home.cacheDir, "catalog.db"), { readonly: true });
    expect(catalog.query("SELECT id FROM origin").values()).toEqual([["a"]]);
  });
});
