/**
 * The parts of a mount in one thread, over two local origins, with everything counted that costs
 * something anywhere: system calls, SQLite statements, requests to origins, requests and replies.
 */

import { type BytePath, ROOT_PATH } from "../../../src/core/bytes.ts";
import { NoBlockCache } from "../../../src/core/cache/no_block_cache.ts";
import { SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import type { OriginSettings } from "../../../src/core/config/config.ts";
import { EventBus } from "../../../src/core/events.ts";
import { RequestCounts } from "../../../src/core/fuse/request_counts.ts";
import type { Session } from "../../../src/core/fuse/session.ts";
import { Assembly } from "../../../src/core/mount/assembly.ts";
import { InlineDisk } from "../../../src/core/origins/disk/client.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../../../src/core/origins/local.ts";
import type { Origin, OriginId } from "../../../src/core/origins/origin.ts";
import { FaultPlan, withFaults } from "../../../src/core/origins/wrappers/faults.ts";
import { OriginMetrics, withMetrics } from "../../../src/core/origins/wrappers/metrics.ts";
import { EAGAIN } from "../../../src/core/sys/errno.ts";
import type { KernelCache } from "../../../src/core/threads/notifier.ts";
import { QueuedReaders } from "../../../src/core/threads/queued_readers.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import type { Deferred } from "../../../src/core/vfs/deferred.ts";
import { MountFileSystem } from "../../../src/core/vfs/file_system.ts";
import { OpenFiles } from "../../../src/core/vfs/open_files.ts";
import { replacedSyscalls } from "../../support/failing_syscalls.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { TempDirectory } from "../catalog/fixture.ts";
import { PAGE, startedSession } from "../fuse/requests.ts";

export const NAS = "nas" as OriginId;
export const BACKUP = "backup" as OriginId;

const OWNER = { uid: undefined, gid: undefined, callerUid: 0, callerGid: 0 };

/** What a stretch of work cost, by name; what did not happen is left out. */
export interface Costs {
  /** Of the kernel. */
  readonly requests: Readonly<Record<string, number>>;
  /** `answered`, `refused`, `deferred` by the FUSE thread; `later` by the main thread. */
  readonly replies: Readonly<Record<string, number>>;
  readonly systemCalls: Readonly<Record<string, number>>;
  /** Of the threads with the catalog open, "fuse SELECT" and the like. */
  readonly statements: Readonly<Record<string, number>>;
  /** "nas read" and the like. */
  readonly originRequests: Readonly<Record<string, number>>;
  /** Names and directories of the tree; what the kernel was told of, it is told to forget. */
  readonly changes: Readonly<Record<string, number>>;
}

type Counts = Map<string, number>;

function count(counts: Counts, name: string, times = 1): void {
  if (times > 0) counts.set(name, (counts.get(name) ?? 0) + times);
}

/** Counts the statements of one connection. */
function statementsOf(connection: string, counts: Counts): (sql: string) => void {
  return (sql) => count(counts, `${connection} ${/\w+/.exec(sql)?.[0] ?? ""}`);
}

export class CountedMount implements AsyncDisposable {
  readonly clock = new VirtualClock();
  readonly session: Session;
  readonly faults = new Map<OriginId, FaultPlan>();
  /** False: no byte is in the page cache. */
  pagesCached = true;
  /** Replies of the main thread since it was last emptied. */
  readonly later: Buffer[] = [];
  readonly deferred: Deferred[] = [];
  readonly assembly: Assembly;
  readonly #cleanUp = new AsyncDisposableStack();
  readonly #metrics = new Map<OriginId, OriginMetrics>();
  readonly #statements: Counts = new Map();
  readonly #replies: Counts = new Map();
  readonly #changes: Counts = new Map();
  readonly #requests = new RequestCounts();
  readonly #syscalls = replacedSyscalls({
    // Whether a byte is cached is this machine's affair elsewhere, and decided here.
    preadv2: (original, fd, iov, length, offset) =>
      this.pagesCached ? original(fd, iov, length, offset, 0) : -EAGAIN,
  });

  constructor(readonly roots: ReadonlyMap<OriginId, string>) {
    const cleanUp = this.#cleanUp;
    const directory = cleanUp.use(new TempDirectory()).path;
    const file = `${directory}/catalog.db`;
    const counted = (connection: string) => statementsOf(connection, this.#statements);
    const store = CatalogStore.open(file, this.clock, counted("store"));
    const writer = cleanUp.adopt(store, () => store.close());
    const reader = (thread: string, remembers: boolean) =>
      cleanUp.adopt(new SqliteCatalogReader(file, { before: counted(thread), remembers }), (r) =>
        r.close(),
      );
    // Each thread has a connection of its own.
    const catalog = reader("main", true);
    const atFuse = reader("fuse", false);
    const state = new SharedState();
    const { syscalls } = this.#syscalls;
    this.assembly = cleanUp.use(
      new Assembly({
        clock: this.clock,
        random: () => 0.5,
        config: {
          health: {
            checkIntervalSecs: 30,
            timeoutMs: 5000,
            unhealthyThreshold: 3,
            perOriginThresholds: {},
          },
          read: {
            readDeadlineMs: 30_000,
            hedge: true,
            failover: "probable",
            onMismatch: "refuse",
          },
        },
        events: new EventBus(),
        state,
        writer,
        catalog,
        blocks: new NoBlockCache(),
        cacheDir: directory,
        owner: OWNER,
        syscalls,
        network: () => "",
        open: async ({ id }) => ({ origin: this.#open(id), localRoot: roots.get(id) }),
        onFault: (message) => {
          throw new Error(message);
        },
        onWarning: () => undefined,
      }),
    );
    const { handles, routing, seams, seen, served, jobs } = state;
    const defer = (deferred: Deferred) => {
      this.deferred.push(deferred);
      this.assembly.defer(deferred);
    };
    const readers = new QueuedReaders(jobs);
    const shared = { catalog: atFuse, routing, handles, seams, served, readers, defer };
    this.session = startedSession(
      new MountFileSystem({
        ...{ catalog: atFuse, handles, seen, owner: OWNER, defer, mustAnswer: false },
        files: new OpenFiles({ ...shared, syscalls }),
      }),
      { counts: this.#requests, pageSizeBytes: PAGE },
    );
  }

  /** Origins are configured and scanned once. */
  static async start(roots: ReadonlyMap<OriginId, string>): Promise<CountedMount> {
    const mount = new CountedMount(roots);
    const settings = [...roots].map(([id, path], index) => settingsOf(id, path, index + 1));
    await mount.assembly.origins.configure(settings);
    const { negotiated } = mount.session;
    if (negotiated === undefined) throw new Error("nothing was negotiated");
    mount.assembly.serve({
      negotiated,
      reply: ({ bytes }, length) => {
        mount.later.push(Buffer.from(bytes.subarray(0, length)));
        count(mount.#replies, "later");
      },
      cache: mount.#kernelCache(),
    });
    return mount;
  }

  /** Scans both origins to their end. */
  async scan(): Promise<void> {
    for (const id of this.roots.keys()) this.assembly.scans.recovered(id);
    await this.clock.advance(10);
    await this.assembly.scans.settled();
  }

  /** Sends a request to the FUSE thread; answers its reply, or undefined when it was deferred. */
  send(request: Uint8Array): Buffer | undefined {
    const length = this.session.handle(request);
    const reply = Buffer.from(this.session.reply.bytes.subarray(0, Math.max(0, length)));
    const kind = length < 0 ? "deferred" : reply.readInt32LE(4) < 0 ? "refused" : "answered";
    count(this.#replies, kind);
    return length < 0 ? undefined : reply;
  }

  /** What `work` costs. */
  async costs(work: () => void | Promise<void>): Promise<Partial<Costs>> {
    this.#statements.clear();
    this.#replies.clear();
    this.#changes.clear();
    this.#syscalls.counts.clear();
    const requests = this.#requests.byName();
    const asked = this.#originRequests();
    await work();
    const costs: Costs = {
      requests: difference(this.#requests.byName(), requests),
      replies: Object.fromEntries(this.#replies),
      systemCalls: Object.fromEntries(this.#syscalls.counts),
      statements: Object.fromEntries(this.#statements),
      originRequests: difference(this.#originRequests(), asked),
      changes: Object.fromEntries(this.#changes),
    };
    const happened = Object.entries(costs).filter(([, counts]) => Object.keys(counts).length > 0);
    return Object.fromEntries(happened);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }

  #open(id: OriginId): Origin {
    const { syscalls } = this.#syscalls;
    const nowMs = () => this.clock.monotonicMs();
    const disk = new InlineDisk(new Disk(this.roots.get(id) ?? "", { syscalls, nowMs }));
    const local = new LocalOrigin({ id, type: "local", capabilities: LOCAL_CAPABILITIES, disk });
    const faults = new FaultPlan(this.clock);
    const metrics = new OriginMetrics();
    this.faults.set(id, faults);
    this.#metrics.set(id, metrics);
    return withMetrics(withFaults(local, faults), metrics, this.clock);
  }

  #kernelCache(): KernelCache {
    return {
      invalidate: ({ names, directories }) => {
        count(this.#changes, "names", names.length);
        count(this.#changes, "directories", directories.length);
      },
      dropPages: () => count(this.#changes, "pages"),
    };
  }

  #originRequests(): Record<string, number> {
    const requests: Record<string, number> = {};
    for (const [id, { operations }] of this.#metrics) {
      for (const [kind, { begun }] of Object.entries(operations)) requests[`${id} ${kind}`] = begun;
    }
    return requests;
  }
}

function difference(
  after: Readonly<Record<string, number>>,
  before: Readonly<Record<string, number>>,
): Record<string, number> {
  const entries = Object.entries(after).map(
    ([name, value]) => [name, value - (before[name] ?? 0)] as const,
  );
  return Object.fromEntries(entries.filter(([, value]) => value !== 0));
}

function settingsOf(id: OriginId, path: string, priority: number): OriginSettings {
  return {
    ...{ id, originType: "local", path, priority, enabled: true, prefix: ROOT_PATH as BytePath },
    ...{ exclude: [], operationTimeoutMs: 30_000, maxConcurrency: undefined, cache: false },
    ...{ bandwidthLimitBytesPerSec: undefined, pollIntervalSecs: 900, revalidateSecs: 60 },
    ...{ watch: true, index: undefined, indexTrust: false, credentials: undefined },
  };
}
