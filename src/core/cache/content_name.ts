/**
 * What bytes in the cache are called: by an origin, a path on it (unless the token names the bytes
 * wherever they lie), a size and the origin's version token. A version has one name for each of its
 * proved replicas. Names hold without the catalog, so that the bytes are found again when its ids are
 * lost.
 */

import { toBytes } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { VersionToken } from "../origins/origin.ts";

/** 32 hexadecimal digits. */
export type ContentName = string & { readonly __name: "ContentName" };

const NAME_DIGITS = 32;

/**
 * A token made of the bytes: the MD5 that an object store gives as ETag, or that of its parts' MD5s
 * and their number. It names them wherever they lie on that origin, so that an object that is renamed
 * or copied there keeps what is cached. Tokens of files never look like that.
 */
const HASHED = /^[0-9a-f]{32}(?:-\d{1,5})?$/;

/**
 * Inode, ctime and mtime, as `localToken` has them, with the ctime's nanoseconds. Every write moves the
 * ctime, a rename of a directory above does not: the file keeps what is cached of it.
 */
const INODE = /^\d+:-?\d+\.(\d+):-?\d+\.\d+$/;

/** FAT and exFAT, which make inode numbers up, have ctimes in steps of this: there the path counts. */
const COARSE_NSEC = 10_000_000;

export function contentName({
  origin,
  path,
  originVersion,
}: Pick<Replica, "origin" | "path" | "originVersion">): ContentName {
  const { sizeBytes, token } = originVersion;
  // None of the parts holds NUL, and no file has an empty path.
  return new Bun.CryptoHasher("sha256")
    .update(`${origin}\0`)
    .update(isOfBytes(token) ? "" : toBytes(path))
    .update(`\0${sizeBytes}\0${token}`)
    .digest("hex")
    .slice(0, NAME_DIGITS) as ContentName;
}

/** Whether the token tells the bytes from all others of their size on the origin, at any path. */
function isOfBytes(token: VersionToken): boolean {
  if (HASHED.test(token)) return true;
  const [, ctimeNsec] = INODE.exec(token) ?? [];
  return ctimeNsec !== undefined && Number(ctimeNsec) % COARSE_NSEC !== 0;
}

/** What the bytes of replicas are called that are of other versions. */
export function otherNames(replicas: readonly Replica[]): readonly ContentName[] {
  return replicas.filter(({ match }) => match !== "proved").map(contentName);
}

/** The names of a version, best origin first. */
export function contentNames(replicas: readonly Replica[]): readonly ContentName[] {
  return replicas.filter(({ match }) => match === "proved").map(contentName);
}
