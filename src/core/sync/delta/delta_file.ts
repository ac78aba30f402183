/** One cached file brought to its new version, by the cheapest method that proves the result. */

import type { CacheableFile } from "../../cache/block_cache.ts";
import { fetchFile } from "../../cache/fetch_files.ts";
import type { FormerContent, FormerContents } from "../../cache/former_contents.ts";
import type { Replica } from "../../catalog/catalog.ts";
import { sleep } from "../../clock.ts";
import { MusicFsError, messageOf, OwnError } from "../../errors.ts";
import { DELTA_BUDGET_BYTES, DELTA_BUDGET_SHARE, DELTA_MIN_BYTES } from "../../limits.ts";
import type { ContentProof, Origin, OriginId } from "../../origins/origin.ts";
import type { NewBytes } from "./new_bytes.ts";
import { keepRebuilt, newBytesOf, oldBytesOf, type RebuildPorts } from "./rebuild.ts";
import { splice } from "./splice.ts";

/** How a file came to its new version. */
export type DeltaMethod = "index" | "splice" | "whole";

export interface DeltaPorts extends RebuildPorts {
  readonly cache: RebuildPorts["cache"] & FormerContents;
  /** An origin that can be asked; undefined for one that is not there or not well. */
  readonly origin: (id: OriginId) => Promise<Origin | undefined>;
}

export interface FileDelta {
  readonly method: DeltaMethod;
  /** Bytes that came from an origin, those of methods that led nowhere included. */
  readonly fetchedBytes: number;
  /** Why a method with fewer bytes was not used. */
  readonly reason?: string;
}

/** What `deltaFile` would try first; only what is known already is looked at. */
export async function methodFor(file: CacheableFile, ports: DeltaPorts): Promise<DeltaMethod> {
  if (file.sizeBytes < DELTA_MIN_BYTES || ports.cache.holding(file) !== "former") return "whole";
  for (const { origin } of provedReplicas(file)) {
    if ((await ports.origin(origin))?.proof !== undefined) return "splice";
  }
  return "whole";
}

/**
 * Resolves once all of the file is in the cache; the version that it was rebuilt from is gone then.
 * Rejects as `fetchFile`.
 */
export async function deltaFile(file: CacheableFile, ports: DeltaPorts): Promise<FileDelta> {
  using former = ports.cache.openFormer(file);
  const spliced = await trySplice(file, former, ports);
  if (spliced.isDone) {
    former?.discard();
    return { method: "splice", fetchedBytes: spliced.fetchedBytes };
  }
  const { reason } = spliced;
  const fetchedBytes = await fetchFile(file, ports, () => undefined);
  former?.discard();
  return {
    method: "whole",
    fetchedBytes: fetchedBytes + spliced.fetchedBytes,
    ...(reason === undefined ? {} : { reason }),
  };
}

interface Attempt {
  readonly isDone: boolean;
  readonly fetchedBytes: number;
  readonly reason?: string;
}

async function trySplice(
  file: CacheableFile,
  former: FormerContent | undefined,
  ports: DeltaPorts,
): Promise<Attempt> {
  const nothing = { isDone: false, fetchedBytes: 0 };
  if (former === undefined) return { ...nothing, reason: "no older version of it is cached" };
  if (file.sizeBytes < DELTA_MIN_BYTES) return { ...nothing, reason: "it is small" };
  const proved = await proofOf(file, ports);
  if (proved === undefined) {
    return { ...nothing, reason: "no origin tells a checksum of the whole file" };
  }
  const share = Math.floor(file.sizeBytes * DELTA_BUDGET_SHARE);
  const next = newBytesOf(file, Math.min(share, DELTA_BUDGET_BYTES), ports);
  const attempt = { isDone: false, fetchedBytes: 0 };
  try {
    const isDone = await rebuild(file, former, next, proved, ports);
    const { fetchedBytes } = next;
    return isDone ? { isDone, fetchedBytes } : { ...attempt, fetchedBytes, reason: NOT_ALIKE };
  } catch (error) {
    if (ports.signal.aborted || !(error instanceof MusicFsError)) throw error;
    return { ...attempt, fetchedBytes: next.fetchedBytes, reason: messageOf(error) };
  }
}

const NOT_ALIKE = "the two versions are not alike enough to be proved";

/** False: nothing was proved, and nothing kept. */
async function rebuild(
  file: CacheableFile,
  former: FormerContent,
  next: NewBytes,
  { proof, origin }: Proved,
  ports: DeltaPorts,
): Promise<boolean> {
  const old = oldBytesOf(former);
  const breathe = async () => {
    await sleep(ports.clock, 0);
    if (ports.signal.aborted) throw new OwnError("cancelled", "cancelled");
  };
  const stretches = await splice(old, next, proof, breathe);
  if (stretches === undefined) return false;
  using cached = ports.cache.open(file);
  await keepRebuilt(file, cached, { old, next, stretches }, origin, ports);
  return true;
}

interface Proved {
  readonly proof: ContentProof;
  readonly origin: OriginId;
}

/** The first origin's word on the version; what one cannot say, the next may. */
async function proofOf(file: CacheableFile, ports: DeltaPorts): Promise<Proved | undefined> {
  for (const { origin: id, path, originVersion } of provedReplicas(file)) {
    const origin = await ports.origin(id);
    try {
      const proof = await origin?.proof?.(path, originVersion, ports.signal);
      if (proof !== undefined) return { proof, origin: id };
    } catch (error) {
      // What is wrong with the origin shows when the file is fetched as a whole.
      if (ports.signal.aborted || !(error instanceof MusicFsError)) throw error;
    }
  }
  return undefined;
}

function provedReplicas(file: CacheableFile): readonly Replica[] {
  return file.replicas().filter(({ match }) => match === "proved");
}
