/**
 * *Index*: what changed, as an origin's published index tells it. An entry counts when it is proved
 * for this very version: by the server's checksum or, where an index is trusted, by size and mtime.
 */

import type { CacheableFile } from "../../cache/block_cache.ts";
import type { Replica } from "../../catalog/catalog.ts";
import { MusicFsError } from "../../errors.ts";
import { BACKGROUND_SLICE_BYTES } from "../../limits.ts";
import type { ContentProof, Origin, OriginId } from "../../origins/origin.ts";
import { ChunkStream } from "../chunks/chunk_stream.ts";
import type { Manifest } from "../chunks/manifest.ts";
import { bytesToFetch, diffManifests, type Stretch } from "../chunks/manifest_diff.ts";
import type { IndexEntry } from "../index/index_page.ts";
import type { OpenIndex } from "../index/origin_index.ts";
import type { OldBytes } from "./old_bytes.ts";
import type { Breathe } from "./splice.ts";

/** What an origin says of the version. */
export interface Proved {
  readonly proof: ContentProof;
  readonly origin: OriginId;
}

export interface IndexPlan extends Proved {
  readonly stretches: readonly Stretch[];
  /** Bytes that have to be fetched. */
  readonly costBytes: number;
}

export interface IndexPlanPorts {
  readonly origin: (id: OriginId) => Promise<Origin | undefined>;
  readonly index: (id: OriginId) => Promise<OpenIndex | undefined>;
  readonly signal: AbortSignal;
  readonly breathe: Breathe;
}

/** Undefined where no index knows the version. Rejects as `OldBytes.read`. */
export async function indexPlan(
  file: CacheableFile,
  old: OldBytes,
  proved: Proved | undefined,
  ports: IndexPlanPorts,
): Promise<IndexPlan | undefined> {
  return await fromIndex(file, proved?.proof, ports, async ({ index, entry, proof, origin }) => {
    const next = await index.manifest(entry);
    const stretches = diffManifests(await manifestOf(old, ports.breathe), next);
    return { proof, origin, stretches, costBytes: bytesToFetch(stretches) };
  });
}

/** What an index that is trusted says of the version; undefined where none knows it. */
export async function trustedProof(
  file: CacheableFile,
  ports: IndexPlanPorts,
): Promise<ContentProof | undefined> {
  return await fromIndex(file, undefined, ports, ({ proof }) => Promise.resolve(proof));
}

interface KnownEntry extends Proved {
  readonly index: OpenIndex["index"];
  readonly entry: IndexEntry;
}

/** What `use` makes of the first entry that counts for the version; what fails counts as not known. */
async function fromIndex<T>(
  file: CacheableFile,
  known: ContentProof | undefined,
  ports: IndexPlanPorts,
  use: (entry: KnownEntry) => Promise<T>,
): Promise<T | undefined> {
  for (const replica of provedReplicas(file)) {
    const found = await ports.index(replica.origin);
    if (found === undefined) continue;
    const { index, isTrusted } = found;
    try {
      const entry = await index.find(replica.path);
      if (entry === undefined || entry.sizeBytes !== file.sizeBytes) continue;
      const proof = await proofOfEntry(entry, replica, known, isTrusted, ports);
      if (proof === undefined) continue;
      return await use({ index, entry, proof, origin: replica.origin });
    } catch (error) {
      // An index that cannot be read is one that knows nothing.
      if (ports.signal.aborted || !(error instanceof MusicFsError)) throw error;
    }
  }
  return undefined;
}

/** What the rebuilt bytes have to be, if the entry is about this version. */
async function proofOfEntry(
  entry: IndexEntry,
  { origin: id, path, originVersion }: Replica,
  proof: ContentProof | undefined,
  isTrusted: boolean,
  { origin, signal }: IndexPlanPorts,
): Promise<ContentProof | undefined> {
  if (proof?.kind === "parts") return proof;
  if (proof !== undefined) return entry[proof.kind] === proof.hex ? proof : undefined;
  if (!isTrusted) return undefined;
  const stat = await (await origin(id))?.stat(path, signal);
  const isSame =
    stat?.token === originVersion.token &&
    stat.sizeBytes === entry.sizeBytes &&
    stat.mtimeSec === entry.mtimeSec;
  return isSame ? { kind: "sha256", hex: entry.sha256 } : undefined;
}

async function manifestOf(old: OldBytes, breathe: Breathe): Promise<Manifest> {
  const chunks = new ChunkStream();
  for (let done = 0; done < old.sizeBytes; done += BACKGROUND_SLICE_BYTES) {
    chunks.push(await old.read(done, BACKGROUND_SLICE_BYTES));
    await breathe();
  }
  return chunks.finish();
}

/** Replicas that have the version's bytes, best origin first. */
export function provedReplicas(file: CacheableFile): readonly Replica[] {
  return file.replicas().filter(({ match }) => match === "proved");
}
