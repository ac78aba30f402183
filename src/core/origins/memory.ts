/**
 * An origin in memory, for tests and the simulator: every change of a real one can be made by hand,
 * and every operation is counted. Waits for nothing but a microtask.
 */

import {
  type ByteName,
  type BytePath,
  baseName,
  displayPath,
  isValidPath,
  joinPath,
  parentPath,
  ROOT_PATH,
} from "../bytes.ts";
import { type Clock, systemClock } from "../clock.ts";
import { OriginError } from "../errors.ts";
import { throwIfAborted } from "./abort.ts";
import {
  contentSize,
  type FileContent,
  type MemoryDirectory,
  type MemoryFile,
  MemoryTree,
  readContent,
  TreeFailure,
} from "./memory/tree.ts";
import type {
  ChangeListener,
  DirEntry,
  FileStat,
  ListingMemo,
  Origin,
  OriginCapabilities,
  OriginId,
  ProbeResult,
  ReadOptions,
  WatchState,
} from "./origin.ts";

export const MEMORY_CAPABILITIES: OriginCapabilities = {
  byteNames: true,
  mtimePrecisionMs: 1,
  maxConcurrency: 64,
  strongTokens: true,
  onThisMachine: false,
  tellsProgress: false,
};

export interface MemoryOriginOptions {
  readonly id: string;
  readonly clock?: Clock;
  readonly capabilities?: Partial<OriginCapabilities>;
  /** Entries in one page of a listing. Default 1000. */
  readonly pageEntries?: number;
  /** It has marks of its listings. Default false. */
  readonly marks?: boolean;
  /** How long after a change watches hear of it. Default: at once, before the change returns. */
  readonly watchDelayMs?: number;
}

export interface ChangeOptions {
  /** Wall-clock milliseconds; default: now. */
  readonly mtimeMs?: number;
  readonly mode?: number;
  /** True: the version token stays as it is, as after an edit that nobody can see. */
  readonly sameToken?: boolean;
}

/** How often each operation was begun; a listing counts once, and once more per page. */
export interface OperationCounts {
  list: number;
  page: number;
  stat: number;
  read: number;
  probe: number;
}

/** The device number that its directories show. */
const DEVICE = 1;

export class MemoryOrigin implements Origin {
  readonly id: OriginId;
  readonly type = "memory";
  readonly capabilities: OriginCapabilities;
  readonly counts: OperationCounts = { list: 0, page: 0, stat: 0, read: 0, probe: 0 };
  /** What probes answer. */
  probeResult: ProbeResult = { status: "ok" };
  readonly #clock: Clock;
  readonly #tree: MemoryTree;
  readonly #pageEntries: number;
  readonly #watchDelayMs: number | undefined;
  readonly marks?: NonNullable<Origin["marks"]>;
  readonly #listeners = new Set<ChangeListener>();
  #serial = 0;
  #closed = false;

  constructor(options: MemoryOriginOptions) {
    this.id = options.id as OriginId;
    this.capabilities = { ...MEMORY_CAPABILITIES, ...options.capabilities };
    this.#clock = options.clock ?? systemClock;
    this.#pageEntries = options.pageEntries ?? 1000;
    this.#watchDelayMs = options.watchDelayMs;
    this.#tree = new MemoryTree(this.#clock.wallMs());
    if (options.marks === true) this.marks = (...asked) => this.#marksOf(...asked);
  }

