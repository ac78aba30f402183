/**
 * All that lies below a bucket's prefix, out of one listing without a delimiter: a thousand objects
 * a request, however many directories they lie in. Keys come in the order of their bytes, so those
 * of a directory follow one another, and it is complete when a key comes that is not below it.
 *
 * What `listing.ts` leaves out is left out here, too.
 */

import {
  type ByteName,
  type BytePath,
  isValidName,
  joinPath,
  ROOT_PATH,
  textOf,
} from "../../bytes.ts";
import { S3_MAX_EMPTY_PAGES } from "../../limits.ts";
import type { DirEntry, FileStat, TreePage } from "../origin.ts";
import { DIRECTORY, fileStat } from "./attributes.ts";
import { BadAnswer } from "./http_answer.ts";
import { decodeListed } from "./keys.ts";
import { BOTH, NO_NAME, NO_VERSION, type SkippedListener } from "./listing.ts";
import type { ListedObject, ListingPage } from "./listing_page.ts";

/** A directory to which further keys may belong. */
interface OpenDirectory {
  readonly path: BytePath;
  /** What its keys begin with, below the listing's prefix. */
  readonly prefix: string;
  /** Files whose directory may still come: `a` sorts before `a.b`, and `a/` after it. */
  readonly held: Map<ByteName, FileStat>;
  entries: DirEntry[];
  told: boolean;
  closed: boolean;
  /** The directory of no valid name that was told of last. */
  skipped: string | undefined;
}

export class TreeListing {
  readonly #prefix: string;
  readonly #skip: SkippedListener;
  /** From the root to where the last key lies. */
  readonly #open: OpenDirectory[] = [opened(ROOT_PATH, "")];
  /** The directories of this page, outer ones first. */
  #touched: OpenDirectory[] = [];
  #last: string | undefined;
  #continuation: string | undefined;
  #emptyPages = 0;
  #usable = true;

  /** `prefix`: as sent. */
  constructor(prefix: string, skip: SkippedListener) {
    this.#prefix = decodeListed(prefix, undefined);
    this.#skip = skip;
  }

  /** Where the next page begins; undefined before the first and after the last. */
  get continuation(): string | undefined {
    return this.#continuation;
  }

  /** False once keys came out of order or cut short: such a listing cannot be followed. */
  get isUsable(): boolean {
    return this.#usable;
  }

  /**
   * Takes a page and answers what it tells of each directory, which is nothing once it is not usable.
   * @throws BadAnswer for what is not the next page of this listing
   */
  take(page: ListingPage): readonly TreePage[] {
    const { prefix, encoding, continuation, objects, commonPrefixes } = page;
    const prefixes = [decodeListed(prefix, encoding), decodeListed(prefix, undefined)];
    if (!prefixes.includes(this.#prefix)) {
      throw new BadAnswer("the server lists another directory than was asked for");
    }
    this.#usable &&= commonPrefixes.length === 0;
    if (!this.#usable) return [];
    this.#touched = [...this.#open];
    const before = this.#last;
    for (const object of objects) {
      const key = decodeListed(object.key, encoding);
      if (!key.startsWith(this.#prefix)) {
        throw new BadAnswer("the server lists keys of another directory");
      }
      if (this.#last !== undefined && key <= this.#last) {
        if (key === this.#last) continue;
        this.#usable = false;
        return [];
      }
      this.#last = key;
      this.#add(key.slice(this.#prefix.length), object);
    }
    this.#advance(continuation, this.#last !== before);
    if (continuation === undefined) this.#closeTo(0);
    return this.#touched.flatMap((directory) => this.#pageOf(directory));
  }

  #add(key: string, object: ListedObject): void {
    let depth = 1;
    while (depth < this.#open.length && key.startsWith(this.#open[depth]?.prefix ?? "")) depth++;
    this.#closeTo(depth);
    let directory = this.#open.at(-1);
    for (;;) {
      if (directory === undefined) return;
      const rest = key.slice(directory.prefix.length);
      const slash = rest.indexOf("/");
      const name = slash < 0 ? rest : rest.slice(0, slash);
      // A key that ends in `/` is a mark for a directory, which is there by now.
      if (rest === "") return;
      if (!isValidName(name) || textOf(name) === undefined) {
        const told = slash < 0 ? name : rest.slice(0, slash + 1);
        if (directory.skipped !== told) this.#skip(directory.path, told as ByteName, NO_NAME);
        directory.skipped = told;
        return;
      }
      if (slash < 0) {
        const stat = fileStat(object);
        if (stat === undefined) this.#skip(directory.path, name, NO_VERSION);
        else directory.held.set(name, stat);
        return;
      }
      if (directory.held.delete(name)) this.#skip(directory.path, name, BOTH);
      directory.entries.push({ name, ...DIRECTORY });
      const path: BytePath = joinPath(directory.path, name);
      directory = opened(path, key.slice(0, directory.prefix.length + slash + 1));
      this.#open.push(directory);
      this.#touched.push(directory);
    }
  }

  /** No more keys of the directories from this depth on will come. */
  #closeTo(depth: number): void {
    for (const directory of this.#open.splice(depth)) directory.closed = true;
  }

  /** What is certain of the directory by now; nothing where nothing is new. */
  #pageOf(directory: OpenDirectory): TreePage[] {
    const { path, closed: last, told, held } = directory;
    const after = this.#last?.slice(this.#prefix.length) ?? "";
    for (const [name, stat] of held) {
      // Keys come in byte order: a directory of this name would have come before `after`.
      if (!last && `${directory.prefix}${name}/` > after) continue;
      directory.entries.push({ name, ...stat });
      held.delete(name);
    }
    const { entries } = directory;
    directory.entries = [];
    directory.told = true;
    return entries.length > 0 || last || !told
      ? [{ directory: path, entries, first: !told, last }]
      : [];
  }

  #advance(continuation: string | undefined, progress: boolean): void {
    this.#emptyPages = progress ? 0 : this.#emptyPages + 1;
    const endless =
      (continuation !== undefined && continuation === this.#continuation) ||
      this.#emptyPages > S3_MAX_EMPTY_PAGES;
    if (endless) throw new BadAnswer("the server's listing does not come to an end");
    this.#continuation = continuation;
  }
}

function opened(path: BytePath, prefix: string): OpenDirectory {
  const state = { entries: [], told: false, closed: false, skipped: undefined };
  return { path, prefix, held: new Map(), ...state };
}
