/** What an origin's `exclude` globs leave out of the tree. */

import { type ByteName, type BytePath, textOf } from "../bytes.ts";

/**
 * A glob without `/` is matched against names, at any depth; one with `/` against the whole path
 * below the origin's root. A directory left out takes its contents along. Wildcards match leading
 * dots. Globs are text: names that are not UTF-8 are matched with one character per byte.
 */
export class Exclusion {
  readonly #names: readonly Bun.Glob[];
  readonly #paths: readonly Bun.Glob[];

  /** Equal for what leaves out the same: 16 hexadecimal digits. */
  readonly key: string;

  constructor(globs: readonly string[]) {
    this.key = Bun.hash.xxHash3(globs.join("\0")).toString(16).padStart(16, "0");
    this.#names = globs.filter((glob) => !glob.includes("/")).map((glob) => new Bun.Glob(glob));
    this.#paths = globs
      .filter((glob) => glob.includes("/"))
      .map((glob) => new Bun.Glob(glob.replace(/^\/+|\/+$/g, "")));
  }

  /** `path` is that of `name`, below the origin's root. */
  excludes(name: ByteName, path: BytePath): boolean {
    return matches(this.#names, name) || matches(this.#paths, path);
  }
}

const ASCII = /^[\0-\x7f]*$/;

function matches(globs: readonly Bun.Glob[], value: ByteName | BytePath): boolean {
  if (globs.length === 0) return false;
  const text = ASCII.test(value) ? value : (textOf(value) ?? value);
  return globs.some((glob) => glob.match(text));
}
