/** The statements of the catalog's readers, and the rows that they answer. */

import type { AttributeRow } from "./rows.ts";
import { DIRECTORY, FILE, HoldingState } from "./schema.ts";

export interface NodeRow extends AttributeRow {
  readonly id: number;
  readonly parent: number;
  readonly kind: number;
  readonly version: number;
}

/** A replica's, beside what it is compared with. */
export interface ReplicaRow {
  readonly own: number;
  readonly origin: string;
  readonly prefix: Uint8Array;
  readonly rank: number;
  readonly entry: number;
  readonly parent: number;
  readonly name: Uint8Array;
  readonly id: number;
  readonly size: number;
  readonly token: string;
  readonly fingerprint: string | null;
  readonly sha256: string | null;
  readonly own_size: number;
  readonly own_fingerprint: string | null;
  readonly own_sha256: string | null;
}

/** Columns of {@link ReplicaRow}, of an entry `e` with a holding `h` of version `v` on origin `o`. */
const REPLICA = `own.id AS own, o.id AS origin, o.prefix, o.rank, e.id AS entry, e.parent, e.name, v.id,
  h.size, h.token, v.fingerprint, v.sha256, own.size AS own_size, own.fingerprint AS own_fingerprint,
  own.sha256 AS own_sha256`;
/** What joins them to `own` and `e`. */
const HELD = `CROSS JOIN holding h ON h.parent = e.parent AND h.entry = e.id
    CROSS JOIN origin o ON o.num = h.origin
    CROSS JOIN version v ON v.id = h.version`;

const NODE = "id, parent, kind, version, size, mtime_sec, mtime_nsec, mode, uid, gid";

/** The statements, exported so that a test can look at their plans. */
export const READER_SQL = {
  lookup: `SELECT ${NODE} FROM entry WHERE parent = ? AND name = ? AND visible = 1`,
  directory: `SELECT ${NODE} FROM entry WHERE id = ? AND kind = ${DIRECTORY} AND visible = 1`,
  list: `SELECT ${NODE}, name FROM entry WHERE parent = ? AND id > ? AND visible = 1 ORDER BY id`,
  version: `SELECT v.entry AS id, coalesce(e.parent, 0) AS parent, 1 AS kind, v.id AS version,
      v.size, v.mtime_sec, v.mtime_nsec, v.mode, v.uid, v.gid
    FROM version v LEFT JOIN entry e ON e.id = v.entry WHERE v.id = ?`,
  name: "SELECT parent, name FROM entry WHERE id = ?",
  unlisted: `SELECT o.id, o.prefix, o.rank FROM entry e
    CROSS JOIN holding h ON h.parent = e.parent AND h.entry = e.id
    CROSS JOIN origin o ON o.num = h.origin
    WHERE e.id = ? AND e.kind = ${DIRECTORY} AND o.enabled = 1
      AND h.state & ${HoldingState.listed | HoldingState.scaffold} = 0`,
  replicas: `SELECT ${REPLICA} FROM version own
    CROSS JOIN entry e ON e.id = own.entry
    ${HELD}
    WHERE own.id = ? AND o.enabled = 1`,
  filesAfter: `SELECT ${REPLICA} FROM entry e
    CROSS JOIN version own ON own.id = e.version
    ${HELD}
    WHERE e.parent = ? AND e.id > ? AND e.visible = 1 AND e.kind = ${FILE} AND o.enabled = 1
    ORDER BY e.id`,
  different: "SELECT 1 FROM different WHERE low = ? AND high = ?",
  lastComplete: "SELECT last_complete_ms FROM origin WHERE id = ?",
  totals: "SELECT files, directories, bytes, unproved FROM tree WHERE only = 1",
} as const;
