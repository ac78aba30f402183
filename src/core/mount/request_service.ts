/** Everything the main thread does for requests of the kernel, put together. */

import { AlbumPrefetch, type Listening } from "../cache/album_prefetch.ts";
import type { BackingContents } from "../cache/backing_contents.ts";
import type { BlockCache } from "../cache/block_cache.ts";
import { nextSmallFiles } from "../cache/next_small_files.ts";
import { nextTrack } from "../cache/next_track.ts";
import { ProvedFiles } from "../cache/proved_files.ts";
import { Reader, type ReaderPorts, type ReadSources } from "../cache/reader.ts";
import type { CatalogReader, CatalogWriter } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import type { Clock } from "../clock.ts";
import type { FailoverPolicy, MismatchPolicy } from "../config/config.ts";
import { isOriginFailure, messageOf, OriginError } from "../errors.ts";
import type { Federation } from "../federation/federation.ts";
import { copied } from "../federation/file.ts";
import { type Negotiated, Session } from "../fuse/session.ts";
import { failureOf } from "../origins/disk/failure.ts";
import type { OriginId } from "../origins/origin.ts";
import type { Syscalls } from "../sys/libc.ts";
import { pageSizeBytes } from "../sys/page_size.ts";
import { QueuedReaders } from "../threads/queued_readers.ts";
import type { SharedState } from "../threads/shared_state.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Defer, LocalFailure } from "../vfs/deferred.ts";
import { MountFileSystem } from "../vfs/file_system.ts";
import { fileNode } from "../vfs/nodeid.ts";
import { OpenFiles } from "../vfs/open_files.ts";
import type { BackingFiles } from "../vfs/passthrough.ts";
import { BoundFiles } from "./bound_files.ts";
import { CachedPassthrough } from "./cached_passthrough.ts";
import type { CatalogUpdates } from "./catalog_updates.ts";
import { Confirmations } from "./confirmations.ts";
import { DeferredRequests } from "./deferred_requests.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import { type ListDirectory, Listings } from "./listings.ts";
import { OpenedHeads } from "./opened_heads.ts";
import { Opens } from "./opens.ts";
import { type OnOutcome, PendingReads } from "./pending_reads.ts";
import { refreshingRead } from "./refreshing_read.ts";
import { ReplicaRefresh } from "./replica_refresh.ts";
import { ReplyBuffers } from "./reply_buffers.ts";

export interface PassthroughPorts {
  readonly contents: BackingContents;
  readonly backing: BackingFiles;
}

export interface RequestServicePorts {
  readonly clock: Clock;
  readonly syscalls: Syscalls;
  readonly state: SharedState;
  readonly catalog: CatalogReader;
  /** Contents of files, kept on disk. */
  readonly blocks: BlockCache;
  readonly isReadAhead: ReaderPorts["isReadAhead"];
  /** Whether an origin's bytes are kept. */
  readonly isCached: (origin: OriginId) => boolean;
  /** What the kernel may read by itself; absent: nothing that is cached. */
  readonly passthrough?: PassthroughPorts;
  /** Whether an album's next track is fetched while one is read. */
  readonly prefetch: boolean;
  readonly writer: CatalogWriter;
  readonly updates: CatalogUpdates;
  readonly federation: Federation;
  readonly owner: Ownership;
  readonly negotiated: Negotiated;
  readonly failover: FailoverPolicy;
  readonly onMismatch: MismatchPolicy;
  readonly readDeadlineMs: number;
  readonly list: ListDirectory;
  readonly believedMs: (origin: OriginId) => number;
  readonly watched: (origin: OriginId) => boolean;
  readonly reply: KernelReplies;
  readonly onOutcome: OnOutcome;
  /** Whether a process still runs. Default: /proc. */
  readonly processLives?: (pid: number) => boolean;
  readonly onFault: (message: string) => void;
}

