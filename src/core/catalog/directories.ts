/** What an origin says of its directories: attributes, identity, and whether one is a mount point. */

import type { ByteName } from "../bytes.ts";
import type { DirEntry, FileStat } from "../origins/origin.ts";
import type { Place } from "./place.ts";
import { type AttributeRow, type HoldingRow, sameAttributes } from "./rows.ts";
import { HoldingState } from "./schema.ts";
import type { Transaction } from "./transaction.ts";
import { review, reviewEntry } from "./visibility.ts";

const { mountPoint, unmounted } = HoldingState;

/** Attributes as rows name them; a directory has no size. */
export function attributesOf(stat: FileStat): AttributeRow {
  return {
    size: stat.kind === "file" ? stat.sizeBytes : 0,
    mtime_sec: stat.mtimeSec,
    mtime_nsec: stat.mtimeNsec,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
  };
}

/**
 * The state of a directory that its parent's listing shows. Devices are compared with the parent's
 * as they are now, because a file system gets another number each time it is mounted.
 */
export function mountState(place: Place, entry: DirEntry, known: HoldingRow | undefined): number {
  const isMounted =
    entry.device !== undefined && place.device !== undefined && entry.device !== place.device;
  if (known === undefined) return isMounted ? mountPoint : 0;
  const other = known.state & ~(mountPoint | unmounted);
  if (isMounted) return other | mountPoint;
  return known.state === other ? other : other | unmounted;
}

/** Records attributes that were looked at; `name` decides anew what the tree shows. */
export function changeDirectory(
  tx: Transaction,
  known: HoldingRow,
  stat: FileStat,
  state: number,
  name: ByteName | undefined,
): void {
  const row = attributesOf(stat);
  const token = stat.identity ?? "";
  const device = stat.device ?? null;
  const same = sameAttributes(known, row);
  if (same && known.token === token && known.device === device && known.state === state) return;
  tx.tables.putHolding({ ...known, ...row, token, device, state });
  if (!same && name !== undefined) review(tx, known.parent, name);
}

/** Attributes of the listed directory itself, and whether it is still the mount point it was. */
export function refreshDirectory(tx: Transaction, holding: HoldingRow, stat: FileStat): void {
  if (stat.kind !== "directory") return;
  const entry = tx.tables.entry(holding.entry);
  if (entry === undefined) return;
  const above = tx.tables.entry(holding.parent);
  const outer = above && tx.tables.holding(above.parent, above.id, holding.origin)?.device;
  let state = holding.state;
  const left = (state & mountPoint) !== 0 && stat.device !== holding.device;
  if (left && stat.device === outer) state = (state & ~mountPoint) | unmounted;
  changeDirectory(tx, holding, stat, state, undefined);
  reviewEntry(tx, entry);
}
