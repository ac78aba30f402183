/**
 * OPENs that need a look at an origin. The kernel opened what the catalog showed; is that still
 * there, and the same? If it changed, the catalog is brought up to date and the answer is ESTALE:
 * the kernel looks the name up again and opens the new version without its caller noticing.
 */

import type { BlockCache } from "../cache/block_cache.ts";
import type { CatalogReader, CatalogWriter, Replica } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import type { FailoverPolicy } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import type { HealthMonitor } from "../federation/health.ts";
import type { OriginRegistry } from "../federation/registry.ts";
import { FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE } from "../fuse/abi.ts";
import { errorReply, openReply } from "../fuse/reply.ts";
import { PAGED_READ_BYTES } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import { EIO, ESTALE } from "../sys/errno.ts";
import type { LocalFailure } from "../vfs/deferred.ts";
import type { HandleTable } from "../vfs/handles.ts";
import { PASSED_OPEN_FLAGS } from "../vfs/open_files.ts";
import { MAIN_DECIDES } from "../vfs/passthrough.ts";
import type { SeamPool } from "../vfs/seams.ts";
import type { BoundFiles } from "./bound_files.ts";
import type { CachedPassthrough } from "./cached_passthrough.ts";
import type { CatalogUpdates } from "./catalog_updates.ts";
import type { Confirmations } from "./confirmations.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import type { OpenedHeads } from "./opened_heads.ts";
import type { Refreshed, ReplicaRefresh } from "./replica_refresh.ts";
import type { ReplyBuffers } from "./reply_buffers.ts";

export interface OpenRequest {
  readonly unique: number;
  readonly version: number;
  readonly fh: number;
  /** As in `Deferred`. */
  readonly backingId: number;
  readonly failure?: LocalFailure;
}

export interface OpensPorts {
  readonly catalog: CatalogReader;
  readonly writer: CatalogWriter;
  readonly updates: CatalogUpdates;
  readonly registry: OriginRegistry;
  readonly health: HealthMonitor;
  readonly confirmations: Confirmations;
  readonly refresh: ReplicaRefresh;
  readonly handles: HandleTable;
  readonly seams: SeamPool;
  readonly buffers: ReplyBuffers;
  readonly reply: KernelReplies;
  /** Contents of files, kept on disk. */
  readonly blocks: BlockCache;
  readonly failover: FailoverPolicy;
  readonly heads: Pick<OpenedHeads, "read">;
  readonly files: BoundFiles;
  /** Whether an origin's bytes are kept in `blocks`. */
  readonly isCached: (origin: OriginId) => boolean;
  /** Whether the kernel can leave its page cache out: `Negotiated.directIo`. */
  readonly directIo: boolean;
  /** Absent: cached files are read through us. */
  readonly passthrough?: CachedPassthrough;
  /** The handle of an OPEN that is refused: what is kept for it is not wanted any more. */
  readonly discard: (fh: number) => void;
  /** `on_mismatch = "serve"`: show another version while the visible one cannot be reached. */
  readonly serveOther: boolean;
  readonly onFault: (message: string) => void;
}

/** 0: open it. */
type Verdict = 0 | typeof EIO | typeof ESTALE;

export class Opens {
  readonly #node = emptyNode();
  /** Entries that show another version than the visible one, because that could not be reached. */
  readonly #servedOther = new Set<number>();

  constructor(readonly ports: OpensPorts) {}

  /** Shows the visible versions again: an origin came back that may hold one of them. */
  async restore(): Promise<void> {
    const entries = [...this.#servedOther];
    this.#servedOther.clear();
    try {
      for (const entry of entries) {
        this.ports.updates.apply(await this.ports.writer.setServedVersion(entry, undefined));
      }
    } catch (error) {
      this.ports.onFault(`showing preferred versions again: ${messageOf(error)}`);
    }
  }

  /** Answers one OPEN; never rejects. */
  async start(request: OpenRequest): Promise<void> {
    const { buffers, handles, reply, seams } = this.ports;
    let verdict: Verdict;
    try {
      verdict = await this.#decide(request);
    } catch (error) {
      // The catalog cannot be written; whether what it shows is right cannot be said.
      this.ports.onFault(`opening a file: ${messageOf(error)}`);
      verdict = EIO;
    }
    const backingId = verdict === 0 ? await this.#backingId(request) : 0;
    const buffer = buffers.take();
    if (verdict === 0) {
      const flags = backingId > 0 ? PASSED_OPEN_FLAGS : this.#openFlags(request);
      const opened = { fh: request.fh, flags, backingId };
      reply(buffer, openReply(buffer, request.unique, opened));
    } else {
      this.ports.discard(request.fh);
      seams.release(handles, request.fh);
      handles.free(request.fh);
      reply(buffer, errorReply(buffer, request.unique, -verdict));
    }
    buffers.give(buffer);
  }

  async #backingId({ fh, version, backingId }: OpenRequest): Promise<number> {
    if (backingId !== MAIN_DECIDES) return backingId;
    const { passthrough, files } = this.ports;
    return (await passthrough?.open(fh, version, () => files.get(fh))) ?? 0;
  }