/** What is under way; for leak checks. */
export interface Waiting {
  readonly reads: number;
  readonly listings: number;
  /** Open files that the main thread reads for. */
  readonly files: number;
  /** Versions whose blocks it knows of, and memory that blocks take. */
  readonly versions: number;
  /** Small files among them that are fetched for nobody yet. */
  readonly filesAhead: number;
  readonly memoryBytes: number;
}

export interface RequestService {
  readonly defer: Defer;
  /** Shows what is preferred again: an origin that may hold it is well, or was listed. */
  readonly originRecovered: () => void;
  readonly waiting: Waiting;
  /** Where the bytes of reads through the cache came from so far. */
  readonly sources: ReadSources;
  /** Opens of cached files so far that the kernel reads by itself. */
  readonly opensPassedThrough: number;
  /** Gives up what waits; every request is still answered. */
  readonly close: () => void;
  /** Resolves when every request that was deferred has been answered. */
  readonly settled: () => Promise<void>;
}

export function requestService(ports: RequestServicePorts): RequestService {
  const { clock, state, catalog, federation, updates, reply } = ports;
  const { handles, seams, routing, seen, served, jobs } = state;
  const { registry, health } = federation;
  const usable = (id: OriginId) => registry.isEnabled(id) && health.status(id) !== "unhealthy";
  const files = new BoundFiles({ catalog, handles, seams });
  const buffers = new ReplyBuffers();
  const listings = new Listings({ catalog, clock, list: ports.list, usable });
  const confirmations = new Confirmations(clock, catalog, ports.believedMs, ports.watched);
  const { writer } = ports;
  const refresh = new ReplicaRefresh({
    clock,
    catalog,
    writer,
    updates,
    health,
    listings,
    confirmations,
  });
  const { readDeadlineMs } = ports;
  const { blocks: cache, isCached, isReadAhead } = ports;
  const fetch = refreshingRead({ clock, federation, refresh, readDeadlineMs });
  const prefetch = new AlbumPrefetch({
    cache,
    fetch: (file, offsetBytes, into, options) =>
      copied(fetch(file, offsetBytes, into.byteLength, options), into),
    isCached,
    nextTrack: (version) => nextTrack(catalog, version),
    onFault: (error) => ports.onFault(`the next track: ${messageOf(error)}`),
  });
  const { proved, passthrough } = cachedPassthrough(ports, prefetch);
  const listening: Listening = {
    readingFrom: (version) => prefetch.readingFrom(version),
    listenedTo(file) {
      if (ports.prefetch) prefetch.listenedTo(file);
      if (proved === undefined) return;
      // What is not kept is never whole on disk.
      if (file.replicas().some(({ origin }) => isCached(origin))) proved.listenedTo(file.version);
    },
  };
  const reader = new Reader({
    ...{ clock, cache, fetch, isReadAhead, readDeadlineMs, listening },
    smallFilesAfter: (version, maxFiles) => nextSmallFiles(catalog, version, maxFiles),
  });
  const opens = new Opens({
    catalog,
    writer,
    updates,
    registry,
    health,
    confirmations,
    refresh,
    handles,
    seams,
    buffers,
    reply,
    blocks: cache,
    isCached,
    directIo: ports.negotiated.directIo,
    files,
    ...(passthrough === undefined ? {} : { passthrough }),
    heads: new OpenedHeads({ clock, read: reader.read, files, handles, seams }),
    discard: (fh) => {
      const file = files.release(fh);
      if (file !== undefined) reader.release(file);
    },
    failover: ports.failover,
    serveOther: ports.onMismatch === "serve",
    onFault: ports.onFault,
  });
  const reads = new PendingReads({
    clock,
    read: reader.read,
    files,
    handles,
    seams,
    buffers,
    reply,
    onOutcome: ports.onOutcome,
    ...(ports.processLives === undefined ? {} : { processLives: ports.processLives }),
  });

  const node = emptyNode();
  const requests: DeferredRequests = new DeferredRequests({
    session: directorySession(ports, (deferred) => requests.handle(deferred)),
    reply,
    listings,
    opens,
    reads,
    files,
    onLocalFailure: (failure) => noteLocalFailure(ports, failure),
    fingerprint(version) {
      if (!catalog.version(version, node)) return;
      const path = catalog.pathOf(node.entry);
      if (path === undefined) return;
      const { sizeBytes } = node;
      const replicas = () => catalog.replicas(version);
      federation.compareReplicas({ path, version, sizeBytes, replicas, seams: () => [] });
    },
    onClosed: (fh) => passthrough?.released(fh),
    onReleased(file) {
      reader.release(file);
      proved?.closed(file);
      if (file.servedUnproved) updates.dropPages(fileNode(file.version));
    },
    onAnswered(directory) {
      if (catalog.unlisted(directory).length === 0) return;
      ports.writer
        .noteIncomplete(directory)
        .then(updates.apply)
        .catch((error: unknown) => ports.onFault(`a directory's time: ${messageOf(error)}`));
    },
    onFault: (what, error) => ports.onFault(`${what}: ${messageOf(error)}`),
  });

  return {
    defer: requests.handle,
    originRecovered: () => void opens.restore(),
    get sources() {
      return reader.counts;
    },
    get opensPassedThrough() {
      return passthrough?.opens ?? 0;
    },
    get waiting() {
      const { memoryBytes, versions, filesAhead } = reader.usage;
      const reading = { reads: reads.size, files: files.size, versions, filesAhead, memoryBytes };
      return { ...reading, listings: listings.size };
    },
    close() {
      listings.close();
      reads.close();
      reader.close();
      prefetch.close();
      proved?.close();
    },
    async settled() {
      await requests.settled();
      await proved?.settled();
      passthrough?.[Symbol.dispose]();
    },
  };

  /** Handles directory requests again, once their directory was listed. */
  function directorySession(
    { syscalls, owner, negotiated }: RequestServicePorts,
    defer: Defer,
  ): Session {
    const readers = new QueuedReaders(jobs);
    const openFiles = new OpenFiles({
      catalog,
      routing,
      handles,
      seams,
      served,
      syscalls,
      readers,
      defer,
    });
    const fileSystem = new MountFileSystem({
      catalog,
      handles,
      files: openFiles,
      seen,
      owner,
      defer,
      mustAnswer: true,
    });
    return new Session(fileSystem, {
      pageSizeBytes: pageSizeBytes(),
      passthrough: false,
      negotiated,
      onError: (error) => ports.onFault(`a directory request: ${String(error)}`),
    });
  }
}

