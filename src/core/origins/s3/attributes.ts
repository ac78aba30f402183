/** What S3 tells of an object, as the attributes of a file. */

import type { FileStat, VersionToken } from "../origin.ts";

/** What listings and HEAD both tell. */
export interface ObjectAttributes {
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
}

/**
 * There are no times, owners or permissions of directories; the catalog gives them the time at which
 * it saw something change in them.
 */
export const DIRECTORY: FileStat = {
  kind: "directory",
  sizeBytes: 0,
  token: "",
  mtimeSec: 0,
  mtimeNsec: 0,
  mode: 0o755,
  uid: -1,
  gid: -1,
};

/** Undefined when the server left out what a version needs: its size and its ETag. */
export function fileStat(object: ObjectAttributes): FileStat | undefined {
  const { sizeBytes, etag, lastModifiedMs = 0 } = object;
  const token = tokenOf(etag);
  if (token === "" || sizeBytes === undefined) return undefined;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return undefined;
  return {
    kind: "file",
    sizeBytes,
    token,
    // Listings of some servers have milliseconds, HEAD has not: one file has one mtime.
    mtimeSec: Math.floor(lastModifiedMs / 1000),
    mtimeNsec: 0,
    mode: 0o644,
    uid: -1,
    gid: -1,
  };
}

/**
 * The ETag without what proxies and listings add or leave out, quotes and the mark of a weak one;
 * `""` for none that could be sent back.
 */
export function tokenOf(etag: string | undefined): VersionToken {
  const token = etag?.replace(/^(?:W\/)?"|"$/g, "") ?? "";
  return ETAG_CHARACTERS.test(token) ? token : "";
}

/** `etagc` of RFC 9110, section 8.8.3. */
const ETAG_CHARACTERS = /^[\x21\x23-\x7e\x80-\xff]+$/;

/** The token as `If-Match` wants it. */
export function entityTag(token: VersionToken): string {
  return `"${token}"`;
}
