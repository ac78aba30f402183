/** What becomes known of versions after they were listed, and how replicas relate to them. */

import { joinPath, nameFromBytes } from "../bytes.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ReplicaMatch, VersionContent } from "./catalog.ts";
import type { HoldingRow, VersionRow } from "./rows.ts";
import type { Transaction } from "./transaction.ts";
import { reviewEntry, treePath } from "./visibility.ts";

/** What the rule compares. */
export type Comparable = Pick<VersionRow, "id" | "size" | "fingerprint" | "sha256">;

/**
 * How bytes of `other` may stand in for those of `version`. `different` tells whether the two were
 * compared by a reader and differ.
 */
export function matchOf(
  version: Comparable,
  other: Comparable,
  different: (low: number, high: number) => boolean,
): ReplicaMatch {
  if (version.id === other.id) return "proved";
  if (version.size !== other.size) return "different";
  if (version.sha256 !== null && other.sha256 !== null) {
    return version.sha256 === other.sha256 ? "proved" : "different";
  }
  if (different(Math.min(version.id, other.id), Math.max(version.id, other.id))) {
    return "different";
  }
  if (version.fingerprint === null || other.fingerprint === null) return "unverified";
  return version.fingerprint === other.fingerprint ? "probable" : "different";
}

/** A version with the holdings of its entry, if both are still there. */
interface Family {
  readonly version: VersionRow;
  readonly holdings: readonly HoldingRow[];
}

function familyOf(tx: Transaction, id: number): Family | undefined {
  const version = tx.tables.version(id);
  if (version === undefined) return undefined;
  const entry = tx.tables.entry(version.entry);
  const holdings = entry === undefined ? [] : tx.tables.holdings(entry.parent, entry.id);
  return { version, holdings };
}

export function recordFingerprint(tx: Transaction, id: number, fingerprint: string): void {
  const family = familyOf(tx, id);
  if (family === undefined || family.version.fingerprint === fingerprint) return;
  tx.tables.updateVersion({ ...family.version, fingerprint });
  reportMismatches(tx, family, "fingerprint", (other) =>
    other.fingerprint === null || other.fingerprint === fingerprint ? undefined : other,
  );
}

/** Versions of one entry with equal size and hash become one; the visible one's id stays. */
export function recordSha256(tx: Transaction, id: number, sha256: string): void {
  const family = familyOf(tx, id);
  if (family === undefined || family.version.sha256 === sha256) return;
  const { version, holdings } = family;
  const hashed = { ...version, sha256 };
  tx.tables.updateVersion(hashed);
  reportMismatches(tx, family, "checksum", (other) =>
    other.sha256 === null || other.sha256 === sha256 ? undefined : other,
  );
  const ids = new Set(holdings.map((holding) => holding.version));
  const twin = [...ids]
    .filter((other) => other !== id)
    .map((other) => tx.tables.version(other))
    .find((other) => other?.size === version.size && other.sha256 === sha256);
  const entry = tx.tables.entry(version.entry);
  if (twin === undefined || entry === undefined || !ids.has(id)) return;
  const visible = visibleVersion(tx, holdings);
  const keep = visible === id || (visible !== twin.id && id < twin.id) ? hashed : twin;
  const drop = keep === twin ? hashed : twin;
  for (const holding of holdings) {
    if (holding.version === drop.id) tx.tables.putHolding({ ...holding, version: keep.id });
  }
  const fingerprint = keep.fingerprint ?? drop.fingerprint;
  if (fingerprint !== keep.fingerprint) tx.tables.updateVersion({ ...keep, fingerprint });
  tx.tables.retire(drop.id);
  reviewEntry(tx, entry);
}

/** What the version consists of; as `recordSha256`. Nothing for a version that is gone. */
export function recordContent(tx: Transaction, id: number, content: VersionContent): void {
  if (tx.tables.version(id) === undefined) return;
  const { md5, sha256, manifest } = content;
  tx.tables
    .query<unknown, [number, string, string, Uint8Array]>(
      "INSERT OR REPLACE INTO content VALUES (?, ?, ?, ?)",
    )
    .run(id, md5, sha256, manifest);
  recordSha256(tx, id, sha256);
}

/** The version of the best enabled origin. */
function visibleVersion(tx: Transaction, holdings: readonly HoldingRow[]): number | undefined {
  const rankOf = ({ origin }: HoldingRow) => tx.rank(origin) ?? Infinity;
  const best = holdings.reduce<HoldingRow | undefined>(
    (a, b) => (a === undefined || rankOf(b) < rankOf(a) ? b : a),
    undefined,
  );
  return best?.version;
}

export function recordDifferent(tx: Transaction, version: number, other: number): void {
  if (version === other) return;
  tx.tables
    .query<unknown, [number, number]>("INSERT OR IGNORE INTO different VALUES (?, ?)")
    .run(Math.min(version, other), Math.max(version, other));
}

/** LOOKUP of the entry leads to `version`; undefined: to the visible one again. */
export function serve(tx: Transaction, id: number, version: number | undefined): void {
  if (version === undefined) {
    tx.tables.query<unknown, [number]>("DELETE FROM served WHERE entry = ?").run(id);
  } else {
    tx.tables
      .query<unknown, [number, number]>("INSERT OR REPLACE INTO served VALUES (?, ?)")
      .run(id, version);
  }
  const entry = tx.tables.entry(id);
  if (entry !== undefined) reviewEntry(tx, entry);
}

/** Drops what only lasts while the catalog is open: served versions and versions without holder. */
export function dropLeftovers(tx: Transaction, maxVersions: number): void {
  const served = tx.tables.query<{ readonly entry: number }, []>("SELECT entry FROM served").all();
  for (const { entry } of served) serve(tx, entry, undefined);
  const retired = tx.tables
    .query<{ readonly version: number }, [number]>("SELECT version FROM retired LIMIT ?")
    .all(maxVersions);
  for (const { version } of retired) {
    for (const sql of [
      "DELETE FROM version WHERE id = ?",
      "DELETE FROM content WHERE version = ?",
      "DELETE FROM different WHERE low = ?",
      "DELETE FROM different WHERE high = ?",
      "DELETE FROM retired WHERE version = ?",
    ]) {
      tx.tables.query<unknown, [number]>(sql).run(version);
    }
  }
}

/** One event for each other replica of equal size that `differs` from the version just examined. */
function reportMismatches(
  tx: Transaction,
  { version, holdings }: Family,
  how: "fingerprint" | "checksum",
  differs: (other: VersionRow) => VersionRow | undefined,
): void {
  const enabled = holdings.filter((holding) => tx.rank(holding.origin) !== undefined);
  const mine = enabled.find((holding) => holding.version === version.id);
  const entry = tx.tables.entry(version.entry);
  if (mine === undefined || entry === undefined) return;
  const path = joinPath(treePath(tx, entry.parent), nameFromBytes(entry.name));
  for (const holding of enabled) {
    const other = holding.version === version.id ? undefined : tx.tables.version(holding.version);
    if (other?.size !== version.size || differs(other) === undefined) continue;
    const pair = [mine, holding].sort(
      (a, b) => (tx.rank(a.origin) ?? 0) - (tx.rank(b.origin) ?? 0),
    );
    const [first, second] = pair.map(({ origin }) => tx.origin(origin)?.id as OriginId);
    if (first === undefined || second === undefined) continue;
    tx.emit({ type: "replica_mismatch", path, origins: [first, second], how });
  }
}
