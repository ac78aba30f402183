/** Files of several origins that change now and then, and the tree that a mount of them shows. */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Dice } from "../../support/dice.ts";
import type { Workspace } from "./musicfs.ts";

const ALBUMS = 12;
const TRACKS = 8;
/** Most files are small, some take many reads. */
const SIZES_BYTES = [0, 1, 4096, 10_000, 70_000, 2_000_003];

/** What of the configuration decides on the tree. */
interface ConfiguredOrigin {
  readonly path: string;
  readonly priority?: number;
  readonly prefix?: string;
  readonly enabled?: boolean;
}

export class OriginFiles {
  /** A directory for an origin that is added and removed. */
  readonly extra: string;

  /** `roots`: directories of the origins that stay, by id. */
  constructor(
    readonly roots: Readonly<Record<string, string>>,
    extra: string,
    readonly dice: Dice,
  ) {
    this.extra = extra;
  }

  plant(): void {
    for (const root of [...Object.values(this.roots), this.extra]) {
      for (let n = 0; n < ALBUMS * TRACKS; n++) if (this.dice.chance(0.6)) this.#write(root, n);
    }
  }

  /** A few files are added, replaced, renamed or removed, as others do behind the program's back. */
  change(): void {
    const { dice } = this;
    const root = dice.one([...Object.values(this.roots), this.extra]);
    for (let changes = 1 + dice.below(4); changes > 0; changes--) {
      const number = dice.below(ALBUMS * TRACKS);
      const file = join(root, nameOf(number));
      if (!existsSync(file) || dice.chance(0.4)) this.#write(root, number);
      else if (dice.chance(0.5)) renameSync(file, join(root, nameOf(number) + dice.below(9)));
      else rmSync(file);
    }
  }

  /** Lines of `sha256sum` for every file of the tree that this configuration makes. */
  expected(config: string): readonly string[] {
    const tree = new Map<string, string>();
    // The sort is stable: equal priorities are settled by the order in the file.
    const ordered = enabledOrigins(config).toSorted(
      (a, b) => (a.priority ?? 100) - (b.priority ?? 100),
    );
    for (const { path, prefix = "" } of ordered) {
      for (const file of filesOf(path)) {
        const shown = join(prefix, file);
        if (!tree.has(shown)) tree.set(shown, sha256(readFileSync(join(path, file))));
      }
    }
    return [...tree].map(([path, hash]) => `${hash}  ./${path}`);
  }

  /** The same of what is mounted. */
  async shown(workspace: Workspace): Promise<readonly string[]> {
    const script = 'cd "$1" && find . -type f -print0 | xargs -0 -r sha256sum';
    return (await workspace.shell(script)).trim().split("\n");
  }

  /** What is shown and should not be, `+`, and what should be and is not, `-`. */
  difference(shown: readonly string[], config: string): readonly string[] {
    const expected = new Set(this.expected(config));
    const more = shown.filter((line) => !expected.has(line)).map((line) => `+ ${line}`);
    const seen = new Set(shown);
    return [...more, ...[...expected].filter((line) => !seen.has(line)).map((line) => `- ${line}`)];
  }

  /** Puts a whole new file in place, of other bytes than ever before. */
  #write(root: string, number: number): void {
    const { dice } = this;
    const file = join(root, nameOf(number));
    mkdirSync(dirname(file), { recursive: true });
    const size = dice.one(SIZES_BYTES);
    const piece = dice.bytes(Math.min(size, 64));
    writeFileSync(`${file}.part`, Buffer.alloc(size, piece));
    renameSync(`${file}.part`, file);
  }
}

/** The origins of a configuration that are used, in the order of the file. */
export function enabledOrigins(config: string): readonly ConfiguredOrigin[] {
  const { origins = [] } = Bun.TOML.parse(config) as { origins?: readonly ConfiguredOrigin[] };
  return origins.filter((origin) => origin.enabled !== false);
}

function nameOf(number: number): string {
  return `album ${Math.floor(number / TRACKS)}/track ${number % TRACKS}`;
}

function filesOf(root: string): readonly string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(root.length + 1));
}

function sha256(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}
