/** Checksums of blocks, and those of one version together. */

import { BLOCKS_PER_GROUP } from "../limits.ts";

/** Of a block that is not there. */
export const ABSENT = 0n;

/** xxHash3, 64 bits, seed 0; never {@link ABSENT}. */
export function checksumOf(bytes: Uint8Array): bigint {
  const hash = BigInt(Bun.hash.xxHash3(bytes));
  return hash === ABSENT ? 1n : hash;
}

/**
 * The checksums of a version's blocks that are there, in groups as the index stores them. Memory
 * follows what is cached, not the size of the file.
 */
export class BlockSums {
  readonly #groups: Map<number, BigUint64Array>;
  #count = 0;

  /** Takes the groups over. */
  constructor(groups: Map<number, BigUint64Array> = new Map()) {
    this.#groups = groups;
    for (const group of groups.values()) {
      for (const sum of group) if (sum !== ABSENT) this.#count++;
    }
  }

  /** {@link ABSENT} when the block is not there. */
  get(block: number): bigint {
    return this.#groups.get(groupOf(block))?.[block % BLOCKS_PER_GROUP] ?? ABSENT;
  }

  has(block: number): boolean {
    return this.get(block) !== ABSENT;
  }

  set(block: number, sum: bigint): void {
    let group = this.#groups.get(groupOf(block));
    if (group === undefined) {
      if (sum === ABSENT) return;
      group = new BigUint64Array(BLOCKS_PER_GROUP);
      this.#groups.set(groupOf(block), group);
    }
    const before = group[block % BLOCKS_PER_GROUP] ?? ABSENT;
    this.#count += Number(sum !== ABSENT) - Number(before !== ABSENT);
    group[block % BLOCKS_PER_GROUP] = sum;
  }

  /** Blocks that are there. */
  get count(): number {
    return this.#count;
  }

  /** The groups that hold anything, to be read. */
  get groups(): ReadonlyMap<number, BigUint64Array> {
    return this.#groups;
  }

  copy(): BlockSums {
    return new BlockSums(new Map([...this.#groups].map(([n, group]) => [n, group.slice()])));
  }

  /** The numbers of the blocks that are there, in no order. */
  *blocks(): Generator<number> {
    for (const [number, group] of this.#groups) {
      for (const [i, sum] of group.entries()) {
        if (sum !== ABSENT) yield number * BLOCKS_PER_GROUP + i;
      }
    }
  }
}

export function groupOf(block: number): number {
  return Math.floor(block / BLOCKS_PER_GROUP);
}