  /**
   * What is to be fetched is asked for by programs themselves: for a look at a header the kernel would
   * have several times as much fetched, and the cache keeps bytes better than its pages would.
   */
  #openFlags({ fh, version }: OpenRequest): number {
    const { blocks, directIo, handles, isCached, files, onFault } = this.ports;
    if (!directIo || blocks.state.status !== "ok") return FOPEN_KEEP_CACHE;
    if (handles.sizeBytes(fh) <= PAGED_READ_BYTES) return FOPEN_KEEP_CACHE;
    try {
      const file = files.get(fh);
      const [first] = this.#inOrder(this.ports.catalog.replicas(version));
      if (file === undefined || first === undefined || !isCached(first.origin)) {
        return FOPEN_KEEP_CACHE;
      }
      using kept = blocks.open(file);
      if (kept.isComplete) return FOPEN_KEEP_CACHE;
      file.isDirect = true;
      return FOPEN_DIRECT_IO | FOPEN_KEEP_CACHE;
    } catch (error) {
      onFault(`opening a file: ${messageOf(error)}`);
      return FOPEN_KEEP_CACHE;
    }
  }

  async #decide({ version, fh, failure }: OpenRequest): Promise<Verdict> {
    const { catalog, confirmations, heads } = this.ports;
    if (!catalog.version(version, this.#node)) return ESTALE;
    const { entry, sizeBytes } = this.#node;
    let usable = this.#inOrder(catalog.replicas(version));
    let hasFailed = failure !== undefined;
    if (!hasFailed && sizeBytes > 0 && usable.some((other) => this.#canOnlyOpen(other))) {
      hasFailed = !(await heads.read(fh));
      if (hasFailed) usable = this.#inOrder(catalog.replicas(version));
    }
    const same = usable.filter(({ match }) => match === "proved");
    for (const replica of same) {
      // Who just failed to open or read it knows better than any earlier look.
      if (!hasFailed && confirmations.isFresh(replica)) return 0;
      const refreshed = await this.#refresh(replica);
      if (refreshed === "same") return 0;
      if (refreshed === "unknown") continue;
      // The kernel asks once more and not again: what it then finds must be right.
      await Promise.all(usable.filter((other) => other !== replica).map((r) => this.#refresh(r)));
      return ESTALE;
    }
    if (usable.length > 0 && this.#isKept(version, entry, sizeBytes)) return 0;
    if (usable.some(({ match }) => match === "probable" && this.ports.failover === "probable")) {
      return 0;
    }
    // Nothing of this handle was read yet, so there is nothing to compare a replica with. It is
    // shown as the version of its own that it is: no byte of one is ever mixed with the other's.
    const other = await this.#standIn(version);
    if (other !== undefined) {
      this.#servedOther.add(entry);
      this.ports.updates.apply(await this.ports.writer.setServedVersion(entry, other.version));
      return ESTALE;
    }
    // With another version in reach and not wanted, say so now; with none, the catalog is believed
    // and reads will tell.
    return usable.length > 0 && same.length === 0 ? EIO : 0;
  }

  /** Whether a replica may be opened as a version of its own, but not take over a handle unread. */
  #canOnlyOpen({ match }: Replica): boolean {
    if (match === "probable") return this.ports.failover === "proved";
    return match === "unverified" || (match === "different" && this.ports.serveOther);
  }

  /** Whether all of a version can be read without any origin. */
  #isKept(version: number, entry: number, sizeBytes: number): boolean {
    const { blocks, catalog } = this.ports;
    const path = catalog.pathOf(entry);
    if (path === undefined) return false;
    const replicas = () => catalog.replicas(version);
    using kept = blocks.open({ path, version, sizeBytes, replicas });
    return kept.isComplete;
  }

  /** A replica of other bytes, or maybe other ones, that is there and may be shown instead. */
  async #standIn(version: number): Promise<Replica | undefined> {
    const failed = new Set<OriginId>();
    const changed = new Set<OriginId>();
    for (;;) {
      const usable = this.#inOrder(this.ports.catalog.replicas(version));
      const among = usable.filter(({ origin }) => !failed.has(origin));
      const other =
        among.find(({ match }) => match === "unverified" || match === "probable") ??
        (this.ports.serveOther ? among.find(({ match }) => match === "different") : undefined);
      if (other === undefined) return undefined;
      // One that changed is looked at anew, as what it is now; one that keeps changing is not.
      const refreshed = await this.#refresh(other);
      if (refreshed === "same") return other;
      if (refreshed === "unknown" || changed.has(other.origin)) failed.add(other.origin);
      changed.add(other.origin);
    }
  }

  async #refresh(replica: Replica): Promise<Refreshed> {
    const origin = this.ports.registry.get(replica.origin);
    return origin === undefined ? "unknown" : await this.ports.refresh.refresh(origin, replica);
  }

  /** Replicas on origins that are not unhealthy, in routing order. */
  #inOrder(replicas: readonly Replica[]): Replica[] {
    const { registry, health } = this.ports;
    const byOrigin = new Map<OriginId, Replica>(replicas.map((r) => [r.origin, r]));
    return registry
      .routeAll(byOrigin.keys())
      .filter(({ id }) => health.status(id) !== "unhealthy")
      .map(({ id }) => byOrigin.get(id))
      .filter((replica) => replica !== undefined);
  }
}
