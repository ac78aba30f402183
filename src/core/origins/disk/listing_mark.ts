/**
 * A name for what a listing of a directory brings: two listings of one mark bring the same entries
 * with the same attributes, in the same order and pages. It is made of what statx says, at a fraction of the
 * cost of entries: two XXH3 hashes of different seeds, 128 bits.
 */

/** Of a listing that has not begun. */
export const NEW_MARK = "0".repeat(32);

const CHUNK_BYTES = 16 * 1024;
const DIGEST_BYTES = 16;
const SECOND_SEED = 0x9e3779b97f4a7c15n;
/** A name, its end, and what of statx is taken. */
const MAX_RECORD_BYTES = 256 + 64;

/** What of `struct statx` tells versions and attributes apart; see `sys/statx.ts`. */
const STRONG: readonly Range[] = [
  { from: 0x14, to: 0x1e }, // uid, gid, mode
  { from: 0x20, to: 0x30 }, // ino, size
  { from: 0x60, to: 0x80 }, // ctime, mtime
  { from: 0x88, to: 0x90 }, // device
];
/** Where ctime is made up. */
const WEAK: readonly Range[] = [
  { from: 0x14, to: 0x1e },
  { from: 0x20, to: 0x30 },
  { from: 0x70, to: 0x80 },
  { from: 0x88, to: 0x90 },
];

interface Range {
  readonly from: number;
  readonly to: number;
}

export class ListingMark {
  readonly #bytes = new Uint8Array(CHUNK_BYTES);
  readonly #view = new DataView(this.#bytes.buffer);
  /** The first bytes are the digest of the chunks before. */
  #end = DIGEST_BYTES;

  /** Goes on from what `end` answered for the page before. */
  begin(mark: string = NEW_MARK): this {
    this.#bytes.set(Buffer.from(mark, "hex").subarray(0, DIGEST_BYTES));
    this.#end = DIGEST_BYTES;
    return this;
  }

  /**
   * An entry, as its name's bytes and its `struct statx`, a link's that of what it leads to;
   * undefined for one that is not shown.
   */
  add(name: Uint8Array, statx: Uint8Array | undefined, tokens: "strong" | "weak"): void {
    if (this.#end + MAX_RECORD_BYTES > CHUNK_BYTES) this.#fold();
    this.#bytes.set(name, this.#end);
    this.#end += name.byteLength;
    this.#bytes[this.#end++] = 0;
    if (statx === undefined) return;
    for (const { from, to } of tokens === "strong" ? STRONG : WEAK) {
      for (let at = from; at < to; at++) this.#bytes[this.#end++] = statx[at] ?? 0;
    }
  }

  /** 32 hexadecimal digits: those it began with where nothing was added. */
  end(): string {
    if (this.#end > DIGEST_BYTES) this.#fold();
    return Buffer.from(this.#bytes.buffer, 0, DIGEST_BYTES).toString("hex");
  }

  #fold(): void {
    const chunk = this.#bytes.subarray(0, this.#end);
    const first = Bun.hash.xxHash3(chunk);
    const second = Bun.hash.xxHash3(chunk, SECOND_SEED);
    this.#view.setBigUint64(0, first);
    this.#view.setBigUint64(8, second);
    this.#end = DIGEST_BYTES;
  }
}
