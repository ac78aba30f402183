/**
 * The cache while its index and its disk work: contents, data files, the budget. Everything here
 * throws what the disk or SQLite throws; `block_store.ts` decides what that means.
 *
 * - A block's bytes are written before its checksum is committed, and every read proves them by it:
 *   neither a kill nor a power cut at any moment lets a wrong byte pass for a right one, and nothing
 *   is ever waited for with fsync.
 * - A content's rows go before its file, so that the index promises nothing that is gone; a file
 *   without rows is removed by the next sweep.
 */

import { mkdirSync } from "node:fs";
import type { BytePath } from "../bytes.ts";
import { pathFromBytes } from "../bytes.ts";
import { BLOCK_BYTES } from "../limits.ts";
import { blockAt } from "./blocks.ts";
import { capacityBytes } from "./capacity.ts";
import { ABSENT, BlockSums, checksumOf } from "./checksum.ts";
import { ContentIndex } from "./content_index.ts";
import type { ContentRow } from "./content_lookup.ts";
import type { ContentName } from "./content_name.ts";
import { type CacheDisk, DataFiles, dataDirectory } from "./data_files.ts";
import { type Content, IndexBatch } from "./index_batch.ts";
import type { OpenedIndex } from "./open_index.ts";
import { liesAtOrBelow } from "./pins.ts";

/** Contents looked at by one step of eviction. */
const EVICTION_PAGE = 64;

export interface Evicted {
  readonly files: number;
  readonly bytes: number;
}

/** One version that is in use. */
export interface BoundVersion {
  readonly slot: number;
  readonly names: readonly ContentName[];
  readonly path: BytePath;
  readonly sizeBytes: number;
}

export class OpenStore implements Disposable {
  readonly index: ContentIndex;
  readonly files: DataFiles;
  readonly batch = new IndexBatch();
  /** Contents that are bound or in the batch, by id. */
  readonly #contents = new Map<number, Content>();
  readonly #bySlot = new Map<number, Content>();
  #pins: ReadonlySet<BytePath>;
  #usedBytes: number;
  #nextContent: number;

  constructor(
    readonly opened: OpenedIndex,
    directory: string,
    readonly budgetBytes: number,
    disk?: CacheDisk,
  ) {
    this.index = new ContentIndex(opened.connection);
    const data = dataDirectory(directory, opened.generation);
    mkdirSync(data, { recursive: true, mode: 0o700 });
    this.files = new DataFiles(data, disk);
    this.#pins = new Set(this.index.pins());
    this.#usedBytes = this.index.totals().bytes;
    this.#nextContent = this.index.nextContent();
  }

  /** What the disk holds, with what is about to be committed. */
  get usedBytes(): number {
    return this.#usedBytes + this.batch.deltaBytes;
  }

  /** What the version has; undefined: nothing yet. */
  bind(version: BoundVersion): Content | undefined {
    const { slot, names, path, sizeBytes } = version;
    const found = this.index.find(names, sizeBytes);
    if (found === undefined) return undefined;
    const { row, otherNames } = found;
    const content = this.#open(row);
    this.#bindTo(slot, content);
    if (otherNames.length > 0) this.batch.addNames(content, otherNames);
    const moved = row.superseded !== 0 || pathFromBytes(row.path) !== path;
    // A pin holds by the path: it is not taken away by who reads the same bytes at another one.
    if (moved && !this.isPinned(row)) this.batch.setPath(content, path);
    return content;
  }

  /** The slot has this content, if it is still there. */
  hold(slot: number, id: number): void {
    const row = this.index.content(id);
    if (row !== undefined) this.#bindTo(slot, this.#open(row));
  }

  /** What the slot has is found by these names, too, and lies at this path now. */
  adopt(slot: number, names: readonly ContentName[], path: BytePath): void {
    const content = this.#bySlot.get(slot);
    if (content === undefined) return;
    this.batch.addNames(content, names);
    this.batch.setPath(content, path);
  }

  /**
   * Removes what the slot has, unless another one has it, or it has several names: files of equal
   * bytes, replicas among them, share one content. As `remove`.
   */
  discard(slot: number): void {
    const content = this.#bySlot.get(slot);
    if (content?.slots.size !== 1 || this.index.nameCount(content.id) > 1) return;
    const row = this.index.content(content.id);
    if (row !== undefined) this.remove([row]);
  }

  unbind(slot: number, wasRead: boolean): void {
    const content = this.#bySlot.get(slot);
    this.#bySlot.delete(slot);
    if (content === undefined) return;
    content.slots.delete(slot);
    if (wasRead) this.batch.setRead(content);
    this.#forgetUnused(content);
  }

