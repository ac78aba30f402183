/** Which small files a program reads next that goes through a directory in the order of its listing. */

import { joinPath, nameFromBytes } from "../bytes.ts";
import type { CatalogReader } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import type { FederatedFile } from "../federation/file.ts";
import { BLOCK_BYTES } from "../limits.ts";

/** Entries that are looked at in search of them. */
export const LISTED_ENTRIES = 256;

/** Whether a file has bytes and is fetched with a single request, all of it. */
export function isSmallFile({ sizeBytes }: Pick<FederatedFile, "sizeBytes">): boolean {
  return sizeBytes > 0 && sizeBytes <= BLOCK_BYTES;
}

/**
 * Up to `maxFiles` small files that follow the version's file in its directory, among the next
 * LISTED_ENTRIES entries; none after a version that the directory does not show any more.
 */
export function nextSmallFiles(
  catalog: CatalogReader,
  version: number,
  maxFiles: number,
): readonly FederatedFile[] {
  const files: FederatedFile[] = [];
  const node = emptyNode();
  if (!catalog.version(version, node)) return files;
  const { parent, entry } = node;
  const directory = catalog.pathOf(parent);
  if (directory === undefined) return files;
  let entries = 0;
  catalog.list(parent, entry, node, (name) => {
    if (!node.isDirectory && isSmallFile(node)) {
      const { version, sizeBytes } = node;
      const path = joinPath(directory, nameFromBytes(name));
      const replicas = () => catalog.replicas(version);
      files.push({ path, version, sizeBytes, replicas, seams: () => [] });
    }
    entries++;
    return files.length < maxFiles && entries < LISTED_ENTRIES;
  });
  return files;
}
