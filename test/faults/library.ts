/** The files of the scenario, on two origins, with every content that a path ever had. */

import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { OriginId } from "../../src/core/origins/origin.ts";

export const NAS = "nas" as OriginId;
export const BACKUP = "backup" as OriginId;

/** Enough for reads of several pieces, and for fingerprints with a middle. */
export const LONG_BYTES = 200_000;
const SHORT_BYTES = 5000;

/** Bytes that are the same each time and repeat nowhere. */
function content(seed: number, lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  let state = seed;
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

const ONE = content(1, LONG_BYTES);
const CONTENTS = [2, 3, 4, 5].map((seed) => content(seed, SHORT_BYTES + seed));
const [TWO = ONE, TWO_EDITED = ONE, THREE = ONE, FOUR = ONE] = CONTENTS;

export class FaultLibrary {
  readonly roots: ReadonlyMap<OriginId, string>;
  /** Everything that a path of the tree ever held. */
  readonly ever = new Map<string, Buffer[]>();
  /** What the tree holds now. */
  readonly now = new Map<string, Buffer>();

  /** Below `directory`. */
  constructor(readonly directory: string) {
    this.roots = new Map([NAS, BACKUP].map((id) => [id, join(directory, id)]));
    this.#put(NAS, "album/one", ONE);
    this.#put(BACKUP, "album/one", ONE);
    this.#put(NAS, "album/two", TWO);
    this.#put(BACKUP, "album/three", THREE);
    this.#put(BACKUP, "singles/four", FOUR);
  }

  /** Another file takes the place of one. */
  replaceTwo(): void {
    this.#put(NAS, "album/two", TWO_EDITED);
  }

  moveThree(): void {
    const { directory } = this;
    renameSync(join(directory, BACKUP, "album/three"), join(directory, BACKUP, "album/five"));
    this.now.delete("album/three");
    this.now.set("album/five", THREE);
    this.ever.set("album/five", [THREE]);
  }

  /** The path of an origin leads nowhere until it is disposed. */
  takeAway(origin: OriginId): Disposable {
    const root = join(this.directory, origin);
    renameSync(root, `${root}.away`);
    return {
      [Symbol.dispose]() {
        if (existsSync(`${root}.away`)) renameSync(`${root}.away`, root);
      },
    };
  }

  /** Names in a directory of the tree, sorted. */
  names(path: string): readonly string[] {
    const prefix = path === "" ? "" : `${path}/`;
    const below = [...this.now.keys()].filter((file) => file.startsWith(prefix));
    return [...new Set(below.map((file) => file.slice(prefix.length).split("/")[0] ?? ""))].sort();
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #put(origin: OriginId, path: string, bytes: Buffer): void {
    const file = join(this.directory, origin, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.new`, bytes);
    renameSync(`${file}.new`, file);
    this.now.set(path, bytes);
    this.ever.set(path, [...(this.ever.get(path) ?? []), bytes]);
  }
}
