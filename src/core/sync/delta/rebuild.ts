/**
 * A file's new version in the cache, rebuilt from an older one. Nothing of it is kept before all of
 * it is proved; what is kept then is right block by block, so that an end at any moment leaves a new
 * version that is there in part, beside the old one that is there as a whole.
 */

import type { BlockCache, CacheableFile, CachedFile } from "../../cache/block_cache.ts";
import { requireComplete } from "../../cache/fetch_files.ts";
import type { WholeContent } from "../../cache/former_contents.ts";
import type { VersionContent } from "../../catalog/catalog.ts";
import { type Clock, sleep } from "../../clock.ts";
import { OwnError } from "../../errors.ts";
import type { FetchFile } from "../../federation/file.ts";
import { BLOCK_BYTES, FETCH_BYTES } from "../../limits.ts";
import type { OriginId } from "../../origins/origin.ts";
import { Description } from "../chunks/describe.ts";
import type { Stretch } from "../chunks/manifest_diff.ts";
import { assemble } from "./assembly.ts";
import { NewBytes } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";

export interface RebuildPorts {
  readonly clock: Clock;
  readonly cache: BlockCache;
  readonly fetch: FetchFile;
  readonly signal: AbortSignal;
}

/** What was read of the cached version: checked by the checksums of its blocks. */
export function oldBytesOf(whole: WholeContent): OldBytes {
  const { sizeBytes } = whole;
  return {
    sizeBytes,
    read: async (offsetBytes, lengthBytes) => {
      const wanted = Math.max(0, Math.min(lengthBytes, sizeBytes - offsetBytes));
      const bytes = new Uint8Array(wanted);
      if ((await whole.read(offsetBytes, bytes)) === wanted) return bytes;
      throw new OwnError("cache", "the cached version is not whole any more");
    },
  };
}

/** The file's bytes as its origins have them, of proved replicas only. */
export function newBytesOf(
  file: CacheableFile,
  budgetBytes: number,
  { fetch, signal }: Pick<RebuildPorts, "fetch" | "signal">,
): NewBytes {
  const { path, version, sizeBytes } = file;
  const federated = { path, version, sizeBytes, replicas: () => file.replicas(), seams: () => [] };
  return new NewBytes(sizeBytes, budgetBytes, async (offsetBytes, into) => {
    const { bytesRead, proved } = await fetch(federated, offsetBytes, into, { signal });
    if (!proved) throw new OwnError("cache", "only a replica that is not proved equal answers");
    if (bytesRead < into.byteLength) throw new OwnError("cache", "the file ends too early");
  });
}

/**
 * Has the assembled bytes kept, and answers what they are. Rejects with OwnError `cache` where they
 * are not kept.
 */
export async function keepRebuilt(
  file: CacheableFile,
  cached: CachedFile,
  from: { readonly old: OldBytes; readonly next: NewBytes; readonly stretches: readonly Stretch[] },
  origin: OriginId,
  { cache, clock, signal }: RebuildPorts,
): Promise<VersionContent> {
  const description = new Description();
  const buffer = new Uint8Array(Math.min(FETCH_BYTES, file.sizeBytes));
  let offsetBytes = 0;
  let held = 0;
  const keep = async () => {
    await cache.room();
    await sleep(clock, 0);
    signal.throwIfAborted();
    keepMissing(cached, offsetBytes, buffer.subarray(0, held), origin);
    offsetBytes += held;
    held = 0;
  };
  for await (const slice of assemble(from.old, from.next, from.stretches)) {
    description.push(slice);
    for (let taken = 0; taken < slice.byteLength; ) {
      const piece = slice.subarray(taken, taken + buffer.byteLength - held);
      buffer.set(piece, held);
      taken += piece.byteLength;
      held += piece.byteLength;
      if (held === buffer.byteLength) await keep();
    }
  }
  if (held > 0) await keep();
  await cached.settled();
  requireComplete(cache, cached);
  return description.finish();
}

/** Blocks that are there already stay as they are: of one version there is one sequence of bytes. */
function keepMissing(
  cached: CachedFile,
  offsetBytes: number,
  bytes: Uint8Array,
  origin: OriginId,
): void {
  for (let at = 0; at < bytes.byteLength; at += BLOCK_BYTES) {
    if (cached.has((offsetBytes + at) / BLOCK_BYTES)) continue;
    const block = bytes.subarray(at, at + BLOCK_BYTES);
    cached.keep(offsetBytes + at, block, { origin, proved: true });
  }
}
