/**
 * A bucket, or the part of it below a key prefix, on AWS or any server that speaks S3.
 *
 * A version's token is the ETag: reads are pinned to it by `If-Match`, and another sequence of
 * bytes never has the same one. There are no directories in a bucket; `listing.ts` says what shows
 * as one. A path is looked up as an object first. Opening connects to nothing; the first operation
 * does.
 */

import { type ByteName, type BytePath, displayPath, ROOT_PATH } from "../../bytes.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { S3OriginSettings } from "../../config/config.ts";
import { MusicFsError, OriginError } from "../../errors.ts";
import { S3_CONCURRENCY, S3_PAGE_KEYS } from "../../limits.ts";
import { throwIfAborted } from "../abort.ts";
import type { CredentialsProvider } from "../credentials.ts";
import type {
  ContentProof,
  DirEntry,
  FileStat,
  Origin,
  OriginCapabilities,
  OriginId,
  OriginVersion,
  ProbeResult,
  ReadOptions,
  TreePage,
} from "../origin.ts";
import type { UsageMeter } from "../usage.ts";
import { DIRECTORY, fileStat, tokenOf } from "./attributes.ts";
import { partsOf, partsProof, wholeProof } from "./checksum.ts";
import { ASK_FOR_RIGHTS, S3Refusal } from "./errors.ts";
import { BadAnswer } from "./http_answer.ts";
import { KeySpace } from "./keys.ts";
import { Listing, type SkippedListener } from "./listing.ts";
import { readRange } from "./range.ts";
import { type Caller, S3Session } from "./session.ts";
import { TreeListing } from "./tree_listing.ts";

export const S3_CAPABILITIES: OriginCapabilities = {
  byteNames: false,
  mtimePrecisionMs: 1000,
  maxConcurrency: S3_CONCURRENCY,
  strongTokens: true,
  onThisMachine: false,
  tellsProgress: true,
};

export interface S3Ports {
  readonly clock?: Clock;
  /** Default: the SDK's own chain (environment, profile, instance). */
  readonly credentials?: CredentialsProvider | undefined;
  /** Where requests and bytes are counted. Default: nowhere. */
  readonly meter?: UsageMeter | undefined;
  /** Told of keys that are left out of a listing. Default: nobody. */
  readonly onSkipped?: SkippedListener | undefined;
}

export class S3Origin implements Origin {
  readonly id: OriginId;
  readonly type = "s3";
  readonly capabilities = S3_CAPABILITIES;
  readonly #bucket: string;
  readonly #keys: KeySpace;
  readonly #session: S3Session;
  readonly #onSkipped: SkippedListener | undefined;

