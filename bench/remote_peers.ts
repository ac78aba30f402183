/** File systems that show an SFTP server's directory or an S3 bucket. */

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { S3Server, Sshd } from "../scripts/servers/index.ts";
import { musicfs, notInstalled, OURS, type Peer } from "./peers.ts";
import { BUCKET } from "./servers.ts";

/** Whether who can keeps on disk what was read. */
export type Keeping = "kept" | "not kept";

/** The SFTP server, as it is or seen through a proxy. */
export type SftpTarget = Pick<
  Sshd,
  "host" | "port" | "user" | "keyFile" | "knownHosts" | "dataDir"
>;

/** The S3 server, as it is or seen through a proxy. */
export type S3Target = Pick<S3Server, "endpoint" | "region" | "owner">;

/** The settings of an origin that is the bench's SFTP server, for a configuration file. */
export function sftpOrigin(sshd: SftpTarget, keeping: Keeping): Readonly<Record<string, unknown>> {
  return {
    id: "ssh",
    origin_type: "sftp",
    host: sshd.host,
    port: sshd.port,
    user: sshd.user,
    path: sshd.dataDir,
    identity_file: sshd.keyFile,
    known_hosts: sshd.knownHosts,
    cache: keeping === "kept",
  };
}

/** The server seen through a proxy on this port. */
export function sftpThrough(sshd: Sshd, port: number, root: string): SftpTarget {
  const knownHosts = join(root, "known_hosts");
  writeFileSync(knownHosts, `[${sshd.host}]:${port} ${sshd.hostKey}\n`);
  const { host, user, keyFile, dataDir } = sshd;
  return { host, port, user, keyFile, knownHosts, dataDir };
}

/** The settings of an origin that is the bench's bucket. */
export function s3Origin(s3: S3Target, keeping: Keeping): Readonly<Record<string, unknown>> {
  return {
    id: "bucket",
    origin_type: "s3",
    bucket: BUCKET,
    region: s3.region,
    endpoint: s3.endpoint,
    force_path_style: true,
    cache: keeping === "kept",
  };
}

/** The owner's keys, where every S3 client looks for them. */
export function s3Env({ owner }: S3Target): Readonly<Record<string, string>> {
  return { AWS_ACCESS_KEY_ID: owner.accessKeyId, AWS_SECRET_ACCESS_KEY: owner.secretAccessKey };
}

/** Writes a configuration file with these origins in a directory of its own; answers its path. */
export function writeConfig(
  directory: string,
  origins: readonly Readonly<Record<string, unknown>>[],
): string {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "config.toml");
  const tables = origins.map((origin) =>
    ["[[origins]]", ...Object.entries(origin).map(([k, v]) => `${k} = ${JSON.stringify(v)}`)].join(
      "\n",
    ),
  );
  writeFileSync(file, `${tables.join("\n\n")}\n`, { mode: 0o600 });
  return file;
}

export function sftpPeers(sshd: SftpTarget, root: string, keeping: Keeping): readonly Peer[] {
  const config = writeConfig(join(root, "sftp"), [sftpOrigin(sshd, keeping)]);
  const { host, port, user, keyFile, knownHosts, dataDir } = sshd;
  return [
    musicfs(OURS, ["--config", config], 1),
    {
      name: "sshfs",
      command: (mountPoint) => {
        const options = [
          "ro",
          "StrictHostKeyChecking=yes",
          `IdentityFile=${keyFile}`,
          `UserKnownHostsFile=${knownHosts}`,
        ];
        const from = `${user}@${host}:${dataDir}`;
        return ["sshfs", "-f", "-p", String(port), "-o", options.join(","), from, mountPoint];
      },
      missing: notInstalled("sshfs"),
    },
    rclone(dataDir, keeping, {
      TYPE: "sftp",
      HOST: host,
      PORT: String(port),
      USER: user,
      KEY_FILE: keyFile,
      KNOWN_HOSTS_FILE: knownHosts,
    }),
  ];
}

export function s3Peers(s3: S3Target, root: string, keeping: Keeping): readonly Peer[] {
  const { endpoint, region, owner } = s3;
  const config = writeConfig(join(root, "s3"), [s3Origin(s3, keeping)]);
  return [
    { ...musicfs(OURS, ["--config", config], 1), env: s3Env(s3) },
    {
      name: "s3fs",
      command: (mountPoint, scratch) => {
        const options = ["ro", `url=${endpoint}`, `endpoint=${region}`, "use_path_request_style"];
        if (keeping === "kept") options.push(`use_cache=${join(scratch, "cache")}`);
        return ["s3fs", BUCKET, mountPoint, "-f", "-o", options.join(",")];
      },
      env: { AWSACCESSKEYID: owner.accessKeyId, AWSSECRETACCESSKEY: owner.secretAccessKey },
      missing: notInstalled("s3fs"),
    },
    rclone(BUCKET, keeping, {
      TYPE: "s3",
      PROVIDER: "Other",
      ENDPOINT: endpoint,
      REGION: region,
      FORCE_PATH_STYLE: "true",
      ACCESS_KEY_ID: owner.accessKeyId,
      SECRET_ACCESS_KEY: owner.secretAccessKey,
    }),
  ];
}

/** rclone with a remote that only its environment describes. */
function rclone(path: string, keeping: Keeping, settings: Readonly<Record<string, string>>): Peer {
  const env = Object.entries(settings).map(([name, value]) => [
    `RCLONE_CONFIG_BENCH_${name}`,
    value,
  ]);
  return {
    name: "rclone",
    command: (mountPoint, scratch) => [
      "env",
      `HOME=${scratch}`,
      "rclone",
      "mount",
      "--read-only",
      `--vfs-cache-mode=${keeping === "kept" ? "full" : "off"}`,
      `--cache-dir=${join(scratch, "cache")}`,
      "--dir-cache-time=1h",
      `bench:${path}`,
      mountPoint,
    ],
    env: Object.fromEntries(env),
    missing: notInstalled("rclone"),
  };
}
