/** How an origin is written: the settings of every type, and the `[[origins]]` tables. */

import * as v from "valibot";
import { MAX_ORIGINS } from "../limits.ts";
import { ORIGIN_TYPES } from "../origins/origin.ts";
import {
  bandwidth,
  filePath,
  flag,
  relativePath,
  serverUrl,
  text,
  textList,
  wholeNumber,
} from "./setting.ts";
import { suggest } from "./suggest.ts";
import { table } from "./table.ts";

const HOUR_MS = 3_600_000;
const YEAR_SECS = 31_536_000;

/** What an origin's `id` looks like; the same everywhere an id is typed. */
export const ORIGIN_ID = /^[a-z0-9_-]{1,64}$/;

const anyText = /^[^\0\r\n]+$/;

const credentials = {
  env: v.optional(
    text(
      /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
      'the beginning of names of environment variables, such as "NAS"',
      "PREFIX",
      "take them from PREFIX_ACCESS_KEY_ID, PREFIX_SECRET_ACCESS_KEY, PREFIX_USERNAME, PREFIX_PASSWORD, PREFIX_PASSPHRASE",
      { secret: true },
    ),
  ),
  file: v.optional(
    text(
      /^(?:~?\/[^\0]*|[^/~\0][^/\0]*)$/,
      'an absolute path, one that begins with "~/", or a name in $CREDENTIALS_DIRECTORY',
      "PATH",
      "take them from a file of lines NAME=VALUE, or from a bare name in $CREDENTIALS_DIRECTORY",
      { secret: true },
    ),
  ),
  command: v.optional(
    text(/^[^\0]+$/, "a command line", "COMMAND", "take them from the output of a shell command", {
      secret: true,
    }),
  ),
};

/** Keys of `[origins.credentials]`. */
export const CREDENTIAL_SETTINGS = credentials;

/** Settings of an origin of any type but `id` and `origin_type`. */
const everyOrigin = {
  priority: v.optional(wholeNumber(0, 255, "0..255", "lower is preferred (default: 100)"), 100),
  enabled: v.optional(flag("whether it is used (default: true)"), true),
  prefix: v.optional(
    relativePath("PATH", "where its files appear in the tree (default: the root)"),
    "",
  ),
  exclude: v.optional(textList("GLOB", "leave out names that match; replaces the default list")),
  operation_timeout_ms: v.optional(
    wholeNumber(100, HOUR_MS, "MS", "give up an operation after this long (default: 30000)"),
    30_000,
  ),
  max_concurrency: v.optional(wholeNumber(1, 1024, "N", "operations at once (default: by type)")),
  bandwidth_limit: v.optional(bandwidth("bytes a second, such as 10M (default: none)")),
  cache: v.optional(flag("keep what was read on disk (default: all types but local)")),
  poll_interval_secs: v.optional(
    wholeNumber(1, YEAR_SECS, "SECS", "look for changes this often (default: 900)"),
    900,
  ),
  revalidate_secs: v.optional(
    wholeNumber(0, YEAR_SECS, "SECS", "believe a file's attributes this long (default: 60)"),
    60,
  ),
  index: v.optional(
    text(
      /^(?!.*:\/\/[^/]*@)[^\0\r\n]+$/,
      "a path, or a URL without user or password",
      "PATH|URL",
      "a published index of chunks",
      { secret: true },
    ),
  ),
  index_trust: v.optional(
    flag("believe the index by size and mtime alone (default: false)"),
    false,
  ),
};

const localPath = filePath("the directory that holds the files");

const networkPath = {
  path: filePath("where the system has mounted the share"),
  require_mount: v.optional(
    flag("whether PATH must be a network mount to be usable (default: true)"),
    true,
  ),
};