  /**
   * Writes whole blocks of the version and answers their checksums, which the next commit makes
   * valid; undefined: there is no room, and nothing is to be evicted.
   */
  keep(version: BoundVersion, offsetBytes: number, bytes: Uint8Array): BigUint64Array | undefined {
    const content = this.#bySlot.get(version.slot) ?? this.#create(version);
    if (content === undefined) return undefined;
    this.files.write(content.id, content.sizeBytes, offsetBytes, bytes);
    const sums = new BigUint64Array(Math.ceil(bytes.byteLength / BLOCK_BYTES));
    for (let i = 0; i < sums.length; i++) {
      const sum = checksumOf(bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES));
      sums[i] = sum;
      this.batch.setSum(content, blockAt(offsetBytes) + i, sum);
    }
    return sums;
  }

  /** The block is no longer there. */
  drop(content: Content, block: number): void {
    this.batch.setSum(content, block, ABSENT);
  }

  contentOf(slot: number): Content | undefined {
    return this.#bySlot.get(slot);
  }

  /** The content, for whoever changes it before the next commit. */
  open(row: ContentRow): Content {
    return this.#open(row);
  }

  /** Its checksums as they are now, to be read. */
  sumsOf(row: ContentRow): BlockSums {
    return this.#contents.get(row.id)?.sums ?? this.index.sums(row.id);
  }

  /** Makes everything valid that was done since the last commit. */
  commit(): void {
    if (this.batch.isEmpty) return;
    const delta = this.batch.deltaBytes;
    const contents = this.batch.commit(this.index);
    this.#usedBytes += delta;
    for (const content of contents) this.#forgetUnused(content);
  }

  /** What the cache may hold; statfs is asked anew. */
  capacityBytes(): number {
    return capacityBytes(this.budgetBytes, this.usedBytes, this.files.space());
  }

  /**
   * Evicts the least recently read contents that are neither in use nor pinned, until so many bytes
   * are free or a page of them was looked at. `after` is where the last step ended.
   */
  evict(bytes: number, after: ContentRow | undefined): Evicted & { readonly last?: ContentRow } {
    const page = this.index.byUse(EVICTION_PAGE, after?.used ?? -1, after?.id ?? 0);
    const victims: ContentRow[] = [];
    let freed = 0;
    let last: ContentRow | undefined;
    for (const row of page) {
      last = row;
      if (this.isInUse(row.id) || this.isPinned(row)) continue;
      victims.push(row);
      freed += row.bytes;
      if (freed >= bytes) break;
    }
    this.remove(victims);
    return { files: victims.length, bytes: freed, ...(last === undefined ? {} : { last }) };
  }

  /**
   * Removes contents, rows first; answers the slots that had them and have nothing any more. What
   * the batch holds of them is committed before.
   */
  remove(rows: readonly ContentRow[]): readonly number[] {
    if (rows.length === 0) return [];
    const slots: number[] = [];
    this.index.transact(() => {
      for (const { id } of rows) this.index.remove(id);
    });
    for (const { id, bytes } of rows) {
      this.#usedBytes -= bytes;
      const content = this.#contents.get(id);
      for (const slot of content?.slots ?? []) {
        this.#bySlot.delete(slot);
        slots.push(slot);
      }
      this.#contents.delete(id);
      this.files.remove(id);
    }
    return slots;
  }

  isInUse(id: number): boolean {
    return this.#contents.has(id);
  }

  isPinned(row: ContentRow): boolean {
    return row.superseded === 0 && liesAtOrBelow(pathFromBytes(row.path), this.#pins);
  }

  get pins(): ReadonlySet<BytePath> {
    return this.#pins;
  }

  /** Makes the pins these, at once and for the next starts. */
  setPins(added: readonly BytePath[], removed: readonly BytePath[]): void {
    const pins = new Set([...this.#pins, ...added]);
    for (const path of removed) pins.delete(path);
    this.index.transact(() => {
      for (const path of added) this.index.addPin(path);
      for (const path of removed) this.index.removePin(path);
    });
    this.#pins = pins;
  }

  /** Removes the data files of one directory of which the index knows nothing. */
  sweep(directory: number): void {
    for (const id of this.files.list(directory)) {
      if (!this.#contents.has(id) && this.index.content(id) === undefined) this.files.remove(id);
    }
  }

  /** Closes index and files; what was not committed is forgotten. */
  [Symbol.dispose](): void {
    this.files[Symbol.dispose]();
    this.index.connection.close();
  }

  #create(version: BoundVersion): Content | undefined {
    const { slot, names, path, sizeBytes } = version;
    if (names.length === 0) return undefined;
    const id = this.#nextContent++;
    const sums = new BlockSums();
    const content: Content = { id, sizeBytes, path, isStored: false, sums, slots: new Set() };
    this.#contents.set(id, content);
    this.#bindTo(slot, content);
    this.batch.addNames(content, names);
    return content;
  }

  #open(row: ContentRow): Content {
    const known = this.#contents.get(row.id);
    if (known !== undefined) return known;
    const content: Content = {
      id: row.id,
      sizeBytes: row.size,
      path: pathFromBytes(row.path),
      isStored: true,
      sums: this.index.sums(row.id),
      slots: new Set(),
    };
    this.#contents.set(row.id, content);
    return content;
  }

  #bindTo(slot: number, content: Content): void {
    this.#bySlot.set(slot, content);
    content.slots.add(slot);
  }

  #forgetUnused(content: Content): void {
    if (content.slots.size > 0 || this.batch.concerns(content)) return;
    this.#contents.delete(content.id);
  }
}
