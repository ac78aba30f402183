/**
 * A directory that is an origin, and what its files hold and held. It can be away, or look empty, as
 * a disk that is not mounted: then what changes, changes out of sight.
 */

import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CONTENTS, type Content, contentOf } from "../../model/contents.ts";

/** Longer than a tick of the file system's clock: an edit in place gets another ctime. */
const CLOCK_TICK_MS = 20;

export type Presence = "there" | "away" | "blank";

/** A file of an origin. */
export interface HeldFile {
  readonly content: Content;
  /** The history's step that put it there. */
  readonly since: number;
}

export class LocalOrigin {
  /** By path; as on the disk, in sight or not. */
  readonly files = new Map<string, HeldFile>();
  /** Every content that ever was under a path. */
  readonly ever = new Map<string, Set<Content>>();
  presence: Presence = "there";
  readonly #parked: string;
  #parts = 0;

  constructor(
    readonly id: string,
    /** What the program is told; made by this. */
    readonly root: string,
  ) {
    this.#parked = `${root}.parked`;
    mkdirSync(root);
  }

  /** Where the files are now. */
  get #place(): string {
    return this.presence === "there" ? this.root : this.#parked;
  }

  show(presence: Presence): void {
    if (presence === this.presence) return;
    if (this.presence === "blank") rmdirSync(this.root);
    if (this.presence === "there") renameSync(this.root, this.#parked);
    if (presence === "there") renameSync(this.#parked, this.root);
    if (presence === "blank") mkdirSync(this.root);
    this.presence = presence;
  }

  /** Puts a whole new file in place. Throws where a path makes no sense, as all of these. */
  put(path: string, number: number, step: number): void {
    const part = `${this.root}.part${this.#parts++}`;
    writeFileSync(part, contentOf(number).bytes);
    this.#move(part, path);
    this.#note(path, contentOf(number), step);
  }

  /** Overwrites a file where it is with other bytes of its size. */
  async edit(path: string, keepsMtime: boolean, step: number): Promise<void> {
    const held = this.files.get(path);
    if (held === undefined) throw new Error("no file");
    const { byteLength } = held.content.bytes;
    const like = CONTENTS.filter(({ bytes }) => bytes.byteLength === byteLength);
    const after = like[(like.indexOf(held.content) + 1) % like.length];
    if (after === undefined || after === held.content) return;
    const file = join(this.#place, path);
    const { atime, mtime } = statSync(file);
    await Bun.sleep(CLOCK_TICK_MS);
    writeFileSync(file, after.bytes, { flag: "r+" });
    if (keepsMtime) utimesSync(file, atime, mtime);
    this.#note(path, after, step);
  }

  /** A copy with its mtime, as `cp -p` makes one. */
  copy(from: LocalOrigin, path: string, to: string, step: number): void {
    const held = from.files.get(path);
    if (held === undefined) throw new Error("no file");
    const part = `${this.root}.part${this.#parts++}`;
    cpSync(join(from.#place, path), part, { preserveTimestamps: true });
    this.#move(part, to);
    this.#note(to, held.content, step);
  }

  remove(path: string): void {
    const file = join(this.#place, path);
    if (!existsSync(file)) throw new Error("nothing there");
    rmSync(file, { recursive: true });
    this.#forget(path);
  }

  rename(from: string, to: string, step: number): void {
    mkdirSync(dirname(join(this.#place, to)), { recursive: true });
    renameSync(join(this.#place, from), join(this.#place, to));
    const moved = this.#forget(from);
    this.#forget(to);
    for (const [below, { content }] of moved) this.#note(to + below, content, step);
  }

  makeDirectory(path: string): void {
    mkdirSync(join(this.#place, path), { recursive: true });
  }

  /** Paths of all directories, outermost first. */
  directories(): readonly string[] {
    const entries = readdirSync(this.#place, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isDirectory())
      .map(({ parentPath, name }) => join(parentPath, name).slice(this.#place.length + 1))
      .sort();
  }

  /** Throws unless the disk is as it is kept here: a bug of this test, if so. */
  check(): void {
    for (const [path, { content }] of this.files) {
      if (!readFileSync(join(this.#place, path)).equals(content.bytes)) {
        throw new Error(`${this.id}/${path} is not content ${content.number}`);
      }
    }
  }

  #move(part: string, path: string): void {
    const file = join(this.#place, path);
    try {
      mkdirSync(dirname(file), { recursive: true });
      renameSync(part, file);
    } catch (error) {
      rmSync(part);
      throw error;
    }
  }

  #note(path: string, content: Content, since: number): void {
    this.files.set(path, { content, since });
    this.ever.set(path, (this.ever.get(path) ?? new Set()).add(content));
  }

  #forget(path: string): readonly (readonly [below: string, held: HeldFile])[] {
    const taken = [...this.files].filter(([at]) => at === path || at.startsWith(`${path}/`));
    for (const [at] of taken) this.files.delete(at);
    return taken.map(([at, held]) => [at.slice(path.length), held]);
  }
}
