/** Writing an index. The head is replaced last, so that readers see the old index or the new one. */

import type { DescribedFile } from "../describe_files.ts";
import {
  decodeHead,
  decodePage,
  encodeHead,
  encodePage,
  INDEX_HEAD,
  type IndexEntry,
  objectName,
  pageBits,
  pageOf,
  sha256Hex,
} from "./index_page.ts";
import type { IndexTarget } from "./index_store.ts";

export interface Published {
  readonly files: number;
  /** Objects that were not there yet, and what they take. */
  readonly written: number;
  readonly writtenBytes: number;
}

/** Rejects with OwnError `manifest` where the target cannot be written. */
export async function publishIndex(
  files: readonly DescribedFile[],
  target: IndexTarget,
): Promise<Published> {
  const known = await publishedObjects(target);
  let written = 0;
  let writtenBytes = 0;
  const put = async (name: string, bytes: Uint8Array) => {
    written++;
    writtenBytes += bytes.byteLength;
    await target.put(name, bytes);
  };
  const putObject = async (bytes: Uint8Array): Promise<string> => {
    const sha256 = sha256Hex(bytes);
    if (!known.has(sha256)) await put(objectName(sha256), bytes);
    known.add(sha256);
    return sha256;
  };
  const bits = pageBits(files.length);
  const pages: IndexEntry[][] = Array.from({ length: 2 ** bits }, () => []);
  for (const { path, sizeBytes, mtimeSec, content } of files) {
    const { md5, sha256 } = content;
    const manifest = await putObject(content.manifest);
    pages[pageOf(path, bits)]?.push({ path, sizeBytes, mtimeSec, md5, sha256, manifest });
  }
  const head: string[] = [];
  for (const page of pages) {
    page.sort((a, b) => (a.path < b.path ? -1 : 1));
    head.push(await putObject(encodePage(page)));
  }
  await put(INDEX_HEAD, encodeHead(head));
  return { files: files.length, written, writtenBytes };
}

/** Names of what an index that is there refers to; it is written again where it cannot be read. */
async function publishedObjects(target: IndexTarget): Promise<Set<string>> {
  const known = new Set<string>();
  try {
    for (const page of decodeHead(await target.get(INDEX_HEAD))) {
      for (const { manifest } of decodePage(await target.get(objectName(page)))) {
        known.add(manifest);
      }
      known.add(page);
    }
  } catch (error) {
    // There is none, or it is damaged: then nothing counts as published.
    void error;
    known.clear();
  }
  return known;
}
