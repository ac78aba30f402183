/** Removing from an index what no head refers to that somebody may still be reading. */

import { OwnError } from "../../errors.ts";
import { INDEX_FORMER_SECS, INDEX_WRITES } from "../../limits.ts";
import { alongside } from "./alongside.ts";
import {
  decodeHead,
  decodePage,
  formerName,
  INDEX_HEAD,
  isFormerName,
  objectName,
  sha256Hex,
} from "./index_page.ts";
import type { IndexTarget, StoredObject } from "./index_store.ts";

export interface PruneWish {
  /** As it was before the head was replaced. */
  readonly stored: readonly StoredObject[];
  /** Names of the objects that the head refers to. */
  readonly current: ReadonlySet<string>;
  /** The head that was replaced. */
  readonly formerHead: Uint8Array | undefined;
  /** By the store's clock. */
  readonly nowSec: number;
}

/**
 * Removes what is older than INDEX_FORMER_SECS and neither current nor referred to by a head that was
 * replaced since then; answers how many that were: none where such a head or its pages cannot be read,
 * for then nobody knows. Rejects with OwnError `manifest` where something cannot be removed.
 */
export async function pruneIndex(target: IndexTarget, wish: PruneWish): Promise<number> {
  const { stored, current, formerHead, nowSec } = wish;
  const isOld = ({ writtenSec }: StoredObject) => nowSec - writtenSec > INDEX_FORMER_SECS;
  const replaced = formerHead === undefined ? undefined : formerName(sha256Hex(formerHead));
  const old = stored.filter(
    (each) =>
      isOld(each) && each.name !== INDEX_HEAD && each.name !== replaced && !current.has(each.name),
  );
  if (old.length === 0) return 0;
  const heads = stored.filter((each) => isFormerName(each.name) && !isOld(each));
  const names = new Set(heads.map(({ name }) => name));
  if (replaced !== undefined) names.add(replaced);
  const needed = await referredTo(target, names);
  if (needed === undefined) return 0;
  const unneeded = old.filter(({ name }) => !needed.has(name));
  await alongside(INDEX_WRITES, unneeded, ({ name }) => target.remove(name));
  return unneeded.length;
}

/** Names of the objects that these heads refer to; undefined where one of them cannot be read. */
async function referredTo(
  target: IndexTarget,
  heads: Iterable<string>,
): Promise<ReadonlySet<string> | undefined> {
  const pages = new Set<string>();
  const found = new Set<string>();
  try {
    await alongside(INDEX_WRITES, heads, async (name) => {
      for (const page of decodeHead(await target.get(name))) pages.add(objectName(page));
    });
    await alongside(INDEX_WRITES, pages, async (name) => {
      for (const { manifest } of decodePage(await target.get(name))) {
        found.add(objectName(manifest));
      }
    });
  } catch (error) {
    if (error instanceof OwnError && error.code === "manifest") return undefined;
    throw error;
  }
  return new Set([...pages, ...found]);
}
