/**
 * Changes on their way to the index, committed together: a transaction for each block would make the
 * index the slowest part of the cache.
 */

import type { BytePath } from "../bytes.ts";
import { blockLength } from "./blocks.ts";
import { ABSENT, type BlockSums, groupOf } from "./checksum.ts";
import type { ContentIndex } from "./content_index.ts";
import type { ContentName } from "./content_name.ts";

/** A content that is open or about to be changed. */
export interface Content {
  readonly id: number;
  readonly sizeBytes: number;
  /** Its latest path in the tree. */
  readonly path: BytePath;
  /** Its row is in the index. */
  isStored: boolean;
  /** As they will be once the batch is committed. */
  readonly sums: BlockSums;
  /** Slots that it is bound to; it is not evicted while there are any. */
  readonly slots: Set<number>;
}

const PAGE_BYTES = 4096;

/** What whole blocks of so many bytes take on disk: whole pages. */
export function diskBytes(lengthBytes: number): number {
  return Math.ceil(lengthBytes / PAGE_BYTES) * PAGE_BYTES;
}

interface Change {
  readonly content: Content;
  readonly names: Set<ContentName>;
  readonly groups: Set<number>;
  path: BytePath | undefined;
  deltaBytes: number;
  isRead: boolean;
}

export class IndexBatch {
  readonly #changes = new Map<number, Change>();
  #deltaBytes = 0;

  /** The block has this checksum from now on, {@link ABSENT} when it is no longer there. */
  setSum(content: Content, block: number, sum: bigint): void {
    const had = content.sums.has(block);
    const change = this.#change(content);
    content.sums.set(block, sum);
    change.groups.add(groupOf(block));
    if (had === (sum !== ABSENT)) return;
    const bytes = diskBytes(blockLength(block, content.sizeBytes)) * (had ? -1 : 1);
    change.deltaBytes += bytes;
    this.#deltaBytes += bytes;
  }

  addNames(content: Content, names: readonly ContentName[]): void {
    const change = this.#change(content);
    for (const name of names) change.names.add(name);
  }

  /** The content is what lies at this path now. */
  setPath(content: Content, path: BytePath): void {
    this.#change(content).path = path;
  }

  setRead(content: Content): void {
    this.#change(content).isRead = true;
  }

  concerns(content: Content): boolean {
    return this.#changes.has(content.id);
  }

  get isEmpty(): boolean {
    return this.#changes.size === 0;
  }

  /** What the disk will hold more, or less, once this is committed. */
  get deltaBytes(): number {
    return this.#deltaBytes;
  }

  /**
   * Writes everything in one transaction and is empty then; answers the contents that it concerned.
   * Throws what SQLite throws.
   */
  commit(index: ContentIndex): readonly Content[] {
    const changes = [...this.#changes.values()];
    index.transact(() => {
      for (const change of changes) apply(index, change);
      const read = changes.filter(({ isRead, content }) => isRead || !content.isStored);
      if (read.length > 0) index.touch(read.map(({ content }) => content.id));
    });
    for (const { content } of changes) content.isStored = true;
    this.#changes.clear();
    this.#deltaBytes = 0;
    return changes.map(({ content }) => content);
  }

  #change(content: Content): Change {
    let change = this.#changes.get(content.id);
    if (change === undefined) {
      change = {
        content,
        names: new Set(),
        groups: new Set(),
        path: undefined,
        deltaBytes: 0,
        isRead: false,
      };
      this.#changes.set(content.id, change);
    }
    return change;
  }
}

function apply(index: ContentIndex, { content, names, groups, path, deltaBytes }: Change): void {
  const { id, sums } = content;
  if (!content.isStored) index.create(id, content.sizeBytes, content.path);
  if (path !== undefined) index.setPath(id, path);
  if (names.size > 0) index.addNames(id, [...names]);
  for (const number of groups) {
    const group = sums.groups.get(number);
    if (group !== undefined) index.putSums(id, number, group);
  }
  if (deltaBytes !== 0) index.addBytes(id, deltaBytes);
}
