/** A look at what an origin holds of a file now, for work that nobody waits for. */

import type { CatalogChanges, CatalogWriter, Replica } from "../../catalog/catalog.ts";
import { MusicFsError } from "../../errors.ts";
import type { Origin } from "../../origins/origin.ts";

export interface RefreshReplicaPorts {
  readonly origin: Origin;
  readonly writer: Pick<CatalogWriter, "applyStat">;
  readonly onChanges: (changes: CatalogChanges) => void;
  readonly signal: AbortSignal;
}

/**
 * Tells the catalog if the file is another one. What is missing or cannot be looked at stays as it
 * is: listings decide about that.
 */
export async function refreshReplica(
  { path, originVersion }: Replica,
  { origin, writer, onChanges, signal }: RefreshReplicaPorts,
): Promise<void> {
  try {
    const stat = await origin.stat(path, signal);
    const { kind, sizeBytes, token } = stat;
    const isSame = sizeBytes === originVersion.sizeBytes && token === originVersion.token;
    if (kind !== "file" || isSame) return;
    onChanges(await writer.applyStat(origin.id, path, stat));
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
  }
}
