/**
 * The tables of the catalog (docs/on-disk.md).
 *
 * - `tree`: one row. The next ids, so that no id is ever used twice; `revision`, which grows with
 *   every change; totals of what is visible (directories without the root); `generation`, a random
 *   name that a catalog gets when it is made, for whoever keeps its ids elsewhere.
 * - `origin`: the configured origins. `rank` is the order of preference, 0 is best. `files` counts
 *   its replicas; `held` says that its last scan held removals back.
 * - `entry`: paths. A child's id is larger than its parent's. `visible` is a {@link Visibility};
 *   attributes and `version` are those of the tree, so that LOOKUP and READDIR read nothing else.
 *   `copies` counts the enabled origins that hold exactly this version. `changed` of a directory is
 *   when an addition or removal in it was last seen, 0 for never.
 * - `holding`: what one origin holds at an entry: a replica of a file, or a directory (`version`
 *   0, `token` its identity, `state` of {@link HoldingState}). Clustered by directory, so that one
 *   range read gives all that a listing is compared with.
 * - `listing`: the last complete listing of a directory on an origin, as long as what is held there
 *   is exactly what it brought: its mark, and how many files and directories it showed.
 * - `version`: sequences of bytes. `retired` names those that no holding refers to any more; they
 *   are dropped when the catalog is opened next.
 * - `content`: what a version consists of, where all of its bytes were read: MD5 and SHA-256 of the
 *   whole, lower-case hex, and its manifest (sync/chunks/manifest.ts).
 * - `different`: pairs of versions (low id first) that were compared and differ.
 * - `served`: entries that lead to another version than the visible one for now.
 */

import type { Connection } from "./connection.ts";

/** `PRAGMA user_version`: raised with every change of the layout. */
export const SCHEMA_VERSION = 3;

/** `PRAGMA application_id`: "MuFS". */
export const APPLICATION_ID = 0x4d754653;

/** Values of `entry.kind`. */
export const DIRECTORY = 0;
export const FILE = 1;

/** Values of `entry.visible`. */
export const Visibility = {
  /** No enabled origin holds it, or its directory is not visible. */
  none: 0,
  shown: 1,
  /** Hidden by an entry of the other kind and the same name on a better origin. */
  shadowed: 2,
} as const;

/** Bits of `holding.state`, for directories. */
export const HoldingState = {
  /** A listing of it was completed. */
  listed: 1,
  /** It only leads to the origin's prefix; the origin has no such directory. */
  scaffold: 2,
  /** It was a mount point on the origin and is none any more: nothing below it is removed. */
  unmounted: 4,
  /** It is a mount point on the origin. */
  mountPoint: 8,
} as const;

const TABLES = `
  CREATE TABLE tree (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation TEXT NOT NULL,
    next_entry INTEGER NOT NULL,
    next_version INTEGER NOT NULL,
    revision INTEGER NOT NULL,
    kept_revision INTEGER NOT NULL,
    files INTEGER NOT NULL,
    directories INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    unproved INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE origin (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    rank INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    enabled INTEGER NOT NULL,
    prefix BLOB NOT NULL,
    files INTEGER NOT NULL,
    held INTEGER NOT NULL,
    last_complete_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    parent INTEGER NOT NULL,
    name BLOB NOT NULL,
    kind INTEGER NOT NULL,
    visible INTEGER NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_sec INTEGER NOT NULL,
    mtime_nsec INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    copies INTEGER NOT NULL,
    changed_sec INTEGER NOT NULL,
    changed_nsec INTEGER NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX entry_name ON entry (parent, name, kind);
  CREATE INDEX entry_shown ON entry (parent, id) WHERE visible = 1;
  CREATE TABLE holding (
    parent INTEGER NOT NULL,
    entry INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    state INTEGER NOT NULL,
    version INTEGER NOT NULL,
    size INTEGER NOT NULL,
    token TEXT NOT NULL,
    mtime_sec INTEGER NOT NULL,
    mtime_nsec INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    device INTEGER,
    PRIMARY KEY (parent, entry, origin)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX holding_unmounted ON holding (origin) WHERE state & ${HoldingState.unmounted} <> 0;
  CREATE TABLE listing (
    directory INTEGER NOT NULL,
    origin INTEGER NOT NULL,
    mark TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    directories INTEGER NOT NULL,
    PRIMARY KEY (directory, origin)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE version (
    id INTEGER PRIMARY KEY,
    entry INTEGER NOT NULL,
    size INTEGER NOT NULL,
    mtime_sec INTEGER NOT NULL,
    mtime_nsec INTEGER NOT NULL,
    mode INTEGER NOT NULL,
    uid INTEGER NOT NULL,
    gid INTEGER NOT NULL,
    fingerprint TEXT,
    sha256 TEXT
  ) STRICT;
  CREATE TABLE content (
    version INTEGER PRIMARY KEY,
    md5 TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    manifest BLOB NOT NULL
  ) STRICT;
  CREATE TABLE retired (version INTEGER PRIMARY KEY) STRICT;
  CREATE TABLE different (
    low INTEGER NOT NULL,
    high INTEGER NOT NULL,
    PRIMARY KEY (low, high)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX different_high ON different (high);
  CREATE TABLE served (entry INTEGER PRIMARY KEY, version INTEGER NOT NULL) STRICT;
`;

/** Makes the tables and the root in an empty database. Ids start at `firstId` (at least 2). */
export function createTables(connection: Connection, generation: string, firstId: number): void {
  connection.transact(() => {
    connection.run(TABLES);
    connection
      .statement<unknown, (string | number)[]>(
        "INSERT INTO tree VALUES (1, ?, ?, ?, 0, 0, 0, 0, 0, 0)",
      )
      .run(generation, firstId, firstId);
    connection.run(
      `INSERT INTO entry VALUES (1, 0, x'', ${DIRECTORY}, 1, 0, 0, 0, 0, 493, -1, -1, 0, 0, 0)`,
    );
    connection.run(`PRAGMA application_id = ${APPLICATION_ID}`);
    connection.run(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  });
}
