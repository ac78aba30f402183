/**
 * A whole mount in this thread, over local directories, on virtual time: the assembly of the main
 * thread, the FUSE thread's session, a reader and the store, each one's work done between two steps
 * of this thread's event loop. Requests and replies are the kernel's bytes.
 */

import { join } from "node:path";
import { type BytePath, ROOT_PATH } from "../../src/core/bytes.ts";
import { NoBlockCache } from "../../src/core/cache/no_block_cache.ts";
import type { CatalogReader } from "../../src/core/catalog/catalog.ts";
import type { BeforeStatement } from "../../src/core/catalog/connection.ts";
import { SqliteCatalogReader } from "../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../src/core/catalog/store.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { EventBus } from "../../src/core/events.ts";
import { OUT_HEADER } from "../../src/core/fuse/layout.ts";
import { NO_REPLY, type Session } from "../../src/core/fuse/session.ts";
import { Assembly } from "../../src/core/mount/assembly.ts";
import { originOpener } from "../../src/core/mount/origin_opener.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { FaultPlan } from "../../src/core/origins/wrappers/faults.ts";
import { libc } from "../../src/core/sys/libc.ts";
import { DiskCalls } from "../../src/core/threads/disk_calls.ts";
import { fuseSession } from "../../src/core/threads/fuse_session.ts";
import { emptyJob } from "../../src/core/threads/job_queue.ts";
import { Reader } from "../../src/core/threads/reader.ts";
import type { SharedState } from "../../src/core/threads/shared_state.ts";
import { PAGE, type Part, request, startedNegotiation } from "../core/fuse/requests.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";

const OWNER = { uid: undefined, gid: undefined, callerUid: 0, callerGid: 0 };

const CONFIG = {
  health: {
    checkIntervalSecs: 30,
    timeoutMs: 5000,
    unhealthyThreshold: 3,
    perOriginThresholds: {},
  },
  read: { readDeadlineMs: 30_000, hedge: true, failover: "probable", onMismatch: "refuse" },
} as const;

export interface Reply {
  /** 0 or positive. */
  readonly errno: number;
  readonly body: Buffer;
}

export interface OneThreadMountPorts {
  readonly clock: VirtualClock;
  /** Holds the catalog and the locks. */
  readonly cacheDir: string;
  /** Directories of the origins, best first. */
  readonly roots: ReadonlyMap<OriginId, string>;
  readonly state: SharedState;
  /** Makes an origin fail; it is then read by the main thread alone. */
  readonly faults?: ReadonlyMap<OriginId, FaultPlan> | undefined;
  /** Told of every statement of the catalog, which fails with what this throws. */
  readonly before?: BeforeStatement | undefined;
  readonly onFault: (message: string) => void;
}

/** What has to be given back, in the reverse order. */
type CleanUp = AsyncDisposableStack;

export class OneThreadMount implements AsyncDisposable {
  readonly assembly: Assembly;
  readonly catalog: CatalogReader;
  readonly #session: Session;
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  #unique = 2;

  /** Opens the catalog and mounts. Rejects as the program does, and then nothing is left open. */
  static async start(ports: OneThreadMountPorts): Promise<OneThreadMount> {
    await using cleanUp = new AsyncDisposableStack();
    const mount = new OneThreadMount(ports, cleanUp);
    const settings = [...ports.roots].map(([id, path], row) => settingsOf(id, path, row + 1));
    await mount.assembly.origins.configure(settings);
    mount.assembly.serve({
      negotiated: startedNegotiation(),
      reply: ({ bytes }, lengthBytes) => mount.#take(bytes.subarray(0, lengthBytes)),
      cache: { invalidate: () => undefined, dropPages: () => undefined },
    });
    mount.#cleanUp = cleanUp.move();
    return mount;
  }

  #cleanUp: CleanUp | undefined;

