/**
 * A directory of this machine as an origin. The system calls happen wherever its `DiskClient` has
 * them done; here they are asked for and their results put in order.
 */

import { type ByteName, type BytePath, displayPath, isValidPath, ROOT_PATH } from "../bytes.ts";
import { MusicFsError, OriginError, OwnError } from "../errors.ts";
import { FIRST_BYTE_READ_BYTES, MAX_DIRECTORY_ENTRIES } from "../limits.ts";
import { throwIfAborted, untilAborted } from "./abort.ts";
import type { DiskClient } from "./disk/client.ts";
import type { DirectoryPage } from "./disk/disk.ts";
import { DiskFailure } from "./disk/failure.ts";
import { NEW_MARK } from "./disk/listing_mark.ts";
import * as messages from "./disk/messages.ts";
import type {
  DirEntry,
  FileStat,
  ListingMemo,
  Origin,
  OriginCapabilities,
  OriginId,
  OriginType,
  ProbeResult,
  ReadOptions,
} from "./origin.ts";

/** Of a disk of this machine. File systems keep nanoseconds, but the kernel's clock ticks slower. */
export const LOCAL_CAPABILITIES: OriginCapabilities = {
  byteNames: true,
  mtimePrecisionMs: 10,
  maxConcurrency: 16,
  strongTokens: true,
  onThisMachine: true,
  tellsProgress: true,
};

export interface LocalOriginOptions {
  readonly id: OriginId;
  readonly type: OriginType;
  readonly capabilities: OriginCapabilities;
  /** The origin's from now on: closed with it. */
  readonly disk: DiskClient;
}

export class LocalOrigin implements Origin {
  readonly id: OriginId;
  readonly type: OriginType;
  readonly capabilities: OriginCapabilities;
  readonly watch?: NonNullable<Origin["watch"]>;
  readonly #disk: DiskClient;
  readonly #closing = new AbortController();

  constructor(options: LocalOriginOptions) {
    this.id = options.id;
    this.type = options.type;
    this.capabilities = options.capabilities;
    this.#disk = options.disk;
    if (options.disk.watch !== undefined) this.watch = options.disk.watch;
  }

  async *list(
    directory: BytePath,
    signal?: AbortSignal,
    memo?: ListingMemo,
  ): AsyncGenerator<readonly DirEntry[]> {
    using open = await this.#openDirectory(directory, signal);
    const seen = new Set<ByteName>();
    if (memo !== undefined) memo.device = open.device;
    let failure: DiskFailure | undefined;
    let mark: string | undefined = NEW_MARK;
    for (;;) {
      const page: DirectoryPage = await open.read(mark);
      mark = page.mark;
      // Network file systems repeat names when a directory changes while it is read.
      const entries = page.entries.filter(({ name }) => !seen.has(name));
      for (const { name } of entries) seen.add(name);
      if (seen.size > MAX_DIRECTORY_ENTRIES) {
        const endless = `more than ${MAX_DIRECTORY_ENTRIES} entries: the listing seems endless`;
        throw new OriginError("protocol", this.id, displayPath(directory), endless);
      }
      if (entries.length > 0) yield entries;
      failure ??= page.failure;
      if (page.done) break;
    }
    if (memo !== undefined) memo.mark = mark;
    if (failure !== undefined) throw this.#error(failure, directory);
  }

  marks(
    directories: readonly BytePath[],
    signal?: AbortSignal,
  ): Promise<readonly (string | undefined)[]> {
    const request = { op: "mark_directories", path: ROOT_PATH, paths: directories } as const;
    return this.#call(request, messages.decodeMarks, signal);
  }

  stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    return this.#call({ op: "stat", path }, messages.decodeStat, signal);
  }

  async read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    { version, signal, onProgress }: ReadOptions = {},
  ): Promise<number> {
    let done = 0;
    for (;;) {
      // In pieces that come in good time from a slow share, too, so that silence is told from slowness.
      const lengthBytes = Math.min(into.byteLength - done, FIRST_BYTE_READ_BYTES);
      const request = { op: "read", path, offsetBytes: offsetBytes + done, lengthBytes } as const;
      const bytes = await this.#call(
        version ? { ...request, version } : request,
        messages.decodeRead,
        signal,
      );
      into.set(bytes, done);
      done += bytes.byteLength;
      onProgress?.();
      if (bytes.byteLength < lengthBytes || done === into.byteLength) return done;
    }
  }

  probe(signal?: AbortSignal): Promise<ProbeResult> {
    return this.#call({ op: "probe", path: ROOT_PATH }, messages.decodeProbe, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#disk.close();
  }

  /**
   * A descriptor must be closed even if its opener has given up by then, and not while a page is
   * being read from it: so neither request is cancelled, only no longer waited for.
   */
  async #openDirectory(path: BytePath, signal: AbortSignal | undefined) {
    const request = (request: Omit<messages.DiskRequest, "path">) =>
      this.#send({ ...request, path });
    this.#check(path, signal);
    const opening = request({ op: "open_directory" }).then(messages.decodeDirectory);
    let lastUse: Promise<unknown> = opening;
    const close = async () => {
      try {
        const { fd } = await opening;
        await lastUse.catch(() => undefined);
        messages.decodeDone(await request({ op: "close_directory", directory: fd }));
      } catch (error) {
        // Never opened, or the disk's process is gone and its descriptors with it.
        if (!(error instanceof MusicFsError || error instanceof DiskFailure)) throw error;
      }
    };
    const settle = async <T>(use: Promise<T>): Promise<T> => {
      lastUse = use;
      return this.#settle(use, path, signal);
    };
    try {
      const { fd, device } = await settle(opening);
      const readFrom = (mark: string | undefined) =>
        request({ op: "read_directory", directory: fd, ...(mark && { mark }) });
      return {
        device,
        read: (mark: string | undefined) => settle(readFrom(mark).then(messages.decodePage)),
        [Symbol.dispose]: () => void close(),
      };
    } catch (error) {
      void close();
      throw error;
    }
  }

  async #call<T>(
    request: messages.DiskRequest,
    decode: (result: Uint8Array) => T,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    this.#check(request.path, signal);
    return this.#settle(this.#send(request, signal).then(decode), request.path, signal);
  }

  async #send(request: messages.DiskRequest, signal?: AbortSignal): Promise<Uint8Array> {
    return this.#disk.call(messages.encodeRequest(request), signal);
  }

  #check(path: BytePath, signal: AbortSignal | undefined): void {
    throwIfAborted(signal);
    if (this.#closing.signal.aborted) {
      throw new OriginError("connection", this.id, displayPath(path), "the origin was closed");
    }
    if (!isValidPath(path)) {
      throw new OriginError("bad_name", this.id, displayPath(path), "not a path below the origin");
    }
  }

  async #settle<T>(use: Promise<T>, path: BytePath, signal: AbortSignal | undefined): Promise<T> {
    try {
      const result = await untilAborted(untilAborted(use, this.#closing.signal), signal);
      this.#check(path, signal);
      return result;
    } catch (error) {
      this.#check(path, signal);
      throw this.#error(error, path);
    }
  }

  #error(error: unknown, path: BytePath): unknown {
    const shown = displayPath(path);
    if (error instanceof DiskFailure) {
      return new OriginError(error.code, this.id, shown, error.message, { cause: error });
    }
    if (error instanceof OwnError && error.code === "busy") {
      return new OriginError("overloaded", this.id, shown, error.message, { cause: error });
    }
    return error;
  }
}
