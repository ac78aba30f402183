/** What the mount must show, and what it must not stop showing. */

import { posix } from "node:path";
import type { Content } from "../../model/contents.ts";
import type { LocalOrigin } from "./local_origin.ts";
import type { ConfiguredOrigin, MountedLibrary } from "./mounted_library.ts";

export type Merged =
  | { readonly kind: "directory" }
  | { readonly kind: "file"; readonly content: Content };

export class TreeOracle {
  /** The step at which a file was last seen in the mount. */
  readonly #shown = new Map<string, number>();

  constructor(readonly library: MountedLibrary) {}

  /** The tree as origins hold it, by path. */
  merged(): ReadonlyMap<string, Merged> {
    const tree = new Map<string, Merged>();
    for (const configured of this.library.ranked) {
      const origin = this.library.origin(configured.id);
      const prefixes = ancestors(posix.join(configured.prefix, "x"));
      if (!prefixes.every((path) => makeDirectory(tree, path))) continue;
      for (const path of origin.directories()) graft(tree, posix.join(configured.prefix, path));
      for (const [path, { content }] of origin.files) {
        const shown = posix.join(configured.prefix, path);
        const isClear = ancestors(shown).every((at) => tree.get(at)?.kind === "directory");
        if (isClear && !tree.has(shown)) tree.set(shown, { kind: "file", content });
      }
    }
    return tree;
  }

  /** All that a path may ever have been, on any origin. */
  contentsEver(path: string): ReadonlySet<Content> {
    const contents = new Set<Content>();
    for (const { id, prefix } of this.library.setup.origins) {
      const below = under(prefix, path);
      if (below === undefined) continue;
      for (const content of this.library.origin(id).ever.get(below) ?? []) contents.add(content);
    }
    return contents;
  }

  sawFile(path: string, step: number): void {
    this.#shown.set(path, step);
  }

  /** Files that were seen in a directory. */
  shownIn(directory: string): readonly string[] {
    const place = directory === "" ? "." : directory;
    return [...this.#shown.keys()].filter((path) => posix.dirname(path) === place);
  }

  /** The configuration changed, or removals are allowed: what was seen may go. */
  forget(): void {
    this.#shown.clear();
  }

  /** The path is not there: answers who has a file there that was seen, or undefined. */
  whoStillHas(path: string): string | undefined {
    const seen = this.#shown.get(path);
    this.#shown.delete(path);
    if (seen === undefined) return undefined;
    const holders = this.library.ranked.filter((configured) => {
      const held = heldAt(this.library.origin(configured.id), configured, path);
      return held !== undefined && held.since < seen;
    });
    return this.#isObstructed(path) ? undefined : holders[0]?.id;
  }

  /** Some origin has, or had, a file where the path leads through. */
  #isObstructed(path: string): boolean {
    return ancestors(path).some((at) => this.contentsEver(at).size > 0);
  }
}

function heldAt(origin: LocalOrigin, { prefix }: ConfiguredOrigin, path: string) {
  const below = under(prefix, path);
  return below === undefined ? undefined : origin.files.get(below);
}

/** The path below a prefix; undefined when it is not below it. */
function under(prefix: string, path: string): string | undefined {
  if (prefix === "") return path;
  return path.startsWith(`${prefix}/`) ? path.slice(prefix.length + 1) : undefined;
}

/** Directories around a path, outermost first. */
function ancestors(path: string): readonly string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, depth) => names.slice(0, depth + 1).join("/"));
}

function graft(tree: Map<string, Merged>, path: string): void {
  for (const at of [...ancestors(path), path]) if (!makeDirectory(tree, at)) return;
}

/** False when a better origin has a file there. */
function makeDirectory(tree: Map<string, Merged>, path: string): boolean {
  if (tree.get(path)?.kind === "file") return false;
  tree.set(path, { kind: "directory" });
  return true;
}
