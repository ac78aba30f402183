/** Configuration files of a Swift cluster of one machine, one disk and one copy. */

import { secret } from "../secrets.ts";

export interface S3Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export const REGION = "us-east-1";
/** May do everything. */
export const OWNER: S3Keys = {
  accessKeyId: "musicfs:owner",
  secretAccessKey: secret("owner"),
};
/** May read everything. */
export const READER: S3Keys = {
  accessKeyId: "musicfs:reader",
  secretAccessKey: secret("reader"),
};
/** Known, and allowed nothing: 403 on all it asks. */
export const DENIED: S3Keys = {
  accessKeyId: "musicfs:denied",
  secretAccessKey: secret("denied"),
};

/** The storage servers, behind the proxy that speaks S3. */
export const STORAGE = ["account", "container", "object"] as const;

export interface SwiftPorts {
  readonly proxy: number;
  readonly account: number;
  readonly container: number;
  readonly object: number;
}

type Sections = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

/** File name and content of everything in the directory `etc`; objects are kept below `devices`. */
export function swiftConfig(
  ports: SwiftPorts,
  { etc, devices, user }: { readonly etc: string; readonly devices: string; readonly user: string },
): Readonly<Record<string, string>> {
  const server = (port: number) => ({
    bind_ip: "127.0.0.1",
    bind_port: port,
    bind_timeout: 1,
    workers: 0,
    user,
    swift_dir: etc,
    conn_timeout: 10,
    node_timeout: 60,
  });
  const storage = (name: (typeof STORAGE)[number]): Sections => ({
    DEFAULT: {
      ...server(ports[name]),
      devices,
      mount_check: false,
      disable_fallocate: true,
      fallocate_reserve: 0,
      log_level: "WARNING",
    },
    "pipeline:main": { pipeline: `${name}-server` },
    [`app:${name}-server`]: {
      use: `egg:swift#${name}`,
      log_requests: false,
      // The listing holds an object when its PUT returns: no daemon here repeats a late update.
      container_update_timeout: 60,
      disk_chunk_size: 262_144,
      network_chunk_size: 262_144,
    },
  });
  return {
    "swift.conf": ini({
      "swift-hash": { swift_hash_path_prefix: "musicfs", swift_hash_path_suffix: "musicfs" },
      "storage-policy:0": { name: "only", default: "yes" },
    }),
    ...Object.fromEntries(STORAGE.map((name) => [`${name}.conf`, ini(storage(name))])),
    "proxy.conf": ini(proxy(server(ports.proxy))),
  };
}

function proxy(server: Sections[string]): Sections {
  const filters = [
    ...["catch_errors", "gatekeeper", "proxy-logging", "cache", "listing_formats", "bulk"],
    ...["s3api", "tempauth", "copy", "slo", "dlo", "versioned_writes", "symlink"],
  ];
  const settings: Sections = {
    cache: { "paste.filter_factory": "swift_lab:cache_factory" },
    "proxy-logging": {
      access_log_name: "access",
      access_log_level: "INFO",
      log_msg_template: "{method} {path} {status_int} {bytes_recvd} {bytes_sent}",
    },
    s3api: { location: REGION, max_upload_part_num: 10_000 },
    tempauth: {
      user_musicfs_owner: `${OWNER.secretAccessKey} .admin`,
      user_musicfs_reader: `${READER.secretAccessKey} .reseller_reader`,
      user_musicfs_denied: DENIED.secretAccessKey,
    },
    slo: { max_manifest_segments: 10_000, rate_limit_under_size: 0 },
    dlo: { rate_limit_after_segment: 1_000_000 },
    versioned_writes: { allow_versioned_writes: true, allow_object_versioning: true },
  };
  return {
    DEFAULT: { ...server, log_level: "INFO" },
    "pipeline:main": { pipeline: [...filters, "proxy-server"].join(" ") },
    "app:proxy-server": {
      use: "egg:swift#proxy",
      account_autocreate: true,
      allow_account_management: true,
      // There is one disk only: never set it aside after errors.
      error_suppression_limit: 1_000_000,
      error_suppression_interval: 0,
      object_chunk_size: 262_144,
      client_chunk_size: 262_144,
    },
    ...Object.fromEntries(
      filters.map((name) => [
        `filter:${name}`,
        {
          ...(name === "cache" ? {} : { use: `egg:swift#${name.replace("-", "_")}` }),
          ...settings[name],
        },
      ]),
    ),
  };
}

function ini(sections: Sections): string {
  return Object.entries(sections)
    .map(([name, values]) => {
      const lines = Object.entries(values).map(([key, value]) => `${key} = ${value}`);
      return `[${name}]\n${lines.join("\n")}\n`;
    })
    .join("\n");
}
