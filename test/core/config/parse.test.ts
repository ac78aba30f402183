import { describe, expect, test } from "bun:test";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { ConfigError } from "../../../src/core/config/problem.ts";
import { resolveConfig } from "../../../src/core/config/resolve.ts";
import { someUser } from "./surroundings.ts";

const NAS = `[[origins]]
id = "nas"
origin_type = "local"
path = "/srv/music"
`;

async function complaint(text: string): Promise<string> {
  try {
    await parseConfig(text, "c.toml");
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "nothing is wrong";
}

describe("parseConfig()", () => {
  test("parse config (FR-13.5)", async () => {
    const text = `
mount_point = "/mnt/music"
cache_dir = "/home/user/.cache/musicfs"

[[origins]]
id = "local"
origin_type = "local"
priority = 1
path = "/mnt/nas/music"

[[origins]]
id = "backup"
origin_type = "s3"
priority = 2
bucket = "music-backup"
region = "us-east-1"
`;
    const config = await parseConfig(text, "c.toml");
    expect(config.origins.length).toBe(2);
    expect(config.origins[0]?.priority).toBe(1);
    expect(config.origins[1]?.origin_type).toBe("s3");
    expect(config.mount_point).toBe("/mnt/music");
  });

  test("accepts a byte order mark and CRLF", async () => {
    const config = await parseConfig(`\ufeff${NAS.replaceAll("\n", "\r\n")}`, "c.toml");
    expect(config.origins[0]?.id).toBe("nas");
    expect(await complaint(`\ufeff${NAS}x = 1\n`)).toStartWith("c.toml:5:1: origins[0].x ");
  });

  test("takes every setting of every type (FR-13.1, FR-13.5)", async () => {
    const common = `priority = 0
enabled = false
prefix = "/Lossless/"
exclude = ["*.log", "tmp/**"]
operation_timeout_ms = 1000
max_concurrency = 8
bandwidth_limit = "1.5M"
cache = false
poll_interval_secs = 60
revalidate_secs = 0
index = "https://example.com/index"
index_trust = true
credentials = { env = "X" }
`;
    const own = {
      local: 'path = "~/Music"',
      nfs: 'path = "/mnt/nas"\nrequire_mount = false',
      smb: 'path = "/mnt/share/"\nrequire_mount = true',
      s3: 'bucket = "b"\npath = "music/"\nregion = "eu-1"\nendpoint = "http://127.0.0.1:9000"\nforce_path_style = false\nprofile = "p"',
      sftp: 'host = "h"\nport = 2222\nuser = "u"\npath = "music"\nidentity_file = "~/.ssh/id"\nknown_hosts = "/k"\nmax_connections = 2',
    };
    const text = Object.entries(own)
      .map(
        ([type, lines]) =>
          `[[origins]]\nid = "${type}"\norigin_type = "${type}"\n${lines}\n${common}`,
      )
      .join("\n");
    const { origins } = resolveConfig(await parseConfig(text, "c.toml"), someUser());
    for (const origin of origins) {
      expect(origin).toMatchObject({
        priority: 0,
        enabled: false,
        prefix: "Lossless",
        exclude: ["*.log", "tmp/**"],
        operationTimeoutMs: 1000,
        maxConcurrency: 8,
        bandwidthLimitBytesPerSec: 1.5 * 1024 ** 2,
        cache: false,
        pollIntervalSecs: 60,
        revalidateSecs: 0,
        index: "https://example.com/index",
        indexTrust: true,
        credentials: { from: "env", prefix: "X" },
      });
    }
    expect(origins[0]).toMatchObject({ originType: "local", path: "/home/user/Music" });
    expect(origins[1]).toMatchObject({ originType: "nfs", path: "/mnt/nas", requireMount: false });
    expect(origins[2]).toMatchObject({ originType: "smb", path: "/mnt/share", requireMount: true });
    expect(origins[3]).toMatchObject({
      bucket: "b",
      path: "music",
      region: "eu-1",
      endpoint: "http://127.0.0.1:9000",
      forcePathStyle: false,
      profile: "p",
    });
    expect(origins[4]).toMatchObject({
      host: "h",
      port: 2222,
      user: "u",
      path: "music",
      identityFile: "/home/user/.ssh/id",
      knownHosts: "/k",
      maxConnections: 2,
    });
  });

  test("lists all that is wrong, in the order of the file", async () => {
    expect(await complaint(`[health]\ntimeout_ms = 0\n${NAS}priority = 256\n`)).toBe(
      "c.toml:2:1: health.timeout_ms must be a whole number from 10 to 3600000, not 0\n" +
        "c.toml:7:1: origins[0].priority must be a whole number from 0 to 255, not 256",
    );
  });

  test("hands problems out as data", async () => {
    const failure = await parseConfig(`${NAS}prio = 1\n`, "c.toml").catch((error) => error);
    expect(failure).toBeInstanceOf(ConfigError);
    expect(failure.code).toBe("config");
    expect(failure.problems).toEqual([
      {
        source: "c.toml",
        line: 5,
        column: 1,
        key: "origins[0].prio",
        message:
          "is not a setting here; there are id, origin_type, path, watch, priority, enabled, prefix, " +
          "exclude, operation_timeout_ms, max_concurrency, bandwidth_limit, cache, " +
          "poll_interval_secs, revalidate_secs, index, index_trust, credentials",
      },
    ]);
  });
});

const types = '"local", "nfs", "smb", "s3", "sftp"';

/** What is written, and the whole of what is said about it. */
const MESSAGES: readonly (readonly [string, string])[] = [
  ["a = \n", "1:5: is not valid TOML: invalid value\n  1 | a = \n    |     ^"],
  [
    'mount_point = "/a\n',
    '1:18: is not valid TOML: control characters are not allowed in strings\n  1 | mount_point = "/a\n    |                  ^',
  ],
  ["mount_pont = '/x'", '1:1: mount_pont is not a setting here; did you mean "mount_point"?'],
  [
    "swallow.x = 1",
    "1:1: swallow is not a setting here; there are mount_point, cache_dir, origins, cache, health, read, mount, log, metrics",
  ],
  ["mount_point = 3", '1:1: mount_point must be an absolute path or begin with "~/", not 3'],
  ['cache_dir = "c"', '1:1: cache_dir must be an absolute path or begin with "~/", not "c"'],
  ["origins = 3", "1:1: origins must be tables: write each as [[origins]]"],
  ['[origins]\nid = "x"', "1:2: origins must be tables: write each as [[origins]]"],
  ["health = 3", "1:1: health must be a table"],
  [
    "[health]\ntimeout_ms = 1979-05-27",
    "2:1: health.timeout_ms must be a whole number from 10 to 3600000, not a date",
  ],
  [`${NAS}prioriy = 1`, '5:1: origins[0].prioriy is not a setting here; did you mean "priority"?'],
  [
    `${NAS}max-connections = 1`,
    "5:1: origins[0].max-connections is not a setting here; there are id, origin_type, path, watch, priority, enabled, prefix, exclude, operation_timeout_ms, max_concurrency, bandwidth_limit, cache, poll_interval_secs, revalidate_secs, index, index_trust, credentials",
  ],
  [
    `${NAS}bucket = "b"`,
    "5:1: origins[0].bucket is not a setting here; it belongs to s3, not local",
  ],
  [
    `${NAS}priority = "1"`,
    '5:1: origins[0].priority must be a whole number from 0 to 255, not "1"',
  ],
  [`${NAS}enabled = "yes"`, '5:1: origins[0].enabled must be true or false, not "yes"'],
  [
    `${NAS}${NAS}`,
    '6:1: origins[1].id is the id of an earlier origin; each needs its own, not "nas" again',
  ],
  [NAS.replace('id = "nas"\n', ""), "1:3: origins[0].id is missing: the origin's name"],
  [
    NAS.replace('path = "/srv/music"\n', ""),
    "1:3: origins[0].path is missing: the directory that holds the files",
  ],
  [NAS.replace("path", "pth"), '4:1: origins[0].pth is not a setting here; did you mean "path"?'],
  [
    NAS.replace("local", "locl"),
    `3:1: origins[0].origin_type must be one of ${types}, not "locl"; did you mean "local"?`,
  ],
  [
    NAS.replace("local", "webdav"),
    `3:1: origins[0].origin_type must be one of ${types}, not "webdav"`,
  ],
  [
    NAS.replace('origin_type = "local"\n', ""),
    `1:3: origins[0].origin_type is missing; it is one of ${types}`,
  ],
  [
    NAS.replace("nas", "NAS box"),
    '2:1: origins[0].id must be 1 to 64 characters of a-z, 0-9, _ and -, not "NAS box"',
  ],
  [
    `${NAS}password = "hunter2"`,
    "5:1: origins[0].password is not a setting here; secrets stay out of this file: write an [origins.credentials] table with env, file or command below the origin",
  ],
  [
    `${NAS}[origins.credentials]`,
    "5:2: origins[0].credentials must have exactly one of env, file and command",
  ],
  [
    `${NAS}[origins.credentials]\nenv = "X"\nfile = "/x"`,
    "5:2: origins[0].credentials must have exactly one of env, file and command",
  ],
  [
    `${NAS}[origins.credentials]\nenv = "hunter2!"`,
    '6:1: origins[0].credentials.env must be the beginning of names of environment variables, such as "NAS"',
  ],
  [
    `${NAS}bandwidth_limit = "10Q"`,
    '5:1: origins[0].bandwidth_limit must be a rate in bytes a second such as "512K", "10M" or "1.5G", at least "1K", not "10Q"',
  ],
  [
    `${NAS}exclude = ["a", 3]`,
    "5:1: origins[0].exclude must be a list of non-empty strings, not a list",
  ],
  [
    `${NAS}prefix = "../x"`,
    '5:1: origins[0].prefix must be names joined by "/", each of 1 to 255 bytes and not "." or "..", not "../x"',
  ],
  [
    "[cache]\ncontent_cache_gb = -1",
    "2:1: cache.content_cache_gb must be a number from 0 to 1000000, not -1",
  ],
  [
    "[cache]\ncontent_cache_gb = nan",
    "2:1: cache.content_cache_gb must be a number from 0 to 1000000, not NaN",
  ],
  [
    "[health.per_origin_thresholds]\nlocl = 1",
    '2:1: health.per_origin_thresholds.locl is not a setting here; did you mean "local"?',
  ],
  ['[read]\nfailover = "maybe"', '2:1: read.failover must be "probable" or "proved", not "maybe"'],
  [
    '[metrics]\nlisten = "localhost"',
    '2:1: metrics.listen must be an address and a port such as "127.0.0.1:9464", "[::1]:9464" or "9464", not "localhost"',
  ],
  [
    '[log]\nlevel = "loud"',
    '2:1: log.level must be "error" or "warn" or "info" or "debug", not "loud"',
  ],
  [
    'origins = [{id="a", origin_type="local", path="/x"}, {id="b", origin_type="s3"}]',
    "1:54: origins[1].bucket is missing: the bucket",
  ],
  [
    '[[origins]]\nid = "s"\norigin_type = "s3"\nbucket = "b"\nendpoint = "https://u:hunter2@h"',
    '5:1: origins[0].endpoint must be a URL such as "https://s3.example.com", without user, password or query',
  ],
  [
    '[[origins]]\nid = "s"\norigin_type = "sftp"\nhost = "-oProxyCommand=x"',
    '4:1: origins[0].host must be a host without user or port, not "-oProxyCommand=x"',
  ],
];

describe("parseConfig() names file, line, column, key and what would be right", () => {
  for (const [text, message] of MESSAGES) {
    test(JSON.stringify(text.replace(NAS, "… ")), async () => {
      expect(await complaint(text)).toBe(`c.toml:${message}`);
    });
  }

  test("and no terminal escape, nor a secret (R-3)", async () => {
    const said = [
      await complaint('"\\u001b[31m" = 1'),
      await complaint('mount_point = "\\u001b[31m"'),
      await complaint('password = "hunter2\n'),
      await complaint(`${NAS}credentials = { command = "echo hunter2\\u0000" }`),
      await complaint(`${NAS}secret_access_key = "hunter2"`),
    ].join("\n");
    expect(said).not.toContain("\u001b");
    expect(said).not.toContain("hunter2");
  });

  test("and at most 64 origins", async () => {
    const many = Array.from({ length: 65 }, (_, index) => NAS.replace("nas", `nas${index}`));
    expect(await complaint(many.join(""))).toBe(
      "c.toml:1:3: origins are too many: there can be 64",
    );
  });
});
