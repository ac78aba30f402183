/**
 * What bytes in the cache are called: by an origin, a path on it, a size and the origin's version
 * token. A version has one name for each of its proved replicas. Names hold without the catalog, so
 * that the bytes are found again when its ids are lost.
 */

import type { Replica } from "../catalog/catalog.ts";

/** 32 hexadecimal digits. */
export type ContentName = string & { readonly __name: "ContentName" };

const NAME_DIGITS = 32;

export function contentName({ origin, path, originVersion }: Replica): ContentName {
  const { sizeBytes, token } = originVersion;
  // A path is a byte string; neither it nor the rest holds NUL.
  const text = [origin, path, sizeBytes, token].join("\0");
  return new Bun.CryptoHasher("sha256")
    .update(Buffer.from(text, "utf8"))
    .digest("hex")
    .slice(0, NAME_DIGITS) as ContentName;
}

/** The names of a version, best origin first. */
export function contentNames(replicas: readonly Replica[]): readonly ContentName[] {
  return replicas.filter(({ match }) => match === "proved").map(contentName);
}
