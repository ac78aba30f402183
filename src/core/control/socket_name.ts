/** How a mount's socket is called: for people by its mount point, for programs by its cache directory. */

import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { basename } from "node:path";

const HASH_CHARACTERS = 16;
const LABEL_CHARACTERS = 32;
const SOCKET_NAME = /^[\w-]*-([0-9a-f]{16})\.sock$/;

/**
 * What tells mounts apart: one mount at a time uses a cache directory. Undefined for a directory
 * that does not exist, which no mount has.
 */
export function mountKey(cacheDir: string): string | undefined {
  let path: string;
  try {
    path = realpathSync(cacheDir);
  } catch (error) {
    if (error instanceof Error && "code" in error) return undefined;
    throw error;
  }
  return createHash("sha256").update(path).digest("hex").slice(0, HASH_CHARACTERS);
}

/** `music-1f2e3d4c5b6a7988.sock`. */
export function socketName(mountPoint: string, key: string): string {
  const label = basename(mountPoint).replace(/[^\w-]/g, "_");
  return `${label.slice(0, LABEL_CHARACTERS)}-${key}.sock`;
}

/** The key in a socket's name; undefined for the name of anything else. */
export function keyOfSocket(name: string): string | undefined {
  return SOCKET_NAME.exec(name)?.[1];
}
