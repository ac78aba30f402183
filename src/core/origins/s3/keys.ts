/**
 * Keys and paths. A bucket has no directories: `a/b.flac` is one key, and `a` is a directory because
 * keys begin with `a/`. Keys are UTF-8; a path is a key without the origin's prefix.
 */

import { type BytePath, isValidPath, nameFromText, textOf } from "../../bytes.ts";

const KEY_MAX_BYTES = 1024;

/** The origin's part of a bucket. */
export class KeySpace {
  /** What the origin's keys begin with, as a byte string: `""` or ending in `/`. */
  readonly #root: string;

  /** `path`: the key prefix as configured; slashes around it mean nothing. */
  constructor(path: string) {
    const inner = nameFromText(path.replace(/^\/+|\/+$/g, ""));
    this.#root = inner.length === 0 ? "" : `${inner}/`;
  }

  /** The key of a file, as the SDK takes it; undefined for what cannot be one. */
  keyOf(path: BytePath): string | undefined {
    return path === "" || !isValidPath(path) ? undefined : asKey(`${this.#root}${path}`);
  }

  /** What the keys below a directory begin with; undefined for what cannot be one. */
  prefixOf(directory: BytePath): string | undefined {
    if (!isValidPath(directory)) return undefined;
    return asKey(directory === "" ? this.#root : `${this.#root}${directory}/`);
  }
}

function asKey(bytes: string): string | undefined {
  return bytes.length > KEY_MAX_BYTES ? undefined : textOf(bytes as BytePath);
}

/**
 * A key or prefix of a listing, as a byte string. `encoding` is the listing's `EncodingType`; what
 * is not encoded as it should be is taken as it stands.
 */
export function decodeListed(listed: string, encoding: string | undefined): string {
  const bytes: string = nameFromText(listed);
  if (encoding !== "url") return bytes;
  // Spaces come as `+` (AWS, MinIO) or as `%20` (Swift, Ceph); a plus is always `%2B`.
  return bytes
    .replaceAll("+", " ")
    .replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
