/**
 * A directory of a bucket: the keys that begin with its prefix, cut at the next `/`.
 *
 * Keys that no file can have are left out and told of: `a//b`, `../x`, names longer than 255 bytes
 * or not UTF-8. Where `a` is a key and others begin with `a/`, the directory wins and the file is
 * left out. A key that ends in `/` is a mark for an (empty) directory and no file.
 */

import { type ByteName, type BytePath, isValidName, textOf } from "../../bytes.ts";
import { MAX_DIRECTORY_ENTRIES, S3_MAX_EMPTY_PAGES } from "../../limits.ts";
import type { DirEntry, FileStat } from "../origin.ts";
import { DIRECTORY, fileStat } from "./attributes.ts";
import { BadAnswer } from "./http_answer.ts";
import { decodeListed } from "./keys.ts";
import type { ListedObject, ListingPage } from "./listing_page.ts";

/** Told of a key that is left out; `name` is its part below the directory and no valid name. */
export type SkippedListener = (directory: BytePath, name: ByteName, reason: string) => void;

/** Keys after the last page whose file was held back, as its directory might have followed. */
const END = "\uffff";

export class Listing {
  readonly #prefix: string;
  readonly #skip: (name: string, reason: string) => void;
  readonly #seen = new Set<string>();
  /** Files whose directory may still come: `a` sorts before `a.b`, and `a/` after it. */
  #held = new Map<ByteName, FileStat>();
  #continuation: string | undefined;
  #emptyPages = 0;
  /** Something begins with the prefix, be it a mark only. */
  #exists = false;

  /** `prefix`: of the directory, as sent. */
  constructor(prefix: string, skip: (name: string, reason: string) => void) {
    this.#prefix = decodeListed(prefix, undefined);
    this.#skip = skip;
  }

  get exists(): boolean {
    return this.#exists;
  }

  /** Where the next page begins; undefined before the first and after the last. */
  get continuation(): string | undefined {
    return this.#continuation;
  }

  /**
   * Takes a page and answers the entries that are certain by now: all of them after the last.
   * @throws BadAnswer for what is not the next page of this listing
   */
  take(page: ListingPage): readonly DirEntry[] {
    const { encoding, continuation } = page;
    const prefixes = [decodeListed(page.prefix, encoding), decodeListed(page.prefix, undefined)];
    if (!prefixes.includes(this.#prefix)) {
      throw new BadAnswer("the server lists another directory than was asked for");
    }
    const before = this.#seen.size;
    const ready: DirEntry[] = [];
    let last = "";
    for (const listed of page.commonPrefixes) {
      const key = decodeListed(listed, encoding);
      if (key > last) last = key;
      this.#add(key, undefined, ready);
    }
    for (const object of page.objects) {
      const key = decodeListed(object.key, encoding);
      if (key > last) last = key;
      this.#add(key, object, ready);
    }
    this.#advance(continuation, this.#seen.size > before);
    this.#release(continuation === undefined ? END : last, ready);
    return ready;
  }

  #add(key: string, object: ListedObject | undefined, ready: DirEntry[]): void {
    if (!key.startsWith(this.#prefix)) {
      throw new BadAnswer("the server lists keys of another directory");
    }
    this.#exists = true;
    const relative = key.slice(this.#prefix.length);
    if (relative === "") return;
    const slash = relative.indexOf("/");
    const name = slash < 0 ? relative : relative.slice(0, slash);
    const seenAs = slash < 0 ? name : `${name}/`;
    if (this.#seen.has(seenAs)) return;
    this.#seen.add(seenAs);
    if (!isValidName(name) || textOf(name) === undefined) {
      this.#skip(relative, NO_NAME);
    } else if (slash >= 0) {
      if (this.#held.delete(name)) this.#skip(name, BOTH);
      ready.push({ name, ...DIRECTORY });
    } else if (this.#seen.has(`${name}/`)) {
      this.#skip(name, BOTH);
    } else {
      const stat = object && fileStat(object);
      if (stat === undefined) this.#skip(name, NO_VERSION);
      else this.#held.set(name, stat);
    }
  }

  /** Moves what no later key can turn into a directory to `ready`; keys come in byte order. */
  #release(last: string, ready: DirEntry[]): void {
    const held = new Map<ByteName, FileStat>();
    for (const [name, stat] of this.#held) {
      if (last !== END && `${this.#prefix}${name}/` > last) held.set(name, stat);
      else ready.push({ name, ...stat });
    }
    this.#held = held;
  }

  #advance(continuation: string | undefined, progress: boolean): void {
    this.#emptyPages = progress ? 0 : this.#emptyPages + 1;
    const endless =
      (continuation !== undefined && continuation === this.#continuation) ||
      this.#emptyPages > S3_MAX_EMPTY_PAGES ||
      this.#seen.size > MAX_DIRECTORY_ENTRIES;
    if (endless) throw new BadAnswer("the server's listing does not come to an end");
    this.#continuation = continuation;
  }
}

/** Why a key is left out. */
export const NO_NAME = "no file can have this name";
export const NO_VERSION = "the server does not tell its size and ETag";
export const BOTH = "it is a file and a directory at once; the directory is shown";
