/** What holds of a catalog after every transaction, told by the plainest way to compute it. */

import { Database } from "bun:sqlite";

interface Entry {
  readonly id: number;
  readonly parent: number;
  readonly name: Uint8Array;
  readonly kind: number;
  readonly visible: number;
  readonly version: number;
  readonly size: number;
  readonly copies: number;
}

interface Holding {
  readonly parent: number;
  readonly entry: number;
  readonly origin: number;
  readonly state: number;
  readonly version: number;
  readonly size: number;
}

interface Origin {
  readonly num: number;
  readonly rank: number;
  readonly enabled: number;
  readonly files: number;
}

/** Every invariant that does not hold, as text; empty when all do. */
export function brokenInvariants(file: string): string[] {
  const db = new Database(file, { readonly: true });
  try {
    return [...check(db)];
  } finally {
    db.close();
  }
}

function* check(db: Database): Generator<string> {
  const entries = db.query<Entry, []>("SELECT * FROM entry ORDER BY id").all();
  const holdings = db.query<Holding, []>("SELECT * FROM holding").all();
  const origins = db.query<Origin, []>("SELECT * FROM origin").all();
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const ranks = new Map(origins.filter((o) => o.enabled === 1).map((o) => [o.num, o.rank]));
  const held = Map.groupBy(holdings, (holding) => holding.entry);
  const named = Map.groupBy(
    entries,
    ({ parent, name }) => `${parent}/${Buffer.from(name).toString("latin1")}`,
  );
  const best = (entry: Entry) =>
    Math.min(...(held.get(entry.id) ?? []).map(({ origin }) => ranks.get(origin) ?? Infinity));

  for (const holding of holdings) {
    const entry = byId.get(holding.entry);
    if (entry === undefined) yield `holding of missing entry ${holding.entry}`;
    else if (entry.parent !== holding.parent) yield `holding of ${entry.id} under a wrong parent`;
    else if ((entry.kind === 0) !== (holding.version === 0)) yield `kind of ${entry.id}`;
    if (!origins.some(({ num }) => num === holding.origin)) yield "holding of no origin";
    const above = held.get(holding.parent)?.some(({ origin }) => origin === holding.origin);
    if (holding.parent !== 0 && !above) yield `holding of ${holding.entry} without its parent's`;
    if (holding.version !== 0) {
      const version = db
        .query<{ readonly entry: number; readonly size: number }, [number]>(
          "SELECT entry, size FROM version WHERE id = ?",
        )
        .get(holding.version);
      if (version?.entry !== holding.entry) yield `version ${holding.version} of another entry`;
      if (version?.size !== holding.size) yield `size of version ${holding.version}`;
    }
  }
  let files = 0;
  let directories = 0;
  let bytes = 0;
  let unproved = 0;
  for (const entry of entries) {
    if (entry.id === 1) continue;
    if (entry.id <= entry.parent) yield `entry ${entry.id} is not younger than its parent`;
    if (!held.has(entry.id)) yield `entry ${entry.id} is held by nobody`;
    const above = byId.get(entry.parent)?.visible === 1;
    const name = Buffer.from(entry.name).toString("latin1");
    const rivals = (named.get(`${entry.parent}/${name}`) ?? []).filter(({ id }) => id !== entry.id);
    const rank = best(entry);
    const loses = rivals.some((rival) => {
      const other = best(rival);
      return other < rank || (other === rank && rival.kind === 0);
    });
    const expected = !above || rank === Infinity ? 0 : loses ? 2 : 1;
    if (entry.visible !== expected)
      yield `entry ${entry.id} visible ${entry.visible}, not ${expected}`;
    if (entry.visible !== 1) continue;
    if (entry.kind === 0) {
      directories++;
      continue;
    }
    const holders = (held.get(entry.id) ?? [])
      .filter(({ origin }) => ranks.has(origin))
      .sort((a, b) => (ranks.get(a.origin) ?? 0) - (ranks.get(b.origin) ?? 0));
    const copies = holders.filter(({ version }) => version === holders[0]?.version).length;
    if (entry.copies !== copies) yield `copies of ${entry.id}: ${entry.copies}, not ${copies}`;
    if (entry.version !== holders[0]?.version) yield `entry ${entry.id} shows a wrong version`;
    files++;
    bytes += entry.size;
    if (copies < 2) unproved++;
  }
  const totals = db.query<Record<string, number>, []>("SELECT * FROM tree").get();
  const expected = { files, directories, bytes, unproved };
  for (const [key, value] of Object.entries(expected)) {
    if (totals?.[key] !== value) yield `total ${key}: ${totals?.[key]}, not ${value}`;
  }
  for (const origin of origins) {
    const replicas = holdings.filter((h) => h.origin === origin.num && h.version !== 0).length;
    if (origin.files !== replicas)
      yield `files of origin ${origin.num}: ${origin.files}, not ${replicas}`;
  }
  const unretired = db
    .query<{ readonly id: number }, []>(
      `SELECT id FROM version v WHERE id NOT IN (SELECT version FROM holding)
         AND id NOT IN (SELECT version FROM retired)`,
    )
    .all();
  for (const { id } of unretired) yield `version ${id} is held by nobody and not retired`;
  const revived = db
    .query<{ readonly version: number }, []>(
      "SELECT version FROM retired WHERE version IN (SELECT version FROM holding)",
    )
    .all();
  for (const { version } of revived) yield `version ${version} is retired and held`;
}
