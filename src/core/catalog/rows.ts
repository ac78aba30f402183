/** Rows of the catalog's tables, named as their columns are (see `schema.ts`). */

export interface Mtime {
  readonly mtime_sec: number;
  readonly mtime_nsec: number;
}

/** Attributes as every table that has them names them. */
export interface AttributeRow extends Mtime {
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

export interface EntryRow extends AttributeRow {
  readonly id: number;
  readonly parent: number;
  readonly name: Uint8Array;
  readonly kind: number;
  readonly visible: number;
  readonly version: number;
  readonly copies: number;
  readonly changed_sec: number;
  readonly changed_nsec: number;
}

export interface HoldingRow extends AttributeRow {
  readonly parent: number;
  readonly entry: number;
  readonly origin: number;
  readonly state: number;
  readonly version: number;
  readonly token: string;
  readonly device: number | null;
}

/** A holding with the name and kind of its entry, as a listing is compared with it. */
export interface NamedHoldingRow extends HoldingRow {
  readonly name: Uint8Array;
  readonly kind: number;
}

export interface ListingRow {
  readonly mark: string;
  readonly files: number;
  readonly bytes: number;
  readonly directories: number;
}

export interface VersionRow extends AttributeRow {
  readonly id: number;
  readonly entry: number;
  readonly fingerprint: string | null;
  readonly sha256: string | null;
}

export interface TreeRow {
  readonly generation: string;
  readonly next_entry: number;
  readonly next_version: number;
  readonly revision: number;
  readonly kept_revision: number;
}

export interface OriginRow {
  readonly num: number;
  readonly id: string;
  readonly rank: number;
  readonly priority: number;
  readonly enabled: number;
  readonly prefix: Uint8Array;
  readonly files: number;
  readonly held: number;
  readonly last_complete_ms: number;
}

/** What the kernel sees of an entry. */
export type ShownRow = AttributeRow & Pick<EntryRow, "visible" | "version" | "copies">;

export function sameAttributes(a: AttributeRow, b: AttributeRow): boolean {
  return (
    a.size === b.size &&
    a.mtime_sec === b.mtime_sec &&
    a.mtime_nsec === b.mtime_nsec &&
    a.mode === b.mode &&
    a.uid === b.uid &&
    a.gid === b.gid
  );
}
