/** The files of the tree at or below some paths, as the catalog shows them now. */

import { type BytePath, displayPath, joinPath, nameFromBytes, toBytes } from "../bytes.ts";
import { type CatalogReader, ROOT_ENTRY, type TreeNode } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import { OwnError } from "../errors.ts";
import type { CacheableFile } from "./block_cache.ts";

/** Names taken from a directory at a time: the catalog is not to be read while it is being listed. */
const PAGE_ENTRIES = 512;

interface Place {
  readonly path: BytePath;
  readonly entry: number;
  readonly isDirectory: boolean;
  readonly version: number;
  readonly sizeBytes: number;
}

/** Each file once, however many of the paths lead to it. Throws `usage` for a path that is not there. */
export function* treeFiles(
  catalog: CatalogReader,
  paths: readonly BytePath[],
): Generator<CacheableFile> {
  const seen = new Set<number>();
  const places = paths.map((path) => {
    const place = placeAt(catalog, path);
    if (place !== undefined) return place;
    throw new OwnError("usage", `there is no ${displayPath(path)} in the library`);
  });
  for (const place of places) {
    for (const file of filesBelow(catalog, place)) {
      if (seen.has(file.version)) continue;
      seen.add(file.version);
      yield file;
    }
  }
}

/** Whether a file or a directory is at this path. */
export function treeHas(catalog: CatalogReader, path: BytePath): boolean {
  return placeAt(catalog, path) !== undefined;
}

/** The file at this path; undefined for a directory, or nothing. */
export function treeFile(catalog: CatalogReader, path: BytePath): CacheableFile | undefined {
  const place = placeAt(catalog, path);
  return place === undefined || place.isDirectory ? undefined : fileAt(catalog, place);
}

/** As `treeFiles`; what is not there counts as nothing. */
export function* filesOfPins(
  catalog: CatalogReader,
  pins: Iterable<BytePath>,
): Generator<CacheableFile> {
  const there = [...pins].filter((path) => placeAt(catalog, path) !== undefined);
  yield* treeFiles(catalog, there);
}

function* filesBelow(catalog: CatalogReader, top: Place): Generator<CacheableFile> {
  const pending = [top];
  for (let place = pending.pop(); place !== undefined; place = pending.pop()) {
    if (place.isDirectory) pending.push(...childrenOf(catalog, place).reverse());
    else yield fileAt(catalog, place);
  }
}

function placeAt(catalog: CatalogReader, path: BytePath): Place | undefined {
  const node = emptyNode();
  let place: Place = { ...ROOT, path: "" as BytePath };
  for (const name of path.split("/").filter(Boolean)) {
    const isThere = catalog.lookup(place.entry, toBytes(name as BytePath), node);
    if (!place.isDirectory || !isThere) return undefined;
    place = placeOf(joinPath(place.path, name as BytePath), node);
  }
  return place;
}

const ROOT = { entry: ROOT_ENTRY, isDirectory: true, version: 0, sizeBytes: 0 };

/** In the order of the catalog, which is that of their arrival. */
function childrenOf(catalog: CatalogReader, directory: Place): Place[] {
  const node = emptyNode();
  const children: Place[] = [];
  for (;;) {
    const before = children.length;
    const after = children.at(-1)?.entry ?? 0;
    catalog.list(directory.entry, after, node, (name) => {
      children.push(placeOf(joinPath(directory.path, nameFromBytes(name)), node));
      return children.length - before < PAGE_ENTRIES;
    });
    if (children.length - before < PAGE_ENTRIES) return children;
  }
}

function placeOf(path: BytePath, node: TreeNode): Place {
  const { entry, isDirectory, version, sizeBytes } = node;
  return { path, entry, isDirectory, version, sizeBytes };
}

function fileAt(catalog: CatalogReader, { path, version, sizeBytes }: Place): CacheableFile {
  return { path, version, sizeBytes, replicas: () => catalog.replicas(version) };
}