  /** Adds or replaces a file, as a rename over it would; missing directories are made. */
  put(path: string, content: FileContent | string, options: ChangeOptions = {}): void {
    const at = path as BytePath;
    const nowMs = options.mtimeMs ?? this.#clock.wallMs();
    const parent = this.#parentOf(at);
    const bytes = typeof content === "string" ? Buffer.from(content) : content;
    const known = parent.children.get(baseName(at));
    const token =
      options.sameToken && known?.kind === "file" ? known.token : String(++this.#serial);
    const file = this.#tree.file(bytes, token, nowMs);
    file.mode = options.mode ?? file.mode;
    parent.children.set(baseName(at), file);
    this.#changed(at);
  }

  /** Overwrites bytes of a file in place, growing it where they reach past its end. */
  edit(path: string, offsetBytes: number, bytes: Uint8Array, options: ChangeOptions = {}): void {
    const file = this.#fileAt(path);
    const size = Math.max(contentSize(file.content), offsetBytes + bytes.byteLength);
    const content = new Uint8Array(size);
    readContent(file.content, 0, content);
    content.set(bytes, offsetBytes);
    this.#rewrite(path, file, content, options);
  }

  truncate(path: string, sizeBytes: number, options: ChangeOptions = {}): void {
    const file = this.#fileAt(path);
    const content = new Uint8Array(sizeBytes);
    readContent(file.content, 0, content);
    this.#rewrite(path, file, content, options);
  }

  makeDirectory(path: string): void {
    const at = path as BytePath;
    const { children } = this.#parentOf(at);
    const made = this.#tree.directory(this.#clock.wallMs());
    if (!children.has(baseName(at))) children.set(baseName(at), made);
    this.#joined(at);
  }

  /** Makes a symbolic link; `target` is relative to its directory. */
  link(path: string, target: string): void {
    const at = path as BytePath;
    this.#parentOf(at).children.set(baseName(at), { kind: "link", target });
    this.#changed(at);
  }

  /** Sets times or mode of a file or directory. */
  touch(path: string, options: ChangeOptions): void {
    const node = this.#tree.resolve(path as BytePath);
    node.mtimeMs = options.mtimeMs ?? this.#clock.wallMs();
    node.mode = options.mode ?? node.mode;
    if (node.kind === "file" && !options.sameToken) node.token = String(++this.#serial);
    this.#changed(path as BytePath);
  }

  /** Removes a file, a link or a directory with all that it holds. */
  remove(path: string): void {
    const at = path as BytePath;
    this.#tree.at(at);
    this.#tree.parent(at).children.delete(baseName(at));
    this.#changed(at);
  }

  /** Moves a node, over whatever was at `to`. */
  rename(from: string, to: string): void {
    const node = this.#tree.at(from as BytePath);
    const target = this.#parentOf(to as BytePath);
    this.#tree.parent(from as BytePath).children.delete(baseName(from as BytePath));
    target.children.set(baseName(to as BytePath), node);
    this.#changed(from as BytePath);
    this.#joined(to as BytePath);
  }

  /** Tells every watch that anything may have changed, as after an overflow. */
  loseTrack(): void {
    this.#tell(undefined);
  }

  /** For leak checks. */
  get watchCount(): number {
    return this.#listeners.size;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  async *list(
    directory: BytePath,
    signal?: AbortSignal,
    memo?: ListingMemo,
  ): AsyncGenerator<readonly DirEntry[]> {
    const all: DirEntry[] = [];
    this.counts.list++;
    const node = await this.#operation(directory, signal, (found) => {
      if (found.kind === "directory") return found;
      throw new TreeFailure("not_a_directory", "not a directory");
    });
    const names = [...node.children.keys()];
    for (let at = 0; at < names.length; at += this.#pageEntries) {
      const page = await this.#operation(directory, signal, () =>
        names.slice(at, at + this.#pageEntries).flatMap((name) => {
          const stat = this.#entryStat(node, directory, name);
          return stat === undefined ? [] : [{ name, ...stat }];
        }),
      );
      this.counts.page++;
      all.push(...page);
      if (page.length > 0) yield page;
    }
    if (memo !== undefined && this.marks !== undefined) memo.mark = markOf(all);
  }

  #marksOf(
    directories: readonly BytePath[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    return Promise.all(
      directories.map((directory) =>
        this.#operation(directory, signal, (node) => {
          if (node.kind !== "directory") return undefined;
          const entries = [...node.children.keys()].flatMap((name) => {
            const stat = this.#entryStat(node, directory, name);
            return stat === undefined ? [] : [{ name, ...stat }];
          });
          return markOf(entries);
        }).catch((error: unknown) => {
          if (error instanceof OriginError && error.scope === "object") return undefined;
          throw error;
        }),
      ),
    );
  }

  stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    this.counts.stat++;
    return this.#operation(path, signal, (node) => this.#statOf(node));
  }

  read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    { version, signal }: ReadOptions = {},
  ): Promise<number> {
    this.counts.read++;
    return this.#operation(path, signal, (node) => {
      if (node.kind === "directory") throw new TreeFailure("is_a_directory", "is a directory");
      const { sizeBytes, token } = this.#statOf(node);
      if (version && (version.sizeBytes !== sizeBytes || version.token !== token)) {
        throw new TreeFailure("version_changed", "another version than was asked for");
      }
      return readContent(node.content, offsetBytes, into);
    });
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    this.counts.probe++;
    return this.#operation(ROOT_PATH, signal, () => this.probeResult);
  }

  watch(onChange: ChangeListener, onState?: (state: WatchState) => void): Disposable {
    const listener: ChangeListener = (directory) => onChange(directory);
    this.#listeners.add(listener);
    onState?.({ watching: true });
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
  }

  #fileAt(path: string): MemoryFile {
    const node = this.#tree.resolve(path as BytePath);
    if (node.kind !== "file") throw new TreeFailure("is_a_directory", "is a directory");
    return node;
  }

  #rewrite(path: string, file: MemoryFile, content: Uint8Array, options: ChangeOptions): void {
    file.content = content;
    file.mtimeMs = options.mtimeMs ?? this.#clock.wallMs();
    if (!options.sameToken) file.token = String(++this.#serial);
    this.#changed(path as BytePath);
  }

  /** The directory that a path is in; those that are missing are made, which is told, too. */
  #parentOf(path: BytePath): MemoryDirectory {
    let made: BytePath | undefined;
    for (let at = parentPath(path); at !== "" && !this.#tree.has(at); at = parentPath(at)) {
      made = at;
    }
    const parent = this.#tree.parent(path, this.#clock.wallMs());
    if (made !== undefined) this.#joined(made);
    return parent;
  }

  /** A node came with all that is in it: nobody has listed its directories yet. */
  #joined(path: BytePath): void {
    this.#changed(path);
    const told = [path];
    for (let at = told.pop(); at !== undefined; at = told.pop()) {
      const node = this.#tree.at(at);
      if (node.kind !== "directory") continue;
      this.#tell(at);
      for (const name of node.children.keys()) told.push(joinPath(at, name));
    }
  }

  #changed(path: BytePath): void {
    const directory = parentPath(path);
    const node = this.#tree.resolve(directory);
    node.mtimeMs = this.#clock.wallMs();
    this.#tell(directory);
  }

  #tell(directory: BytePath | undefined): void {
    for (const listener of [...this.#listeners]) {
      if (this.#watchDelayMs === undefined) listener(directory);
      else {
        this.#clock.schedule(this.#watchDelayMs, () => {
          if (this.#listeners.has(listener)) listener(directory);
        });
      }
    }
  }

  async #operation<T>(
    path: BytePath,
    signal: AbortSignal | undefined,
    work: (node: MemoryFile | MemoryDirectory) => T,
  ): Promise<T> {
    throwIfAborted(signal);
    await undefined;
    throwIfAborted(signal);
    const shown = displayPath(path);
    if (this.#closed) throw new OriginError("connection", this.id, shown, "the origin was closed");
    if (!isValidPath(path)) throw new OriginError("bad_name", this.id, shown, "not a path");
    try {
      return work(this.#tree.resolve(path));
    } catch (error) {
      if (!(error instanceof TreeFailure)) throw error;
      throw new OriginError(error.code, this.id, shown, error.message, { cause: error });
    }
  }

  #entryStat(parent: MemoryDirectory, directory: BytePath, name: ByteName): FileStat | undefined {
    if (!parent.children.has(name)) return undefined;
    try {
      return this.#statOf(this.#tree.resolve(joinPath(directory, name)));
    } catch (error) {
      if (error instanceof TreeFailure) return undefined;
      throw error;
    }
  }

  #statOf(node: MemoryFile | MemoryDirectory): FileStat {
    const mtimeSec = Math.floor(node.mtimeMs / 1000);
    const mtimeNsec = Math.round((node.mtimeMs - mtimeSec * 1000) * 1e6) % 1_000_000_000;
    const times = { mtimeSec, mtimeNsec };
    const common = { ...times, mode: node.mode, uid: -1, gid: -1 };
    const mtimeToken = `${mtimeSec}.${mtimeNsec}`;
    if (node.kind === "file") {
      const token = this.capabilities.strongTokens ? node.token : mtimeToken;
      return { kind: "file", sizeBytes: contentSize(node.content), token, ...common };
    }
    const identity = `${DEVICE}:${node.inode}`;
    return {
      kind: "directory",
      sizeBytes: 0,
      token: mtimeToken,
      ...common,
      identity,
      device: DEVICE,
    };
  }
}

function markOf(entries: readonly DirEntry[]): string {
  return Bun.hash.xxHash3(JSON.stringify(entries)).toString(16);
}
