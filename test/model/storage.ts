/**
 * What one origin really holds, and everything it ever held: it outlives the program that reads it.
 * Connecting gives the program an Origin with faults; every request that gets there is noted.
 */

import { type BytePath, ROOT_PATH } from "../../src/core/bytes.ts";
import { type ContentName, contentName } from "../../src/core/cache/content_name.ts";
import type { Clock } from "../../src/core/clock.ts";
import { OriginError } from "../../src/core/errors.ts";
import { MemoryOrigin } from "../../src/core/origins/memory.ts";
import type { FileStat, Origin, OriginId, OriginVersion } from "../../src/core/origins/origin.ts";
import { FaultPlan, type FaultRule, withFaults } from "../../src/core/origins/wrappers/faults.ts";
import { type OperationKind, WrappedOrigin } from "../../src/core/origins/wrappers/wrapped.ts";
import { replaced } from "../support/replaced.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import { CONTENTS, type Content, contentOf } from "./contents.ts";
import type { ModelRule } from "./operations.ts";

export interface StorageSettings {
  readonly id: string;
  /** Its tokens are size and mtime. */
  readonly weak: boolean;
  /** It tells of its changes. */
  readonly watched: boolean;
  /** Entries in one page of a listing. */
  readonly pageEntries: number;
}

/** A request of the program, as the origin saw it. */
export interface OriginRequest {
  readonly origin: OriginId;
  readonly kind: OperationKind;
  readonly path: BytePath;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly startMs: number;
  /** It came over a connection that was closed before. */
  readonly late: boolean;
  endMs: number | undefined;
  /** Undefined while it runs and when it went well. */
  error: unknown;
}

export interface StoragePorts {
  readonly clock: VirtualClock;
  readonly onRequest: (request: OriginRequest) => void;
}

type EndWatch = (reason: string) => void;

export class Storage {
  readonly id: OriginId;
  readonly memory: MemoryOrigin;
  /** Monotonic: since when no fault was active. */
  calmSinceMs = Number.NEGATIVE_INFINITY;
  /** Something that was there is no longer, or was hidden for a while. */
  hasLost = false;
  readonly #watches = new Set<EndWatch>();
  #rules: FaultRule[] = [];
  #blank = false;
  #plan: FaultPlan | undefined;
  #serial = 0;
  readonly #ever = new Map<string, Set<Content>>();
  /** What is where, by path. */
  #now = new Map<string, string>();
  /** Where files ever were. */
  readonly #paths = new Set<string>();

  constructor(
    readonly settings: StorageSettings,
    readonly ports: StoragePorts,
  ) {
    const { id, weak, pageEntries } = settings;
    const capabilities = { strongTokens: !weak };
    this.memory = new MemoryOrigin({ id, clock: ports.clock, capabilities, pageEntries });
    this.id = this.memory.id;
  }

  /** Adds or replaces a file; its mtime is unlike any other here. */
  async put(path: string, number: number): Promise<void> {
    await this.#write(path, number, this.#nextMtimeMs());
  }

  /** Replaces a file by other bytes of its size; does nothing when it has no such content. */
  async edit(path: string, keepsMtime: boolean): Promise<void> {
    const [before, stat] = await this.#contentAt(path);
    const like = CONTENTS.filter(({ bytes }) => bytes.byteLength === before.bytes.byteLength);
    const after = like[(like.indexOf(before) + 1) % like.length];
    if (after === undefined || after === before) return;
    await this.#write(path, after.number, keepsMtime ? mtimeMsOf(stat) : this.#nextMtimeMs());
  }

  /** As `cp -p` or `rsync -t` do. Throws where there is no file. */
  async copy(from: Storage, path: string, to: string): Promise<void> {
    const [content, stat] = await from.#contentAt(path);
    await this.#write(to, content.number, mtimeMsOf(stat));
  }

