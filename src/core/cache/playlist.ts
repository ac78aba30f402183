/**
 * M3U playlists: a path on each line, comments after `#`. They come in UTF-8 or, as `.m3u` from old
 * programs, in Latin-1; with slashes, or from Windows with backslashes.
 */

/** What a playlist names that may be a file here, as it is written: absolute or relative to it. */
export function playlistEntries(bytes: Uint8Array): readonly string[] {
  return decoded(bytes)
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map(pathOfEntry)
    .filter((path) => path !== undefined);
}

export function isPlaylist(path: string): boolean {
  return /\.m3u8?$/i.test(path);
}

function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (error instanceof TypeError) return Buffer.from(bytes).toString("latin1");
    throw error;
  }
}

/** Undefined for what lies elsewhere: a stream, another drive. */
function pathOfEntry(entry: string): string | undefined {
  if (/^file:\/\//i.test(entry)) return pathOfUrl(entry);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(entry) || /^[a-z]:[\\/]/i.test(entry)) return undefined;
  return entry.includes("/") ? entry : entry.replaceAll("\\", "/");
}

function pathOfUrl(url: string): string | undefined {
  try {
    return decodeURIComponent(new URL(url).pathname);
  } catch (error) {
    if (error instanceof TypeError || error instanceof URIError) return undefined;
    throw error;
  }
}
