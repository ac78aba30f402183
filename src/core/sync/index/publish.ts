/**
 * Writing an index. The head is replaced last, so that readers see the old index or the new one; what
 * none that they may still be reading refers to is removed after it.
 */

import { INDEX_WRITES } from "../../limits.ts";
import type { DescribedFile } from "../describe_files.ts";
import { alongside } from "./alongside.ts";
import {
  encodeHead,
  encodePage,
  formerName,
  INDEX_HEAD,
  type IndexEntry,
  objectName,
  pageBits,
  pageOf,
  sha256Hex,
} from "./index_page.ts";
import type { IndexTarget } from "./index_store.ts";
import { pruneIndex } from "./prune.ts";

export interface Published {
  readonly files: number;
  /** Objects that were not there yet, and what they take. */
  readonly written: number;
  readonly writtenBytes: number;
  /** Objects that nobody needs any more. */
  readonly removed: number;
}

/** What is to be there: objects by their names, and the head. */
interface Contents {
  readonly objects: ReadonlyMap<string, Uint8Array>;
  readonly head: Uint8Array;
}

/**
 * Rejects with OwnError `manifest` where the target cannot be read or written, with `busy` where
 * somebody else publishes there at the same time.
 */
export async function publishIndex(
  files: readonly DescribedFile[],
  target: IndexTarget,
): Promise<Published> {
  const stored = await target.list();
  const { objects, head } = contentsOf(files);
  const sizes = new Map(stored.map(({ name, sizeBytes }) => [name, sizeBytes]));
  let written = 0;
  let writtenBytes = 0;
  const put = async (name: string, bytes: Uint8Array) => {
    await target.put(name, bytes);
    written++;
    writtenBytes += bytes.byteLength;
  };
  // One of another size was damaged: a name says what is in it.
  const missing = [...objects].filter(([name, bytes]) => sizes.get(name) !== bytes.byteLength);
  await alongside(INDEX_WRITES, missing, ([name, bytes]) => put(name, bytes));
  const former = stored.find(({ name }) => name === INDEX_HEAD);
  const formerHead = former === undefined ? undefined : await target.get(INDEX_HEAD);
  let removed = 0;
  if (formerHead === undefined || !Buffer.from(head).equals(formerHead)) {
    if (formerHead !== undefined) await put(formerName(sha256Hex(formerHead)), formerHead);
    const replacedSec = await target.replaceHead(head, former);
    written++;
    writtenBytes += head.byteLength;
    const current = new Set(objects.keys());
    removed = await pruneIndex(target, { stored, current, formerHead, nowSec: replacedSec });
  }
  return { files: files.length, written, writtenBytes, removed };
}

function contentsOf(files: readonly DescribedFile[]): Contents {
  const objects = new Map<string, Uint8Array>();
  const add = (bytes: Uint8Array): string => {
    const sha256 = sha256Hex(bytes);
    objects.set(objectName(sha256), bytes);
    return sha256;
  };
  const bits = pageBits(files.length);
  const pages: IndexEntry[][] = Array.from({ length: 2 ** bits }, () => []);
  for (const { path, sizeBytes, mtimeSec, content } of files) {
    const { md5, sha256 } = content;
    const manifest = add(content.manifest);
    pages[pageOf(path, bits)]?.push({ path, sizeBytes, mtimeSec, md5, sha256, manifest });
  }
  const head = pages.map((page) => {
    page.sort((a, b) => (a.path < b.path ? -1 : 1));
    return add(encodePage(page));
  });
  return { objects, head: encodeHead(head) };
}
