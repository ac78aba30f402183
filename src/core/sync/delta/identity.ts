/**
 * Whether bytes at hand are a file's own, told without fetching it: by a checksum of its origin, by
 * reading it where that takes no network, or by an index that is trusted.
 *
 * Size, times, inode and samples are no sign: an edit inside a tag's padding by a tagger that keeps the
 * time leaves all of them as they were, and such taggers rename files, too.
 */

import type { CacheableFile } from "../../cache/block_cache.ts";
import type { Replica } from "../../catalog/catalog.ts";
import { MusicFsError } from "../../errors.ts";
import { BACKGROUND_SLICE_BYTES } from "../../limits.ts";
import type { ContentProof, Origin, OriginId } from "../../origins/origin.ts";
import { assemble } from "./assembly.ts";
import { type IndexPlanPorts, type Proved, provedReplicas, trustedProof } from "./index_plan.ts";
import type { OldBytes } from "./old_bytes.ts";
import { isProved } from "./splice.ts";

/** Of bytes as long as the file: are they its own? Rejects as their source does, or the file's origin. */
export type Identity = (bytes: OldBytes) => Promise<boolean>;

export interface IdentityPorts extends IndexPlanPorts {
  /** What is read of the origin is kept on disk: only then is it worth reading its file for that. */
  readonly isCached: (id: OriginId) => boolean;
}

/** Undefined where nobody can tell. Rejects as `proofOf`. */
export async function identityOf(
  file: CacheableFile,
  ports: IdentityPorts,
): Promise<Identity | undefined> {
  const proved = await proofOf(file, ports);
  if (proved !== undefined) return byProof(proved.proof, ports);
  for (const replica of provedReplicas(file)) {
    if (!ports.isCached(replica.origin)) continue;
    const origin = await ports.origin(replica.origin);
    if (origin?.capabilities.onThisMachine) return byReading(origin, replica, ports);
  }
  const trusted = await trustedProof(file, ports);
  return trusted && byProof(trusted, ports);
}

/**
 * The first origin's word on the version; what one cannot say, the next may. Rejects when the signal
 * aborts only.
 */
export async function proofOf(
  file: CacheableFile,
  ports: Pick<IndexPlanPorts, "origin" | "signal">,
): Promise<Proved | undefined> {
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

function byProof(proof: ContentProof, { breathe }: IdentityPorts): Identity {
  const nothing = { get: () => Promise.reject(new RangeError("all of it is at hand")) };
  return ({ sizeBytes, ...old }) => {
    const whole = { offsetBytes: 0, lengthBytes: sizeBytes, oldOffsetBytes: 0 };
    return isProved(assemble({ sizeBytes, ...old }, nothing, [whole]), proof, breathe);
  };
}

/** Compares byte by byte, up to the first difference. */
function byReading(
  origin: Origin,
  { path, originVersion: version }: Replica,
  { signal, breathe }: IdentityPorts,
): Identity {
  const buffer = new Uint8Array(BACKGROUND_SLICE_BYTES);
  return async ({ sizeBytes, read }) => {
    for (let done = 0; done < sizeBytes; done += buffer.byteLength) {
      const into = buffer.subarray(0, Math.min(buffer.byteLength, sizeBytes - done));
      const options = { version, signal, background: true };
      const length = await origin.read(path, done, into, options);
      if (length < into.byteLength || Buffer.compare(into, await read(done, length)) !== 0) {
        return false;
      }
      await breathe();
    }
    return true;
  };
}
