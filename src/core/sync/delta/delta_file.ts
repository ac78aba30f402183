/** One cached file brought to its new version, by the cheapest method that proves the result. */

import type { CacheableFile } from "../../cache/block_cache.ts";
import { fetchFile } from "../../cache/fetch_files.ts";
import type { FormerContent, FormerContents, LostContents } from "../../cache/former_contents.ts";
import type { VersionContent } from "../../catalog/catalog.ts";
import { sleep } from "../../clock.ts";
import { MusicFsError, messageOf, OwnError } from "../../errors.ts";
import {
  DELTA_BUDGET_BYTES,
  DELTA_BUDGET_SHARE,
  DELTA_MIN_BYTES,
  DELTA_TYPICAL_BYTES,
} from "../../limits.ts";
import type { Origin, OriginId } from "../../origins/origin.ts";
import type { Stretch } from "../chunks/manifest_diff.ts";
import type { OpenIndex } from "../index/origin_index.ts";
import { assemble } from "./assembly.ts";
import { identityOf, proofOf } from "./identity.ts";
import { type IndexPlan, indexPlan, type Proved, provedReplicas } from "./index_plan.ts";
import { takeMoved } from "./moved.ts";
import type { NewBytes } from "./new_bytes.ts";
import type { OldBytes } from "./old_bytes.ts";
import { keepRebuilt, newBytesOf, oldBytesOf, type RebuildPorts } from "./rebuild.ts";
import { type Breathe, isProved, splice } from "./splice.ts";

/** How a file came to its new version. */
export type DeltaMethod = "moved" | "index" | "splice" | "whole";

export interface DeltaPorts extends RebuildPorts {
  readonly cache: RebuildPorts["cache"] & FormerContents & LostContents;
  /** An origin that can be asked; undefined for one that is not there or not well. */
  readonly origin: (id: OriginId) => Promise<Origin | undefined>;
  /** What a version consists of is known now; never rejects. */
  readonly onDescribed: (version: number, content: VersionContent) => Promise<void>;
  /** An origin's published index; undefined for none. */
  readonly index: (id: OriginId) => Promise<OpenIndex | undefined>;
  /** What is read of the origin is kept on disk. */
  readonly isCached: (id: OriginId) => boolean;
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
    if ((await ports.index(origin))?.isTrusted === true) return "index";
  }
  return "whole";
}

/**
 * Resolves once all of the file is in the cache; the version that it was rebuilt from is gone then.
 * Rejects as `fetchFile`.
 */
export async function deltaFile(file: CacheableFile, ports: DeltaPorts): Promise<FileDelta> {
  using former = ports.cache.openFormer(file);
  const attempt = await tryCheapMethods(file, former, ports);
  const { method, fetchedBytes, reason } = attempt;
  if (method === undefined) {
    const wholeBytes = await fetchFile(file, ports, () => undefined);
    former?.discard();
    const why = reason === undefined ? {} : { reason };
    return { method: "whole", fetchedBytes: fetchedBytes + wholeBytes, ...why };
  }
  former?.discard();
  return { method, fetchedBytes };
}

/**
 * Looks for the bytes of a file of which nothing is cached among those that lay at paths that are gone
 * (`lost`, ids of contents of its length); answers whether the file has them now. Nothing is fetched.
 */
export async function movedFile(
  file: CacheableFile,
  lost: readonly number[],
  ports: DeltaPorts,
): Promise<boolean> {
  if (lost.length === 0) return false;
  try {
    const isSame = await identityOf(file, { ...ports, breathe: breatheOf(ports) });
    return isSame !== undefined && (await takeMoved(file, isSame, lost, ports.cache));
  } catch (error) {
    if (ports.signal.aborted || !(error instanceof MusicFsError)) throw error;
    return false;
  }
}

interface Attempt {
  /** Undefined: none of them led anywhere, and nothing was kept. */
  readonly method: DeltaMethod | undefined;
  readonly fetchedBytes: number;
  readonly reason?: string;
}

async function tryCheapMethods(
  file: CacheableFile,
  former: FormerContent | undefined,
  ports: DeltaPorts,
): Promise<Attempt> {
  const nothing = { method: undefined, fetchedBytes: 0 };
  if (former === undefined) return { ...nothing, reason: "no older version of it is cached" };
  if (file.sizeBytes < DELTA_MIN_BYTES) return { ...nothing, reason: "it is small" };
  const old = oldBytesOf(former);
  const breathe = breatheOf(ports);
  const proved = await proofOf(file, ports);
  const indexed = await indexPlan(file, old, proved, { ...ports, breathe });
  if (proved === undefined && indexed === undefined) {
    return { ...nothing, reason: "no origin tells a checksum of the whole file" };
  }
  const methods = planned(file, proved, indexed);
  let fetchedBytes = 0;
  let reason: string | undefined;
  for (const { method, origin, budgetBytes, find } of methods) {
    const next = newBytesOf(file, budgetBytes, ports);
    try {
      const stretches = await find(old, next, breathe);
      if (stretches !== undefined) {
        using cached = ports.cache.open(file);
        const parts = { old, next, stretches };
        const content = await keepRebuilt(file, cached, parts, origin, ports);
        await ports.onDescribed(file.version, content);
        return { method, fetchedBytes: fetchedBytes + next.fetchedBytes };
      }
      reason = NOT_ALIKE;
    } catch (error) {
      if (ports.signal.aborted || !(error instanceof MusicFsError)) throw error;
      reason = messageOf(error);
    }
    fetchedBytes += next.fetchedBytes;
  }
  return { method: undefined, fetchedBytes, ...(reason === undefined ? {} : { reason }) };
}

const NOT_ALIKE = "the two versions are not alike enough to be proved";

interface PlannedMethod {
  readonly method: DeltaMethod;
  /** Whose bytes they are. */
  readonly origin: OriginId;
  readonly budgetBytes: number;
  /** Stretches that make up the proved bytes; undefined for none. */
  readonly find: (
    old: OldBytes,
    next: NewBytes,
    breathe: Breathe,
  ) => Promise<readonly Stretch[] | undefined>;
}

/** The cheaper method first: what the index asks for is known, what splicing takes is not. */
function planned(
  { sizeBytes }: CacheableFile,
  proved: Proved | undefined,
  indexed: IndexPlan | undefined,
): readonly PlannedMethod[] {
  const budgetBytes = (share: number) =>
    Math.min(Math.floor(sizeBytes * share), DELTA_BUDGET_BYTES);
  const methods: PlannedMethod[] = [];
  if (proved !== undefined) {
    const { proof, origin } = proved;
    methods.push({
      method: "splice",
      origin,
      budgetBytes: budgetBytes(DELTA_BUDGET_SHARE),
      find: (old, next, breathe) => splice(old, next, proof, breathe),
    });
  }
  if (indexed !== undefined && indexed.costBytes <= budgetBytes(1)) {
    const { origin, stretches, proof, costBytes } = indexed;
    const byIndex: PlannedMethod = {
      method: "index",
      origin,
      budgetBytes: budgetBytes(1),
      find: async (old, next, breathe) =>
        (await isProved(assemble(old, next, stretches), proof, breathe)) ? stretches : undefined,
    };
    if (costBytes <= DELTA_TYPICAL_BYTES) methods.unshift(byIndex);
    else methods.push(byIndex);
  }
  return methods;
}

function breatheOf({ clock, signal }: DeltaPorts): Breathe {
  return async () => {
    await sleep(clock, 0);
    if (signal.aborted) throw new OwnError("cancelled", "cancelled");
  };
}
