/** An index in a bucket: read as an origin's files are, and written beside the origins. */

import { type BytePath, joinPath, pathFromText, ROOT_PATH, textOf } from "../../bytes.ts";
import { type Clock, sleep } from "../../clock.ts";
import type { S3OriginSettings } from "../../config/config.ts";
import { MusicFsError, messageOf, OwnError } from "../../errors.ts";
import { RETRY_DELAYS_MS } from "../../limits.ts";
import { CredentialsProvider } from "../../origins/credentials.ts";
import type { DirEntry, Origin } from "../../origins/origin.ts";
import type { S3Writer } from "../../origins/s3/writer.ts";
import { openStandalone } from "../../origins/standalone.ts";
import { INDEX_HEAD, isIndexName } from "./index_page.ts";
import type { IndexSource, IndexTarget, StoredObject } from "./index_store.ts";

/** Objects that are files of an origin. */
export class IndexOrigin implements IndexSource {
  constructor(readonly origin: Origin) {}

  async get(name: string): Promise<Uint8Array> {
    try {
      return await readObject(this.origin, pathFromText(name));
    } catch (error) {
      throw failure("read", error);
    }
  }
}

/** Tries again what may succeed then: thousands of objects are not lost to one bad moment. */
export class IndexBucket implements IndexTarget, AsyncDisposable {
  private constructor(
    readonly origin: Origin,
    readonly writer: S3Writer,
    readonly clock: Clock,
  ) {}

  /** Connects to nothing yet. */
  static async open(settings: S3OriginSettings, clock: Clock): Promise<IndexBucket> {
    const { S3Writer } = await import("../../origins/s3/writer.ts");
    const { id, credentials: source } = settings;
    const credentials = source && new CredentialsProvider(id, source, { clock });
    const origin = await openStandalone(settings, clock);
    return new IndexBucket(origin, new S3Writer(settings, { clock, credentials }), clock);
  }

  get(name: string): Promise<Uint8Array> {
    return this.#attempt("read", () => readObject(this.origin, pathFromText(name)));
  }

  list(): Promise<readonly StoredObject[]> {
    return this.#attempt("read", () => storedIn(this.origin));
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#attempt("written", () => this.writer.put(pathFromText(name), bytes));
  }

  async replaceHead(bytes: Uint8Array, former: StoredObject | undefined): Promise<number> {
    const head: BytePath = pathFromText(INDEX_HEAD);
    const isCertain = await this.#attempt("written", async () => {
      try {
        await this.writer.put(head, bytes, { version: former?.token });
        return true;
      } catch (error) {
        // A head that is gone by now is another one, too.
        if (hasCode(error, "version_changed") || hasCode(error, "not_found")) return false;
        throw error;
      }
    });
    // The answer to a try before may have been lost.
    if (!isCertain && !Buffer.from(bytes).equals(await this.get(INDEX_HEAD))) {
      throw new OwnError("busy", "somebody else has published there meanwhile; try again");
    }
    return (await this.#attempt("read", () => this.origin.stat(head))).mtimeSec;
  }

  remove(name: string): Promise<void> {
    return this.#attempt("written", () => this.writer.remove(pathFromText(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.writer[Symbol.dispose]();
    await this.origin.close();
  }

  async #attempt<T>(what: "read" | "written", run: () => Promise<T>): Promise<T> {
    for (const delayMs of [...RETRY_DELAYS_MS, undefined]) {
      try {
        return await run();
      } catch (error) {
        const isFinal = delayMs === undefined || !(error instanceof MusicFsError);
        if (isFinal || !error.retryable) throw failure(what, error);
        await sleep(this.clock, delayMs);
      }
    }
    throw new OwnError("internal", "there are no tries");
  }
}

async function readObject(origin: Origin, path: BytePath): Promise<Uint8Array> {
  const version = await origin.stat(path);
  const bytes = new Uint8Array(version.sizeBytes);
  const read = await origin.read(path, 0, bytes, { version });
  return bytes.subarray(0, read);
}

/** All objects in one listing; where the server cannot do that, directory by directory. */
async function storedIn(origin: Origin): Promise<readonly StoredObject[]> {
  const found: StoredObject[] = [];
  const take = (directory: BytePath, entries: readonly DirEntry[]) => {
    for (const { name, kind, sizeBytes, mtimeSec: writtenSec, token } of entries) {
      const text = textOf(joinPath(directory, name)) ?? "";
      if (kind !== "file" || !isIndexName(text)) continue;
      found.push({ name: text, sizeBytes, writtenSec, token });
    }
  };
  let isWhole = false;
  for await (const pages of origin.listTree?.() ?? []) {
    for (const { directory, entries, last } of pages) {
      take(directory, entries);
      if (directory === ROOT_PATH && last) isWhole = true;
    }
  }
  if (isWhole) return found;
  found.length = 0;
  const directories: BytePath[] = [ROOT_PATH];
  for (const directory of directories) {
    for await (const entries of origin.list(directory)) {
      take(directory, entries);
      for (const { name, kind } of entries) {
        if (kind === "directory") directories.push(joinPath(directory, name));
      }
    }
  }
  return found;
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof MusicFsError && error.code === code;
}

function failure(what: "read" | "written", error: unknown): unknown {
  if (!(error instanceof MusicFsError)) return error;
  const reason = `the index cannot be ${what}: ${messageOf(error)}`;
  return new OwnError("manifest", reason, { cause: error });
}
