/**
 * Which replicas of a file may serve an open handle, by the promise of docs/semantics.md:
 *
 * - `proved` replicas always;
 * - with failover = "probable" also `probable` ones, and `unverified` ones that pass a seam check:
 *   the bytes that the handle was served, its head and its tail, are read from the candidate and
 *   compared.
 *
 * The result of a seam check is remembered per pair of versions, for REMEMBERED_FILES pairs. A
 * mismatch is an event, disqualifies the replica, and is told to the catalog.
 */

import { displayPath } from "../bytes.ts";
import type { Replica } from "../catalog/catalog.ts";
import type { FailoverPolicy } from "../config/config.ts";
import { OriginError, OwnError } from "../errors.ts";
import type { EventBus } from "../events.ts";
import { REMEMBERED_FILES } from "../limits.ts";
import type { Origin } from "../origins/origin.ts";
import type { FederatedFile, Seam } from "./file.ts";
import { RecentMap } from "./recent_map.ts";

/** How a replica may be used now; `unverified` only after a seam check. */
export type Standing = "proved" | "probable" | "unverified" | "unusable";

export class ReplicaJudge {
  /** Seam checks done, by `version:version`: true when the bytes were equal. */
  readonly #checked = new RecentMap<string, boolean>(REMEMBERED_FILES);

  constructor(
    private readonly policy: FailoverPolicy,
    private readonly events: EventBus,
    /** Told once per mismatch; must not throw. */
    private readonly onDifferent: (version: number, other: number) => void,
  ) {}

  standing(file: FederatedFile, replica: Replica): Standing {
    if (replica.originVersion.sizeBytes !== file.sizeBytes) return "unusable";
    if (replica.match === "proved") return "proved";
    if (replica.match === "different" || this.policy === "proved") return "unusable";
    const equal = this.#checked.get(pairKey(file, replica));
    if (equal === false) return "unusable";
    return replica.match === "probable" || equal ? "probable" : "unverified";
  }

  /**
   * The seam check. Resolves when the candidate holds the bytes of `seams`, of which there must be
   * some. Rejects with `replica_mismatch` when it does not, or as `origin.read` does.
   */
  async verify(
    file: FederatedFile,
    replica: Replica,
    origin: Origin,
    seams: readonly Seam[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const { offsetBytes, bytes } of seams) {
      const found = new Uint8Array(bytes.byteLength);
      const version = replica.originVersion;
      const read = await origin.read(replica.path, offsetBytes, found, { version, signal });
      if (read !== bytes.byteLength) {
        throw new OriginError("short_read", origin.id, displayPath(replica.path), "shrank");
      }
      if (Buffer.compare(found, bytes) !== 0) throw this.#mismatch(file, replica);
    }
    this.#checked.set(pairKey(file, replica), true);
  }

  /** Pairs remembered; for leak checks. */
  get size(): number {
    return this.#checked.size;
  }

  #mismatch(file: FederatedFile, replica: Replica): OwnError {
    const own = file.replicas().find(({ version }) => version === file.version);
    const from = own?.origin ?? replica.origin;
    if (this.#checked.get(pairKey(file, replica)) !== false) {
      this.#checked.set(pairKey(file, replica), false);
      const origins = [from, replica.origin] as const;
      this.events.emit({ type: "replica_mismatch", path: file.path, origins, how: "seam" });
      this.onDifferent(file.version, replica.version);
    }
    return new OwnError(
      "replica_mismatch",
      `origin ${replica.origin} holds other bytes than ${from} under the same name and size`,
    );
  }
}

function pairKey(file: FederatedFile, replica: Replica): string {
  return `${file.version}:${replica.version}`;
}