  constructor(settings: S3OriginSettings, ports: S3Ports) {
    this.id = settings.id;
    this.#bucket = settings.bucket;
    this.#keys = new KeySpace(settings.path);
    this.#onSkipped = ports.onSkipped;
    this.#session = new S3Session(settings, {
      clock: ports.clock ?? systemClock,
      credentials: ports.credentials,
      meter: ports.meter,
    });
  }

  async *list(
    directory: BytePath,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirEntry[], void, void> {
    const caller = { path: directory, signal };
    const prefix = this.#checked(this.#keys.prefixOf(directory), caller);
    const listing = new Listing(prefix, (name, reason) =>
      this.#onSkipped?.(directory, name as ByteName, reason),
    );
    do {
      const input = {
        Prefix: prefix,
        Delimiter: "/",
        MaxKeys: S3_PAGE_KEYS,
        ContinuationToken: listing.continuation,
      };
      const page = await this.#session.listObjects(input, caller);
      const entries = this.#understand(caller, () => listing.take(page));
      if (entries.length > 0) yield entries;
      throwIfAborted(signal);
    } while (listing.continuation !== undefined);
    if (!listing.exists && directory !== ROOT_PATH) throw await this.#notListed(caller);
  }

  async *listTree(signal?: AbortSignal): AsyncGenerator<readonly TreePage[], void, void> {
    const caller = { path: ROOT_PATH, signal };
    const prefix = this.#checked(this.#keys.prefixOf(ROOT_PATH), caller);
    const listing = new TreeListing(prefix, (...skipped) => this.#onSkipped?.(...skipped));
    do {
      const input = {
        Prefix: prefix,
        MaxKeys: S3_PAGE_KEYS,
        ContinuationToken: listing.continuation,
      };
      const page = await this.#session.listObjects(input, caller);
      const pages = this.#understand(caller, () => listing.take(page));
      // A directory bucket, or a server of its own mind.
      if (!listing.isUsable) return;
      yield pages;
      throwIfAborted(signal);
    } while (listing.continuation !== undefined);
  }

  async stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    const caller = { path, signal };
    if (path === ROOT_PATH) {
      await this.#hasKeys(ROOT_PATH, caller);
      return DIRECTORY;
    }
    try {
      const head = await this.#head(caller);
      return this.#understand(caller, () => {
        const { ContentLength: sizeBytes, ETag: etag, LastModified } = head;
        const stat = fileStat({ sizeBytes, etag, lastModifiedMs: LastModified?.getTime() });
        if (stat === undefined) throw new BadAnswer("the server does not tell its size and ETag");
        return stat;
      });
    } catch (error) {
      if (!hasCode(error, "not_found")) throw error;
      if (await this.#hasKeys(path, caller)) return DIRECTORY;
      throw error;
    }
  }

  async read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    { version, signal, onProgress }: ReadOptions = {},
  ): Promise<number> {
    const caller = { path, signal };
    const key = this.#checked(this.#keys.keyOf(path), caller);
    const range = { offsetBytes, into, version, onProgress };
    try {
      return await readRange(this.#session, key, range, caller);
    } catch (error) {
      const failure = this.#session.failure(error, caller);
      if (hasCode(failure, "not_found") && (await this.#hasKeys(path, caller))) {
        throw this.#error("is_a_directory", caller, "is a directory");
      }
      throw failure;
    }
  }

  /** HeadBucket; where that is refused, whether the prefix can be listed decides. */
  async probe(signal?: AbortSignal): Promise<ProbeResult> {
    const caller = { path: ROOT_PATH, signal };
    try {
      await this.#session.headBucket(caller);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#explain(caller);
    }
    return { status: "ok" };
  }

  async proof(
    path: BytePath,
    version: OriginVersion,
    signal?: AbortSignal,
  ): Promise<ContentProof | undefined> {
    const caller = { path, signal };
    const head = await this.#head(caller);
    if (tokenOf(head.ETag) !== version.token || head.ContentLength !== version.sizeBytes) {
      throw this.#error("version_changed", caller, "was changed");
    }
    const whole = wholeProof(head, this.#bucket);
    if (whole !== undefined) return whole;
    const parts = partsOf(head, this.#bucket);
    if (parts === undefined) return undefined;
    const first = await this.#head(caller, 1).catch((error: unknown) => {
      // Servers that know no parts may refuse the question; lengths in use remain.
      if (isRefusal(error)) return undefined;
      throw error;
    });
    return partsProof(parts, version.sizeBytes, first?.ContentLength);
  }

  /** After a change of network: what was connected may lead nowhere any more. */
  dropConnections(): void {
    this.#session.dropConnections();
  }

  close(): Promise<void> {
    this.#session.close();
    return Promise.resolve();
  }

  async #head(caller: Caller, partNumber?: number) {
    const key = this.#checked(this.#keys.keyOf(caller.path), caller);
    try {
      const input = { Key: key, ChecksumMode: "ENABLED" as const, PartNumber: partNumber };
      return await this.#session.headObject(input, caller);
    } catch (error) {
      // An answer to HEAD has no body that could say why.
      if (isRefusal(error) && !hasCode(error, "not_found")) await this.#explain(caller);
      throw error;
    }
  }

  /** Throws what is wrong with the origin as a whole, if it is that. */
  async #explain(caller: Caller): Promise<void> {
    try {
      await this.#hasKeys(ROOT_PATH, { ...caller, path: ROOT_PATH });
    } catch (error) {
      if (!hasCode(error, "denied")) throw error;
      const message = `access to bucket ${this.#bucket} is denied; ${ASK_FOR_RIGHTS}`;
      throw this.#error("credentials", { path: ROOT_PATH }, message);
    }
  }

  /** Whether any key begins with the directory's prefix: a listing of one. */
  async #hasKeys(directory: BytePath, caller: Caller): Promise<boolean> {
    const prefix = this.#checked(this.#keys.prefixOf(directory), caller);
    const page = await this.#session.listObjects({ Prefix: prefix, MaxKeys: 1 }, caller);
    return this.#understand(caller, () => {
      const listing = new Listing(prefix, () => undefined);
      listing.take(page);
      return listing.exists;
    });
  }

  async #notListed(caller: Caller): Promise<Error> {
    try {
      await this.#head(caller);
      return this.#error("not_a_directory", caller, "is not a directory");
    } catch (error) {
      return this.#session.failure(error, caller);
    }
  }

  #checked(key: string | undefined, caller: Caller): string {
    throwIfAborted(caller.signal);
    if (key !== undefined) return key;
    if (caller.path === ROOT_PATH) throw this.#error("is_a_directory", caller, "is a directory");
    throw this.#error("bad_name", caller, "cannot be a key of the bucket");
  }

  #understand<T>(caller: Caller, take: () => T): T {
    try {
      return take();
    } catch (error) {
      throw this.#session.failure(error, caller);
    }
  }

  #error(code: OriginError["code"], { path }: Caller, message: string): OriginError {
    return new OriginError(code, this.id, displayPath(path), message);
  }
}

/** The origin; what is wrong with its settings or the server is told by its operations. */
export function openS3Origin(settings: S3OriginSettings, ports: S3Ports = {}): S3Origin {
  return new S3Origin(settings, ports);
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof MusicFsError && error.code === code;
}

/** The server said no, as opposed to being broken, overloaded or away. */
function isRefusal(error: unknown): boolean {
  if (!(error instanceof OriginError) || !(error.cause instanceof S3Refusal)) return false;
  return error.code !== "overloaded" && error.cause.status < 500;
}
