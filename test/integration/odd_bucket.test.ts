/** What a bucket may hold and no directory can, through the compiled binary. */

import { afterAll, beforeAll, expect } from "bun:test";
import { BINARY, Mount, Workspace } from "../e2e/support/musicfs.ts";
import { fakeBucket } from "../support/fake_bucket.ts";
import { needing } from "../support/needs.ts";
import { RAW_KEYS } from "../support/raw_bucket.ts";
import type { RawHttpServer } from "../support/raw_http.ts";

const { describe, test } = needing("root", "fuse");

const ENV = {
  ODD_ACCESS_KEY_ID: RAW_KEYS.accessKeyId,
  ODD_SECRET_ACCESS_KEY: RAW_KEYS.secretAccessKey,
};

const LEFT_OUT = [
  ["album//", "no file can have this name"],
  ["../", "no file can have this name"],
  ["both", "it is a file and a directory at once; the directory is shown"],
] as const;

describe("a bucket with odd objects", () => {
  let server: RawHttpServer;
  let workspace: Workspace;
  const settings = () => ["--config", workspace.path("config.toml")];

  beforeAll(async () => {
    server = await fakeBucket({
      "album//double": Buffer.from("x"),
      "../up": Buffer.from("x"),
      both: Buffer.from("file"),
      "both/inner.flac": Buffer.from("inner"),
      "warm.flac": Buffer.from("warm"),
      "cold.flac": "archived",
    });
    workspace = new Workspace("odd-bucket");
    workspace.config(`
[[origins]]
id = "odd"
origin_type = "s3"
bucket = "music"
region = "us-east-1"
endpoint = "${server.endpoint}"
credentials = { env = "ODD" }
`);
  });
  afterAll(async () => {
    workspace[Symbol.dispose]();
    await server[Symbol.asyncDispose]();
  });

  const musicfs = (...args: string[]) =>
    workspace.run([BINARY, ...args, ...settings()], { env: ENV });

  test("is scanned completely, and the scan names what it left out (S-2)", async () => {
    const { code, stdout, stderr } = await musicfs("scan", "--json");
    expect(code).toBe(0);
    const { origins } = JSON.parse(stdout);
    expect(origins).toMatchObject([{ outcome: "complete", files: 3, problem_count: 3 }]);
    for (const [name, reason] of LEFT_OUT) {
      expect(origins[0].problems).toContainEqual(expect.stringContaining(`${name}: ${reason}`));
      expect(stderr).toContain(`musicfs: origin odd: ${name}`);
    }
  });

  test("is mounted, with an event for what is left out and what is archived (F-10)", async () => {
    await using mount = await Mount.scanned(workspace, settings(), { env: ENV });
    const files = await workspace.shell('cd "$1" && find . -type f | sort');
    expect(files.trim().split("\n")).toEqual(["./both/inner.flac", "./cold.flac", "./warm.flac"]);
    for (const [name, reason] of LEFT_OUT) {
      const lines = mount.lines('"message":"left out"').filter((line) => line.includes(name));
      expect(lines).toHaveLength(1);
      expect(JSON.parse(lines[0] ?? "")).toMatchObject({ level: "warn", origin: "odd", reason });
    }
    const cold = await workspace.run(["cat", `${workspace.mountPoint}/cold.flac`]);
    expect(cold).toMatchObject({ code: 1, stderr: expect.stringContaining("Input/output error") });
    expect(mount.lines('"message":"file is unavailable"').join()).toContain(
      "cold.flac: is archived and must be restored first",
    );
    expect(await workspace.shell('cat "$1/warm.flac" "$1/both/inner.flac"')).toBe("warminner");
    expect(mount.lines('"message":"origin is degraded"')).toEqual([]);
    expect(await mount.stop()).toBe(0);
  });

  test("counts what the bucket will be billed for, over the end of the mount", async () => {
    const counted = async (command: readonly string[]) => {
      const { stdout } = await musicfs(...command, "--json");
      const [{ usage }] = JSON.parse(stdout).origins;
      return usage.this_month;
    };
    const before = await counted(["health"]);
    const heardBefore = server.requests.length;
    expect(before.requests).toBeGreaterThan(0);
    await using mount = await Mount.scanned(workspace, settings(), { env: ENV });
    await workspace.shell('cat "$1/warm.flac"');
    const during = await counted(["health"]);
    expect(during.requests).toBeGreaterThan(before.requests);
    expect(during.received_bytes).toBeGreaterThan(before.received_bytes);
    expect(await mount.stop()).toBe(0);
    const after = await counted(["origins", "ls"]);
    expect(after.requests - before.requests).toBe(server.requests.length - heardBefore);
  });
});
