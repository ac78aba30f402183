/** Which file is likely to be played after another. */

import { type ByteName, type BytePath, joinPath, nameFromBytes } from "../bytes.ts";
import type { CatalogReader } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import { ALBUM_ENTRIES } from "../limits.ts";
import type { CacheableFile } from "./block_cache.ts";

/** Track 2 comes before track 10. */
const byName = new Intl.Collator("en", { numeric: true });

/**
 * The next file of the same kind in the same directory, by name; undefined after the last one, and
 * in a directory of more than ALBUM_ENTRIES, which is no album. A file's kind is its extension.
 */
export function nextTrack(catalog: CatalogReader, version: number): CacheableFile | undefined {
  const node = emptyNode();
  if (!catalog.version(version, node)) return undefined;
  const directory = node.parent;
  const path = catalog.pathOf(node.entry);
  if (path === undefined) return undefined;
  const nameAt = path.lastIndexOf("/") + 1;
  const name = path.slice(nameAt);
  let next: { name: ByteName; version: number; sizeBytes: number } | undefined;
  let entries = 0;
  catalog.list(directory, 0, node, (bytes) => {
    const other = nameFromBytes(bytes);
    const isBetween =
      byName.compare(other, name) > 0 &&
      (next === undefined || byName.compare(other, next.name) < 0);
    if (!node.isDirectory && isBetween && kindOf(other) === kindOf(name)) {
      next = { name: other, version: node.version, sizeBytes: node.sizeBytes };
    }
    return ++entries <= ALBUM_ENTRIES;
  });
  if (next === undefined || entries > ALBUM_ENTRIES) return undefined;
  const found = next;
  const directoryPath = path.slice(0, Math.max(0, nameAt - 1)) as BytePath;
  return {
    path: joinPath(directoryPath, found.name),
    version: found.version,
    sizeBytes: found.sizeBytes,
    replicas: () => catalog.replicas(found.version),
  };
}

function kindOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot).toLowerCase();
}
