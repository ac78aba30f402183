/**
 * What PATH… means: places in the library, written as paths below the mount point or, from
 * elsewhere, as paths of the library itself. A playlist stands for the files that it names.
 */

import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { displayText } from "../../core/bytes.ts";
import { isPlaylist, playlistEntries } from "../../core/cache/playlist.ts";
import { OwnError } from "../../core/errors.ts";
import type { CacheSession } from "./session.ts";

export interface LibraryPaths {
  /** Paths of the library, as text, each once. */
  readonly paths: readonly string[];
  /** What playlists name that is not in the library. */
  readonly missing: readonly string[];
}

/** Rejects with `usage` for what is not in the library, or a playlist that cannot be read. */
export async function libraryPaths(
  given: readonly string[],
  session: CacheSession,
  workingDirectory: string,
): Promise<LibraryPaths> {
  const paths = new Set<string>();
  const missing: string[] = [];
  for (const text of given) {
    if (!isPlaylist(text)) {
      paths.add(inLibrary(text, session.mountPoint, workingDirectory));
      continue;
    }
    for (const { entry, path } of await playlistPaths(text, session, workingDirectory)) {
      if (path === undefined) missing.push(entry);
      else paths.add(path);
    }
  }
  return { paths: [...paths], missing };
}

/** Throws `usage` for an absolute path elsewhere. */
function inLibrary(text: string, mountPoint: string, workingDirectory: string): string {
  const path = below(mountPoint, resolve(workingDirectory, text));
  if (path !== undefined) return path;
  if (!text.startsWith("/")) return below("/", resolve("/", text)) ?? "";
  const where = displayText(mountPoint);
  throw new OwnError("usage", `${displayText(text)} is not below the mount point ${where}`);
}

async function playlistPaths(text: string, session: CacheSession, workingDirectory: string) {
  const { mountPoint, read } = session;
  const file = resolve(workingDirectory, text);
  const place = below(mountPoint, file) ?? (text.startsWith("/") ? undefined : text);
  const outside = below(mountPoint, file) === undefined;
  const own = outside ? await readFile(file).catch(() => undefined) : undefined;
  const bytes = own ?? (place === undefined ? undefined : await read(place));
  if (bytes === undefined) {
    throw new OwnError("usage", `the playlist ${displayText(text)} cannot be read`);
  }
  // Where its relative entries begin: beside it, in the library or elsewhere.
  const base = dirname(own === undefined ? join(mountPoint, place ?? "") : file);
  const entries = playlistEntries(bytes).map((entry) => ({
    entry,
    path: below(mountPoint, resolve(base, entry)),
  }));
  return await Promise.all(
    entries.map(async ({ entry, path }) => {
      const isThere = path !== undefined && (await session.has(path));
      return { entry, path: isThere ? path : undefined };
    }),
  );
}

/** `path` as seen from `top`, without leading slash; undefined when it does not lie there. */
function below(top: string, path: string): string | undefined {
  const found = relative(top, path);
  return found === ".." || found.startsWith("../") ? undefined : found;
}
