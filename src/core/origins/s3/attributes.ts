/** What S3 tells of an object, as the attributes of a file. */

import type { FileStat, VersionToken } from "../origin.ts";

/** The fields that listings and HEAD have in common, under the names of HEAD. */
export interface ObjectAttributes {
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  readonly lastModified: Date | undefined;
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
export function fileStat({
  sizeBytes,
  etag,
  lastModified,
}: ObjectAttributes): FileStat | undefined {
  const token = tokenOf(etag);
  if (token === "" || sizeBytes === undefined) return undefined;
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) return undefined;
  const mtimeMs = lastModified?.getTime() ?? 0;
  return {
    kind: "file",
    sizeBytes,
    token,
    // Listings of some servers have milliseconds, HEAD has not: one file has one mtime.
    mtimeSec: Number.isNaN(mtimeMs) ? 0 : Math.floor(mtimeMs / 1000),
    mtimeNsec: 0,
    mode: 0o644,
    uid: -1,
    gid: -1,
  };
}

/** The ETag without its quotes, which some servers leave out in listings; `""` for none. */
export function tokenOf(etag: string | undefined): VersionToken {
  return etag?.replace(/^"|"$/g, "") ?? "";
}

/** The token as `If-Match` wants it. */
export function entityTag(token: VersionToken): string {
  return `"${token}"`;
}
