/**
 * The tables of the cache's index (docs/on-disk.md).
 *
 * - `store`: one row. `generation` names the directory with the data files; `next_content` is the
 *   next content's id, so that no id is used twice; `turn` counts the times recency was noted.
 * - `content`: one row for each sequence of bytes of which blocks are kept; its data file is named
 *   by its id. `bytes` is what its blocks take on disk. `used` is the turn in which it was last
 *   read. `path` is its latest path in the tree. `superseded`: another content took that path, so
 *   that it is no longer what is pinned there.
 * - `name`: what contents are called (content_name.ts).
 * - `sums`: checksums of BLOCKS_PER_GROUP blocks in a row, 8 bytes little-endian each, 0 for a block
 *   that is not there. Groups of one checksum would be smaller for files of which only the head and
 *   the tail are kept, and 50 times slower to load for a file of 4 GiB; a file of its own for each
 *   content's checksums is 12 times slower to load for an album, and costs an inode and a page each.
 * - `pin`: paths of the tree whose contents stay.
 */

import type { Connection } from "../catalog/connection.ts";

/** `PRAGMA user_version`: raised with every change of the layout, data files included. */
export const INDEX_VERSION = 1;

/** `PRAGMA application_id`: "MuFC". */
export const INDEX_APPLICATION_ID = 0x4d754643;

const TABLES = `
  CREATE TABLE store (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    generation TEXT NOT NULL,
    next_content INTEGER NOT NULL,
    turn INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE content (
    id INTEGER PRIMARY KEY,
    size INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    used INTEGER NOT NULL,
    path BLOB NOT NULL,
    superseded INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX content_used ON content (used);
  CREATE INDEX content_path ON content (path);
  CREATE TABLE name (
    name BLOB PRIMARY KEY,
    content INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX name_content ON name (content);
  CREATE TABLE sums (
    content INTEGER NOT NULL,
    number INTEGER NOT NULL,
    sums BLOB NOT NULL,
    PRIMARY KEY (content, number)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE pin (path BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
`;

export function createIndex(connection: Connection, generation: string): void {
  connection.transact(() => {
    connection.run(TABLES);
    connection
      .statement<unknown, [string]>("INSERT INTO store VALUES (1, ?, 1, 0)")
      .run(generation);
    connection.run(`PRAGMA application_id = ${INDEX_APPLICATION_ID}`);
    connection.run(`PRAGMA user_version = ${INDEX_VERSION}`);
  });
}