  /** Throws as MemoryOrigin where there is nothing. */
  remove(path: string): void {
    this.hasLost = true;
    this.memory.remove(path);
    this.#take(path);
  }

  /** As rename(2), of a file or a directory. */
  rename(from: string, to: string): void {
    this.hasLost = true;
    if (to === from || to.startsWith(`${from}/`)) throw new Error("into itself");
    this.memory.rename(from, to);
    const moved = this.#take(from);
    this.#take(to);
    for (const [below, mark] of moved) {
      this.#now.set(to + below, mark);
      this.#paths.add(to + below);
    }
  }

  makeDirectory(path: string): void {
    this.memory.makeDirectory(path);
  }

  /** Every content that went under this mark here: one, unless tokens are weak. */
  contentsOf(sizeBytes: number, token: string): readonly Content[] {
    return [...(this.#ever.get(markOf(sizeBytes, token)) ?? [])];
  }

  /** Everything of that size that ever was here. */
  contentsOfSize(sizeBytes: number): readonly Content[] {
    const all = [...this.#ever].filter(([mark]) => mark.startsWith(`${sizeBytes} `));
    return all.flatMap(([, contents]) => [...contents]);
  }

  /** All that the cache may call something of this origin, with what it may stand for. */
  *cachedNames(): Generator<readonly [ContentName, ReadonlySet<Content>]> {
    for (const [mark, contents] of this.#ever) {
      const [size = "", token = ""] = mark.split(" ");
      const originVersion = { sizeBytes: Number(size), token };
      for (const path of this.#paths) {
        const replica = { origin: this.id, path: path as BytePath, originVersion };
        yield [contentName(replica), contents];
      }
    }
  }

  /** Everything that ever went here under a mark that the content had, too; itself included. */
  takenFor(content: Content): readonly Content[] {
    const together = [...this.#ever.values()].filter((contents) => contents.has(content));
    return together.flatMap((contents) => [...contents]);
  }

  /** True while the path holds a file of that version. */
  isNow(path: string, { sizeBytes, token }: OriginVersion): boolean {
    return !this.#blank && this.#now.get(path) === markOf(sizeBytes, token);
  }

  addFault({ at, ...rest }: ModelRule): void {
    const rule = at === undefined ? rest : { ...rest, at: (path: BytePath) => path === at };
    this.#rules.push(rule);
    this.#plan?.add(rule);
    this.calmSinceMs = Number.POSITIVE_INFINITY;
  }

  clearFaults(): void {
    if (this.#rules.length === 0) return;
    this.#rules = [];
    this.#plan?.clear();
    this.#calmDown();
  }

  /** True: nothing is there any more, though nothing was removed. */
  get isBlank(): boolean {
    return this.#blank;
  }

  setBlank(blank: boolean): void {
    if (blank === this.#blank) return;
    this.#blank = blank;
    this.hasLost = true;
    if (blank) this.calmSinceMs = Number.POSITIVE_INFINITY;
    else this.#calmDown();
  }

  #calmDown(): void {
    if (this.#blank || this.#rules.length > 0) return;
    this.calmSinceMs = this.ports.clock.monotonicMs();
  }

  get faults(): readonly FaultRule[] {
    return this.#rules;
  }

  /** A connection of a program whose time is `clock`. */
  connect(clock: Clock): Origin {
    const plan = new FaultPlan(clock);
    for (const rule of this.#rules) plan.add(rule);
    this.#plan = plan;
    const watch = this.settings.watched ? this.#watch : undefined;
    const told = replaced<Origin>(this.memory, { watch });
    return new Connection(withFaults(told, plan), this);
  }

  /** Whether the program's watch, if it has one, stands. */
  get isWatched(): boolean {
    return this.#watches.size > 0;
  }

  /** The watch ends, to be set up again; or it misses something, and says so. */
  loseWatch(ends: boolean): void {
    if (!ends) this.memory.loseTrack();
    else for (const end of [...this.#watches]) end("made to end");
  }

  readonly #watch: NonNullable<Origin["watch"]> = (onChange, onState) => {
    const watch = this.memory.watch(onChange, onState);
    const end: EndWatch = (reason) => {
      stop();
      onState?.({ watching: false, reason, forGood: false });
    };
    const stop = () => {
      this.#watches.delete(end);
      watch[Symbol.dispose]();
    };
    this.#watches.add(end);
    return { [Symbol.dispose]: stop };
  };

  async #contentAt(path: string): Promise<readonly [Content, FileStat]> {
    const stat = await this.memory.stat(path as BytePath);
    const bytes = new Uint8Array(stat.sizeBytes);
    await this.memory.read(path as BytePath, 0, bytes);
    const content = CONTENTS.find((each) => Buffer.compare(each.bytes, bytes) === 0);
    if (content === undefined) throw new Error(`${path} holds nothing of the model`);
    return [content, stat];
  }

  async #write(path: string, number: number, mtimeMs: number): Promise<void> {
    const { bytes } = contentOf(number);
    this.memory.put(path, bytes, { mtimeMs });
    this.#take(path);
    const { sizeBytes, token } = await this.memory.stat(path as BytePath);
    const mark = markOf(sizeBytes, token);
    this.#now.set(path, mark);
    this.#paths.add(path);
    const contents = this.#ever.get(mark) ?? new Set();
    this.#ever.set(mark, contents.add(contentOf(number)));
  }

  /** Takes away what is at a path and below; answers it by what follows the path. */
  #take(path: string): readonly (readonly [below: string, mark: string])[] {
    const taken = [...this.#now].filter(([at]) => at === path || at.startsWith(`${path}/`));
    for (const [at] of taken) this.#now.delete(at);
    return taken.map(([at, mark]) => [at.slice(path.length), mark]);
  }

  #nextMtimeMs(): number {
    // In steps of a 64th, which a double holds exactly.
    return this.ports.clock.wallMs() + (this.#serial++ % 64) / 64;
  }
}

function markOf(sizeBytes: number, token: string): string {
  return `${sizeBytes} ${token}`;
}

function mtimeMsOf({ mtimeSec, mtimeNsec }: FileStat): number {
  return mtimeSec * 1000 + mtimeNsec / 1e6;
}

class Connection extends WrappedOrigin {
  #closed = false;

  constructor(
    inner: Origin,
    readonly storage: Storage,
  ) {
    const { clock, onRequest } = storage.ports;
    super(inner, async (operation, signal, run) => {
      const { kind, path, lengthBytes = 0 } = operation;
      const request: OriginRequest = {
        origin: inner.id,
        kind,
        path,
        offsetBytes: this.#offsetBytes,
        lengthBytes,
        startMs: clock.monotonicMs(),
        late: this.#closed,
        endMs: undefined,
        error: undefined,
      };
      onRequest(request);
      try {
        if (request.late) {
          throw new OriginError("connection", inner.id, path, "the origin was closed");
        }
        if (storage.isBlank && path !== ROOT_PATH) {
          throw new OriginError("not_found", inner.id, path, "nothing is here");
        }
        return await run(signal);
      } catch (error) {
        request.error = error;
        throw error;
      } finally {
        request.endMs = clock.monotonicMs();
      }
    });
  }

  /** Of the read that is being begun: operations do not carry it. */
  #offsetBytes = 0;

  override async *list(directory: BytePath, signal?: AbortSignal) {
    for await (const page of super.list(directory, signal)) {
      if (!this.storage.isBlank) yield page;
    }
  }

  override read(...[path, offsetBytes, into, options]: Parameters<Origin["read"]>) {
    this.#offsetBytes = offsetBytes;
    try {
      return super.read(path, offsetBytes, into, options);
    } finally {
      this.#offsetBytes = 0;
    }
  }

  override async close(): Promise<void> {
    // The storage stays.
    this.#closed = true;
  }
}