/** Settings of each type besides those of every origin; flags and help are made from these. */
const ownOfType = {
  local: {
    path: localPath,
    watch: v.optional(
      flag("let the system tell of changes instead of looking for them (default: true)"),
      true,
    ),
  },
  nfs: networkPath,
  smb: networkPath,
  s3: {
    bucket: text(/^[^\s/\0]{1,255}$/, "a bucket's name", "NAME", "the bucket"),
    path: v.optional(relativePath("PREFIX", "only keys below this prefix (default: all)"), ""),
    region: v.optional(
      text(
        /^[A-Za-z0-9-]{1,64}$/,
        'a region such as "eu-central-1"',
        "REGION",
        "the bucket's region",
      ),
    ),
    endpoint: v.optional(serverUrl("the server, when it is not AWS")),
    force_path_style: v.optional(
      flag("put the bucket into the URL's path (default: true with an endpoint)"),
    ),
    profile: v.optional(text(anyText, "a profile's name", "NAME", "a profile of ~/.aws/config")),
  },
  sftp: {
    host: text(
      /^[^\s/@\0-][^\s/@\0]*$/,
      "a host without user or port",
      "HOST",
      "the server, or an alias of ~/.ssh/config",
    ),
    port: v.optional(
      wholeNumber(1, 65_535, "PORT", "its port (default: ~/.ssh/config's, else 22)"),
    ),
    user: v.optional(
      text(
        /^[^\s\0]+$/,
        "a user's name",
        "NAME",
        "the user there (default: ~/.ssh/config's, else yours)",
      ),
    ),
    path: v.optional(
      text(anyText, "a path", "PATH", "the directory there (default: the login directory)"),
      ".",
    ),
    identity_file: v.optional(
      filePath("the private key (default: agent, ~/.ssh/config, usual files)"),
    ),
    known_hosts: v.optional(
      filePath("host keys that are trusted (default: ~/.ssh/known_hosts)"),
      "~/.ssh/known_hosts",
    ),
    max_connections: v.optional(wholeNumber(1, 64, "N", "connections at once (default: 4)"), 4),
  },
} as const;

/** Every setting of a type that a flag can set: `id`, `origin_type` and credentials are apart. */
export const ORIGIN_SETTINGS = {
  local: { ...ownOfType.local, ...everyOrigin },
  nfs: { ...ownOfType.nfs, ...everyOrigin },
  smb: { ...ownOfType.smb, ...everyOrigin },
  s3: { ...ownOfType.s3, ...everyOrigin },
  sftp: { ...ownOfType.sftp, ...everyOrigin },
} as const;

const id = text(ORIGIN_ID, "1 to 64 characters of a-z, 0-9, _ and -", "ID", "the origin's name");

function exactlyOne(value: object): boolean {
  return Object.values(value).filter((item) => item !== undefined).length === 1;
}

const credentialsTable = v.pipe(
  table(credentials),
  v.check((value) => exactlyOne(value), "must have exactly one of env, file and command"),
);

function tableOf<const Type extends string, const Own extends v.ObjectEntries>(
  type: Type,
  own: Own,
) {
  return table(
    {
      id,
      origin_type: v.literal(type),
      ...own,
      credentials: v.optional(credentialsTable),
    },
    (key) => {
      const others = ORIGIN_TYPES.filter((other) => Object.hasOwn(ORIGIN_SETTINGS[other], key));
      return others.length === 0 ? undefined : `it belongs to ${others.join(", ")}, not ${type}`;
    },
  );
}

const types = ORIGIN_TYPES.map((type) => `"${type}"`).join(", ");

/** One `[[origins]]` table, of any type. */
export const originTable = v.variant(
  "origin_type",
  [
    tableOf("local", ORIGIN_SETTINGS.local),
    tableOf("nfs", ORIGIN_SETTINGS.nfs),
    tableOf("smb", ORIGIN_SETTINGS.smb),
    tableOf("s3", ORIGIN_SETTINGS.s3),
    tableOf("sftp", ORIGIN_SETTINGS.sftp),
  ],
  (issue) => {
    if (issue.path === undefined || issue.path.at(-1)?.key !== "origin_type")
      return "must be a table";
    if (issue.received === "undefined") return `is missing; it is one of ${types}`;
    const near = suggest(issue.received.replaceAll('"', ""), ORIGIN_TYPES);
    const hint = near === undefined ? "" : `; did you mean "${near}"?`;
    return `must be one of ${types}, not ${issue.received}${hint}`;
  },
);

/** All `[[origins]]`. */
export const originTables = v.pipe(
  v.array(originTable, "must be tables: write each as [[origins]]"),
  v.maxLength(MAX_ORIGINS, `are too many: there can be ${MAX_ORIGINS}`),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const seen = new Set<string>();
    for (const [index, value] of dataset.value.entries()) {
      if (seen.has(value.id)) {
        addIssue({
          message: `is the id of an earlier origin; each needs its own, not "${value.id}" again`,
          path: [
            { type: "array", origin: "value", input: dataset.value, key: index, value },
            { type: "object", origin: "value", input: value, key: "id", value: value.id },
          ],
        });
      }
      seen.add(value.id);
    }
  }),
);
