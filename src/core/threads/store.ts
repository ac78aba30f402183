/** The catalog's writer on a thread of its own, so that a slow disk's checkpoint delays no read. */

import type { BytePath } from "../bytes.ts";
import type {
  BegunScan,
  CatalogChanges,
  CatalogOrigin,
  CatalogWriter,
  Confirmation,
  KnownListing,
  ListingPage,
  ScanReport,
  VersionContent,
} from "../catalog/catalog.ts";
import { OwnError } from "../errors.ts";
import type { FileStat, OriginId } from "../origins/origin.ts";
import { errorFromData } from "./error_data.ts";
import { spawnWorker } from "./spawn.ts";
import type { StoreAnswer, StoreMethod, StoreRequest } from "./store.worker.ts";

interface Pending {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

type Result<M extends StoreMethod> = Awaited<ReturnType<CatalogWriter[M]>>;

/** What the thread said when it opened the catalog. */
interface Opened {
  readonly generation: string;
  readonly notice?: string;
}

/** Calls are carried out in the order in which they were made. */
export class StoreThread implements CatalogWriter {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #opening = Promise.withResolvers<Opened>();
  #opened: Opened | undefined;
  #nextId = 1;
  /** Why no call can be made any more. */
  #ended: OwnError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * Starts the thread and opens the catalog `file` as `CatalogStore.open` does. Rejects with
   * OwnError `catalog`; then no thread remains.
   */
  static async open(file: string, spawn = () => spawnWorker("store")): Promise<StoreThread> {
    const thread = new StoreThread(spawn());
    thread.#post({ kind: "open", file });
    try {
      thread.#opened = await thread.#opening.promise;
      return thread;
    } catch (error) {
      thread.#end("could not open the catalog");
      throw error;
    }
  }

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data }: MessageEvent<StoreAnswer>) => this.#take(data));
    worker.addEventListener("error", ({ message }) => this.#end(`failed: ${message}`));
    worker.addEventListener("close", () => this.#end("ended"));
  }

  /** What was set aside when the catalog was opened, and why, for people. */
  get notice(): string | undefined {
    return this.#opened?.notice;
  }

  /** Random, made with the catalog: its ids mean nothing with another one. */
  get generation(): string {
    return this.#opened?.generation ?? "";
  }

  configureOrigins(origins: readonly CatalogOrigin[]): Promise<CatalogChanges> {
    return this.#call("configureOrigins", origins);
  }

  beginScan(origin: OriginId): Promise<BegunScan> {
    return this.#call("beginScan", origin);
  }

  abandonScan(origin: OriginId): Promise<void> {
    return this.#call("abandonScan", origin);
  }

  applyListing(page: ListingPage): Promise<CatalogChanges> {
    return this.#call("applyListing", page);
  }

  knownListings(
    origin: OriginId,
    directories: readonly BytePath[],
  ): Promise<readonly (KnownListing | undefined)[]> {
    return this.#call("knownListings", origin, directories);
  }

  confirmListings(
    origin: OriginId,
    confirmations: readonly Confirmation[],
  ): Promise<readonly boolean[]> {
    return this.#call("confirmListings", origin, confirmations);
  }

  finishScan(
    origin: OriginId,
    options: { readonly complete: boolean; readonly allowEmpty: boolean },
  ): Promise<ScanReport> {
    return this.#call("finishScan", origin, options);
  }

  applyStat(origin: OriginId, path: BytePath, stat: FileStat): Promise<CatalogChanges> {
    return this.#call("applyStat", origin, path, stat);
  }

  setFingerprint(version: number, fingerprint: string): Promise<CatalogChanges> {
    return this.#call("setFingerprint", version, fingerprint);
  }

  setSha256(version: number, sha256: string): Promise<CatalogChanges> {
    return this.#call("setSha256", version, sha256);
  }

  setContent(version: number, content: VersionContent): Promise<CatalogChanges> {
    return this.#call("setContent", version, content);
  }

  setDifferent(version: number, other: number): Promise<void> {
    return this.#call("setDifferent", version, other);
  }

  setServedVersion(entry: number, version: number | undefined): Promise<CatalogChanges> {
    return this.#call("setServedVersion", entry, version);
  }

  noteIncomplete(directory: number): Promise<CatalogChanges> {
    return this.#call("noteIncomplete", directory);
  }

  /** Waits for the calls made before, closes the catalog and ends the thread. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#ended === undefined ? this.#close() : Promise.resolve();
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      await this.#call("close");
    } finally {
      this.#end("is closed");
    }
  }

  #call<M extends StoreMethod>(
    method: M,
    ...args: Parameters<CatalogWriter[M]>
  ): Promise<Result<M>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const { promise, resolve, reject } = Promise.withResolvers<Result<M>>();
    const id = this.#nextId++;
    this.#pending.set(id, { resolve, reject });
    this.#post({ kind: "call", id, method, args });
    return promise;
  }

  #post(request: StoreRequest): void {
    this.#worker.postMessage(request);
  }

  #take(answer: StoreAnswer): void {
    if (answer.kind === "opened") this.#opening.resolve(answer);
    else if (answer.kind === "not_opened") this.#opening.reject(errorFromData(answer.error));
    else {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if (answer.kind === "result") pending?.resolve(answer.result as never);
      else pending?.reject(errorFromData(answer.error));
    }
  }

  /** Nothing will be answered any more. */
  #end(how: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = new OwnError("catalog", `the store thread ${how}`);
    this.#worker.terminate();
    this.#opening.reject(this.#ended);
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }
}
