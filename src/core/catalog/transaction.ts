/**
 * What one writing transaction works with and adds up: the ids it hands out, the totals it moves,
 * and what the kernel and listeners must be told when it is committed.
 */

import type { ByteName } from "../bytes.ts";
import type { MusicFsEvent } from "../events.ts";
import type { OriginId } from "../origins/origin.ts";
import type { CatalogChanges } from "./catalog.ts";
import type { EntryRow, Mtime, OriginRow, ShownRow, TreeRow } from "./rows.ts";
import { FILE, Visibility } from "./schema.ts";
import type { Tables } from "./tables.ts";

export class Transaction {
  readonly #names = new Map<string, { readonly parent: number; readonly name: ByteName }>();
  readonly #directories = new Set<number>();
  readonly #events: MusicFsEvent[] = [];
  readonly #originFiles = new Map<number, number>();
  readonly #notes: (() => void)[] = [];
  readonly #afterCommit: (() => void)[] = [];
  readonly #writesBefore: number;
  #nextEntry: number;
  #nextVersion: number;
  #files = 0;
  #subdirectories = 0;
  #bytes = 0;
  #unproved = 0;
  #origins: readonly OriginRow[] = [];
  #originsByNum: ReadonlyMap<number, OriginRow> = new Map();
  /**
   * Directories in which an addition or removal was seen; the value says whether that counts for
   * their mtime (see `directory_time.ts`).
   */
  readonly changed = new Map<number, boolean>();
  /** What was shown as mtime of the directories whose mtime this transaction changed. */
  readonly timesBefore = new Map<number, Mtime>();
  /** Whose removals a listing held back. */
  needsScan: OriginId | undefined;

  constructor(
    readonly tables: Tables,
    /** The wall clock when the transaction began, in milliseconds. */
    readonly nowMs: number,
  ) {
    const tree = tables.query<TreeRow, []>("SELECT * FROM tree WHERE only = 1").get();
    if (tree === null) throw new Error("the catalog has no tree row");
    this.#nextEntry = tree.next_entry;
    this.#nextVersion = tree.next_version;
    this.#writesBefore = this.#totalWrites();
    this.reloadOrigins();
  }

  reloadOrigins(): void {
    const rows = this.tables.query<OriginRow, []>("SELECT * FROM origin").all();
    this.#origins = rows.sort((a, b) => a.rank - b.rank);
    this.#originsByNum = new Map(rows.map((row) => [row.num, row]));
  }

  /** All origins, by rank. */
  get origins(): readonly OriginRow[] {
    return this.#origins;
  }

  originNamed(id: string): OriginRow | undefined {
    return this.#origins.find((origin) => origin.id === id);
  }

  origin(num: number): OriginRow | undefined {
    return this.#originsByNum.get(num);
  }

  /** 0 is best; undefined for an origin that is disabled or unknown. */
  rank(num: number): number | undefined {
    const origin = this.#originsByNum.get(num);
    return origin?.enabled === 1 ? origin.rank : undefined;
  }

  newEntryId(): number {
    return this.#nextEntry++;
  }

  newVersionId(): number {
    return this.#nextVersion++;
  }

  /** Moves the totals from what was visible of an entry to what is; undefined: nothing. */
  recount(kind: number, before: ShownRow | undefined, after: ShownRow | undefined): void {
    this.#countShown(kind, before, -1);
    this.#countShown(kind, after, 1);
  }

  #countShown(kind: number, shown: ShownRow | undefined, sign: 1 | -1): void {
    if (shown?.visible !== Visibility.shown) return;
    if (kind === FILE) {
      this.#files += sign;
      this.#bytes += sign * shown.size;
      if (shown.copies < 2) this.#unproved += sign;
    } else this.#subdirectories += sign;
  }

  countReplica(origin: number, sign: 1 | -1): void {
    this.#originFiles.set(origin, (this.#originFiles.get(origin) ?? 0) + sign);
  }

  /** The directory entry was added, removed, or leads to another node or other attributes now. */
  nameChanged(entry: Pick<EntryRow, "parent">, name: ByteName): void {
    const { parent } = entry;
    const key = `${parent}/${name}`;
    if (!this.#names.has(key)) this.#names.set(key, { parent, name });
  }

  /** Contents or attributes of the directory changed. */
  directoryChanged(id: number): void {
    this.#directories.add(id);
  }

  emit(event: MusicFsEvent): void {
    this.#events.push(event);
  }

  /** `task` runs after the commit and not at all when the transaction fails. */
  onCommit(task: () => void): void {
    this.#afterCommit.push(task);
  }

  /** The origin's replicas, with what this transaction did to them. */
  replicas(origin: number): number {
    return (this.#originsByNum.get(origin)?.files ?? 0) + (this.#originFiles.get(origin) ?? 0);
  }

  /** Writes something that does not count as a change of the catalog's contents. */
  note(write: () => void): void {
    this.#notes.push(write);
  }

  /** Writes ids and totals; the last statement before the commit. */
  flush(): void {
    this.#flushTotals();
    for (const write of this.#notes) write();
  }

  #flushTotals(): void {
    if (this.#totalWrites() === this.#writesBefore) return;
    this.tables
      .query<unknown, number[]>(
        `UPDATE tree SET next_entry = ?, next_version = ?, revision = revision + 1,
           files = files + ?, directories = directories + ?, bytes = bytes + ?,
           unproved = unproved + ? WHERE only = 1`,
      )
      .run(
        this.#nextEntry,
        this.#nextVersion,
        this.#files,
        this.#subdirectories,
        this.#bytes,
        this.#unproved,
      );
    for (const [num, files] of this.#originFiles) {
      if (files === 0) continue;
      this.tables
        .query<unknown, number[]>("UPDATE origin SET files = files + ? WHERE num = ?")
        .run(files, num);
    }
  }

  /** After the commit. */
  finish(): CatalogChanges {
    for (const task of this.#afterCommit) task();
    return {
      names: [...this.#names.values()],
      directories: [...this.#directories],
      events: this.#events,
      ...(this.needsScan === undefined ? {} : { needsScan: this.needsScan }),
    };
  }

  #totalWrites(): number {
    const row = this.tables
      .query<{ readonly writes: number }, []>("SELECT total_changes() AS writes")
      .get();
    return row?.writes ?? 0;
  }
}