  private constructor(
    readonly ports: OneThreadMountPorts,
    cleanUp: CleanUp,
  ) {
    const { clock, cacheDir, state, onFault, faults, before } = ports;
    const file = join(cacheDir, "catalog.db");
    const writer = cleanUp.adopt(CatalogStore.open(file, clock, before), (store) => store.close());
    const openReader = () =>
      cleanUp.adopt(new SqliteCatalogReader(file, { before }), (catalog) => catalog.close());
    this.catalog = openReader();
    const calls = new DiskCalls(state.jobs);
    const extras = (id: string) => {
      const plan = faults?.get(id as OriginId);
      return plan === undefined ? {} : { faults: plan };
    };
    const events = new EventBus();
    this.assembly = cleanUp.use(
      new Assembly({
        clock,
        random: () => 0.5,
        config: CONFIG,
        events,
        state,
        writer,
        catalog: this.catalog,
        blocks: new NoBlockCache(),
        cacheDir,
        owner: OWNER,
        syscalls: libc(),
        network: () => "",
        processLives: () => true,
        open: originOpener({
          clock,
          events,
          readers: { calls },
          usage: UNCOUNTED,
          watcher: UNWATCHED,
          extras,
        }),
        onFault,
        onWarning: () => undefined,
      }),
    );
    const defer = this.assembly.defer;
    const reader = cleanUp.use(
      new Reader({
        state,
        syscalls: libc(),
        reply: ({ bytes }, lengthBytes) => this.#take(bytes.subarray(0, lengthBytes)),
        defer,
        onMeasured: () => this.assembly.measured(),
        onResult: (id, result) => calls.settle(id, result),
      }),
    );
    cleanUp.defer(() => calls.close());
    cleanUp.use(readInThisThread(state, reader));
    this.#session = fuseSession(
      { state, catalog: openReader(), syscalls: libc(), owner: OWNER, defer },
      {
        pageSizeBytes: PAGE,
        negotiated: startedNegotiation(),
        onError: (error) => onFault(String(error)),
      },
    );
  }

  /** Sends a request; its reply comes when the mount answers. */
  ask(name: string, nodeid: number, parts: readonly Part[]): Promise<Reply> {
    const unique = this.#unique;
    this.#unique += 2;
    const { promise, resolve } = Promise.withResolvers<Reply>();
    this.#waiting.set(unique, resolve);
    const length = this.#session.handle(request(name, parts, { nodeid, unique }));
    if (length > NO_REPLY) this.#take(this.#session.reply.bytes.subarray(0, length));
    else if (length === NO_REPLY) {
      this.#waiting.delete(unique);
      resolve({ errno: 0, body: Buffer.alloc(0) });
    }
    return promise;
  }

  /** Whether files of the origin can be opened without asking the main thread. */
  isRootOpen(origin: OriginId): boolean {
    const { routing } = this.ports.state;
    const row = routing.indexOf(origin);
    return row >= 0 && routing.rootFd(row) >= 0;
  }

  /** Requests that nobody has answered. */
  get unanswered(): number {
    return this.#waiting.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp?.disposeAsync();
    this.#cleanUp = undefined;
  }

  #take(bytes: Uint8Array): void {
    const reply = Buffer.from(bytes);
    const unique = Number(reply.readBigUInt64LE(OUT_HEADER.at.unique));
    const resolve = this.#waiting.get(unique);
    if (resolve === undefined) throw new Error(`request ${unique} was answered twice`);
    this.#waiting.delete(unique);
    const errno = -reply.readInt32LE(OUT_HEADER.at.error);
    resolve({ errno, body: reply.subarray(OUT_HEADER.sizeBytes) });
  }
}

/** Has every job of the queue done soon after it was pushed. */
function readInThisThread({ jobs }: SharedState, reader: Reader): Disposable {
  const push = jobs.push.bind(jobs);
  const job = emptyJob();
  const work = () => {
    while (jobs.take(job, 1)) {
      try {
        reader.do(job);
      } finally {
        jobs.finish(job.origin);
      }
    }
  };
  jobs.push = (pushed) => {
    const taken = push(pushed);
    queueMicrotask(work);
    return taken;
  };
  return {
    [Symbol.dispose]() {
      jobs.push = push;
    },
  };
}

/** Watching is a thread's work; here every origin is asked. */
const UNCOUNTED = {
  meter: () => ({ request: () => undefined, received: () => undefined, sent: () => undefined }),
};
const UNWATCHED = { watch: () => ({ [Symbol.dispose]: () => undefined }) };

function settingsOf(id: OriginId, path: string, priority: number): OriginSettings {
  return {
    ...{ id, originType: "local", path, priority, enabled: true, prefix: ROOT_PATH as BytePath },
    ...{ exclude: [], operationTimeoutMs: 30_000, maxConcurrency: undefined, cache: false },
    ...{ bandwidthLimitBytesPerSec: undefined, pollIntervalSecs: 900, revalidateSecs: 60 },
    ...{ index: undefined, indexTrust: false, credentials: undefined, watch: false },
  };
}