/** Nothing where nothing is wanted, or the kernel cannot do it. */
function cachedPassthrough(ports: RequestServicePorts, prefetch: AlbumPrefetch) {
  const { clock, state, negotiated, onFault } = ports;
  if (ports.passthrough === undefined || !negotiated.passthrough) return {};
  const { contents, backing } = ports.passthrough;
  const proved = new ProvedFiles({ clock, contents, onFault });
  const passthrough = new CachedPassthrough({
    ...{ backing, proved, handles: state.handles, onFault },
    isListenedFor: (version) => ports.prefetch && prefetch.isListenedFor(version),
  });
  return { proved, passthrough };
}

/** A thread saw a file of a local origin fail: whose fault is it? */
function noteLocalFailure(ports: RequestServicePorts, { origin: row, reason }: LocalFailure): void {
  const { state, federation, clock } = ports;
  const id = state.routing.idOf(row);
  const origin = id === undefined ? undefined : federation.registry.get(id);
  if (origin === undefined || reason === "changed") return;
  const { code, message } = failureOf("read", -reason);
  const error = new OriginError(code, origin.id, "", message);
  if (isOriginFailure(error)) federation.health.recordFailure(origin, error, clock.monotonicMs());
  else if (code === "io") federation.health.suspect(origin);
}
