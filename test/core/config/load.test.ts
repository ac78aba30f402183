import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unhealthyThreshold } from "../../../src/core/config/config.ts";
import { loadConfig } from "../../../src/core/config/load.ts";
import { ownDirectory } from "../../../src/core/config/own_file.ts";
import type { Surroundings } from "../../../src/core/config/paths.ts";
import { runtimeDir, runtimeDirs } from "../../../src/core/config/paths.ts";

const uid = process.getuid?.() ?? 0;
let dir = "";
let around: Surroundings;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "musicfs-config-"));
  around = {
    env: { XDG_CONFIG_HOME: dir, XDG_CACHE_HOME: "/x/cache" },
    uid,
    home: "/home/user",
    workingDirectory: "/work",
  };
});
afterEach(() => rmSync(dir, { recursive: true }));

function write(text: string, name = "musicfs/config.toml"): string {
  const path = join(dir, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

function withEnv(env: Record<string, string>): Surroundings {
  return { ...around, env: { ...around.env, ...env } };
}

describe("loadConfig()", () => {
  test("has a default for everything but origins", async () => {
    const { config, file } = await loadConfig({}, { ...around, uid: 1000 });
    expect(file).toBeUndefined();
    expect(config).toEqual({
      mountPoint: "/home/user/musicfs",
      cacheDir: "/x/cache/musicfs",
      origins: [],
      cache: {
        metadataCacheBytes: 100 * 1024 ** 2,
        contentCacheBytes: 10 * 1024 ** 3,
        prefetch: true,
      },
      health: {
        checkIntervalSecs: 30,
        timeoutMs: 5000,
        unhealthyThreshold: 3,
        perOriginThresholds: {},
      },
      read: { readDeadlineMs: 30_000, hedge: true, failover: "probable", onMismatch: "refuse" },
      mount: { allowOther: false, uid: undefined, gid: undefined, passthrough: "cache" },
      log: { level: "info" },
      metrics: { listen: undefined },
    });
  });

  test("gives an origin its defaults (FR-13.3)", async () => {
    write(
      '[[origins]]\nid = "a"\norigin_type = "local"\npath = "/a"\n[[origins]]\nid = "b"\norigin_type = "s3"\nbucket = "b"\n',
    );
    const [a, b] = (await loadConfig({}, around)).config.origins;
    expect(a).toMatchObject({
      priority: 100,
      enabled: true,
      prefix: "",
      cache: false,
      operationTimeoutMs: 30_000,
      pollIntervalSecs: 900,
      revalidateSecs: 60,
      indexTrust: false,
    });
    expect(a?.exclude).toContain(".DS_Store");
    expect(b).toMatchObject({ cache: true, forcePathStyle: false, path: "" });
  });

  test("prefers flags to environment, environment to file, file to defaults", async () => {
    write(
      'mount_point = "/file"\ncache_dir = "~/c"\n[log]\nlevel = "warn"\n[mount]\npassthrough = "off"\nallow_other = true\n',
    );
    const fromFile = (await loadConfig({}, around)).config;
    expect([fromFile.mountPoint, fromFile.cacheDir, fromFile.log.level]).toEqual([
      "/file",
      "/home/user/c",
      "warn",
    ]);
    const env = withEnv({
      MUSICFS_MOUNT_POINT: "/env",
      MUSICFS_CACHE_DIR: "~/env",
      MUSICFS_LOG_LEVEL: "error",
    });
    const fromEnv = (await loadConfig({}, env)).config;
    expect([fromEnv.mountPoint, fromEnv.cacheDir, fromEnv.log.level]).toEqual([
      "/env",
      "/home/user/env",
      "error",
    ]);
    const flags = {
      mountPoint: "flag",
      cacheDir: "../c",
      logLevel: "debug",
      passthrough: "all",
      uid: 7,
      allowOther: false,
    } as const;
    const fromFlags = (await loadConfig(flags, env)).config;
    expect([fromFlags.mountPoint, fromFlags.cacheDir, fromFlags.log.level]).toEqual([
      "/work/flag",
      "/c",
      "debug",
    ]);
    expect(fromFlags.mount).toEqual({
      allowOther: false,
      uid: 7,
      gid: undefined,
      passthrough: "all",
    });
  });

  test("finds the file by flag, then MUSICFS_CONFIG, then the XDG rules", async () => {
    write('mount_point = "/usual"\n');
    const env = withEnv({ MUSICFS_CONFIG: write('mount_point = "/env"\n', "env.toml") });
    const flag = write('mount_point = "/flag"\n', "flag.toml");
    expect((await loadConfig({}, around)).config.mountPoint).toBe("/usual");
    expect((await loadConfig({}, env)).config.mountPoint).toBe("/env");
    expect(await loadConfig({ config: flag }, env)).toMatchObject({
      file: flag,
      config: { mountPoint: "/flag" },
    });
  });

  test("uses the system's places for root and a user's own otherwise", async () => {
    const root = { env: {}, uid: 0, home: "/root", workingDirectory: "/" };
    expect(runtimeDir(root)).toBe("/run/musicfs");
    expect(runtimeDir({ ...root, env: { XDG_RUNTIME_DIR: "/run/user/0" } })).toBe(
      "/run/user/0/musicfs",
    );
    const user = { ...root, uid: 1000, home: "/home/u" };
    expect(runtimeDir(user)).toBe("/home/u/.cache/musicfs/run");
    expect((await loadConfig({}, user)).config.cacheDir).toBe("/home/u/.cache/musicfs");
    expect(
      (await loadConfig({}, { ...user, env: { XDG_CACHE_HOME: "relative" } })).config.cacheDir,
    ).toBe("/home/u/.cache/musicfs");
    await expect(loadConfig({}, { ...user, home: undefined })).rejects.toThrow("set HOME");
  });

  test("knows where logins and services have their sockets", () => {
    const root = { env: {}, uid: 0, home: "/root", workingDirectory: "/" };
    const login = { ...root, env: { XDG_RUNTIME_DIR: "/run/user/0" } };
    expect(runtimeDirs(login)).toEqual(["/run/user/0/musicfs", "/run/musicfs"]);
    expect(runtimeDirs(root)).toEqual(["/run/musicfs", "/run/user/0/musicfs"]);
    const cron = { ...root, uid: 1000, home: "/home/u" };
    expect(runtimeDirs(cron)).toEqual(["/home/u/.cache/musicfs/run", "/run/user/1000/musicfs"]);
  });

  test("takes --metrics in the place of the file's address; a port alone is loopback's", async () => {
    write('[metrics]\nlisten = "0.0.0.0:9000"\n');
    const listen = async (metrics?: string) =>
      (await loadConfig({ metrics }, around)).config.metrics.listen;
    expect(await listen()).toEqual({ host: "0.0.0.0", port: 9000 });
    expect(await listen("9464")).toEqual({ host: "127.0.0.1", port: 9464 });
    expect(await listen("[::1]:9464")).toEqual({ host: "::1", port: 9464 });
    await expect(listen("here")).rejects.toThrow("--metrics");
  });

  test("makes origins of --origin, in the order given", async () => {
    write('[[origins]]\nid = "a"\norigin_type = "local"\npath = "/a"\n');
    const { config } = await loadConfig(
      { origins: ["music", "nas=/srv/a=b", "/x=y"], mountPoint: "/m" },
      around,
    );
    expect(config.origins.map(({ id, priority }) => [id, priority])).toEqual([
      ["origin1" as never, 1],
      ["nas" as never, 2],
      ["origin3" as never, 3],
    ]);
    expect(config.origins.map((origin) => origin.path)).toEqual([
      "/work/music",
      "/srv/a=b",
      "/x=y",
    ]);
    expect(config.cacheDir).toMatch(/^\/x\/cache\/musicfs\/mounts\/[0-9a-f]{16}$/);
    const told = await loadConfig({ origins: ["/a"], cacheDir: "/c" }, around);
    expect(told.config.cacheDir).toBe("/c");
    await expect(loadConfig({ origins: ["a=/1", "a=/2"] }, around)).rejects.toThrow(
      "--origin: origins[1].id is the id of an earlier origin",
    );
  });

  test("says so when a file that was asked for is missing", async () => {
    await expect(loadConfig({ config: "/no/such.toml" }, around)).rejects.toThrow(
      "configuration file /no/such.toml does not exist; make it with: musicfs origins add ID --type local --path PATH",
    );
  });

  test("refuses a file that others own or can write", async () => {
    const path = write("");
    chmodSync(path, 0o620);
    await expect(loadConfig({}, around)).rejects.toThrow(
      `can be written by other users (mode 0620): refused; after a look at it: chmod go-w ${path}`,
    );
    chmodSync(path, 0o644);
    await expect(loadConfig({}, { ...around, uid: uid + 1 })).rejects.toThrow(
      `belongs to user ${uid}, not to user ${uid + 1} who runs musicfs: refused; after a look at it: chown ${uid + 1} ${path}`,
    );
    expect((await loadConfig({}, around)).file).toBe(path);
  });

  test("refuses what is no regular text file, without hanging", async () => {
    await expect(loadConfig({ config: dir }, around)).rejects.toThrow("is not a regular file");
    const fifo = join(dir, "fifo");
    Bun.spawnSync(["mkfifo", "-m", "600", fifo]);
    await expect(loadConfig({ config: fifo }, around)).rejects.toThrow("is not a regular file");
    const loop = join(dir, "loop");
    symlinkSync("loop", loop);
    await expect(loadConfig({ config: loop }, around)).rejects.toThrow(
      "its symbolic links go round in circles",
    );
    const path = write("");
    writeFileSync(path, Buffer.from([0x61, 0xff, 0x0a]));
    await expect(loadConfig({}, around)).rejects.toThrow("is not UTF-8 text");
    writeFileSync(path, `#${"x".repeat(1024 * 1024)}`);
    await expect(loadConfig({}, around)).rejects.toThrow("is larger than 1 MiB");
  });

  test("refuses a log level that there is not", async () => {
    await expect(loadConfig({}, withEnv({ MUSICFS_LOG_LEVEL: "loud" }))).rejects.toThrow(
      'MUSICFS_LOG_LEVEL must be one of error, warn, info, debug, not "loud"',
    );
  });
});

describe("unhealthyThreshold()", () => {
  test("is the type's own, else 1 for local, else the general one (F-6)", async () => {
    write("[health]\nunhealthy_threshold = 4\n[health.per_origin_thresholds]\nnfs = 9\n");
    const { health } = (await loadConfig({}, around)).config;
    expect(
      ["local", "nfs", "s3", "memory"].map((type) => unhealthyThreshold(health, type)),
    ).toEqual([1, 9, 4, 4]);
    expect(unhealthyThreshold({ ...health, perOriginThresholds: { local: 2 } }, "local")).toBe(2);
  });
});

describe("ownDirectory()", () => {
  test("makes it 0700, or an existing one so", () => {
    const path = join(dir, "a/b");
    ownDirectory(path, "cache directory", uid);
    expect(statSync(path).mode & 0o7777).toBe(0o700);
    chmodSync(path, 0o755);
    ownDirectory(path, "cache directory", uid);
    expect(statSync(path).mode & 0o7777).toBe(0o700);
  });

  test("refuses another user's, and what is no directory", () => {
    expect(() => ownDirectory(dir, "cache directory", uid + 1)).toThrow(
      `cache directory ${dir} belongs to user ${uid}, not to user ${uid + 1} who runs musicfs: choose another, or chown ${uid + 1} ${dir}`,
    );
    const file = write("", "file");
    expect(() => ownDirectory(file, "cache directory", uid)).toThrow("is not a directory");
  });
});
