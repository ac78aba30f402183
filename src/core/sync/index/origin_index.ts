/** Where the published index of an origin is read: in a directory, or in a bucket. */

import { homedir } from "node:os";
import { join } from "node:path";
import type { BytePath } from "../../bytes.ts";
import { pathFromText, ROOT_PATH } from "../../bytes.ts";
import type { OriginSettings, S3OriginSettings } from "../../config/config.ts";
import { MusicFsError, messageOf, OwnError } from "../../errors.ts";
import type { Origin } from "../../origins/origin.ts";
import { openStandalone } from "../../origins/standalone.ts";
import { IndexDirectory, type IndexSource } from "./index_store.ts";
import { PublishedIndex } from "./published_index.ts";

const S3_URL = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/;

/** An index that is open until it is disposed. */
export interface OpenIndex extends AsyncDisposable {
  readonly index: PublishedIndex;
  /** Whether an entry counts by size and mtime alone (`index_trust`). */
  readonly isTrusted: boolean;
}

/**
 * The index that the settings name; undefined for none. A bucket that is not the origin's own is
 * asked with the origin's endpoint and credentials if it is one of S3, else as the SDK finds them.
 * Rejects with OwnError `config` for what is neither a path nor `s3://`.
 */
export async function openOriginIndex(
  settings: OriginSettings | undefined,
): Promise<OpenIndex | undefined> {
  if (settings?.index === undefined) return undefined;
  const { index: place, indexTrust: isTrusted } = settings;
  const [, bucket, prefix = ""] = S3_URL.exec(place) ?? [];
  if (bucket !== undefined) {
    const origin = await openStandalone(bucketOf(settings, bucket, prefix));
    const index = new PublishedIndex(new IndexOrigin(origin));
    return { index, isTrusted, [Symbol.asyncDispose]: () => origin.close() };
  }
  const directory = indexDirectory(place);
  if (directory === undefined) {
    throw new OwnError(
      "config",
      `origin ${settings.id}: index: "${place}" is neither an absolute path nor s3://BUCKET/PREFIX`,
    );
  }
  const index = new PublishedIndex(new IndexDirectory(directory));
  return { index, isTrusted, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** The directory that a path names; undefined for what is no absolute path. */
export function indexDirectory(place: string): string | undefined {
  if (place.startsWith("~/")) return join(homedir(), place.slice(2));
  return place.startsWith("/") ? place : undefined;
}

/** Objects of a bucket, read as an origin's files are. */
class IndexOrigin implements IndexSource {
  constructor(readonly origin: Origin) {}

  async get(name: string): Promise<Uint8Array> {
    try {
      const path: BytePath = pathFromText(name);
      const version = await this.origin.stat(path);
      const bytes = new Uint8Array(version.sizeBytes);
      const read = await this.origin.read(path, 0, bytes, { version });
      return bytes.subarray(0, read);
    } catch (error) {
      if (!(error instanceof MusicFsError)) throw error;
      const reason = `the index cannot be read: ${messageOf(error)}`;
      throw new OwnError("manifest", reason, { cause: error });
    }
  }
}

function bucketOf(settings: OriginSettings, bucket: string, path: string): S3OriginSettings {
  if (settings.originType === "s3") return { ...settings, bucket, path };
  const { id, priority, operationTimeoutMs } = settings;
  return {
    ...{ id, originType: "s3", priority, operationTimeoutMs, bucket, path },
    ...{ enabled: true, prefix: ROOT_PATH, exclude: [], cache: false },
    ...{ maxConcurrency: undefined, bandwidthLimitBytesPerSec: undefined },
    ...{ pollIntervalSecs: 0, revalidateSecs: 0, index: undefined, indexTrust: false },
    ...{ credentials: undefined, region: undefined, endpoint: undefined },
    ...{ forcePathStyle: false, profile: undefined },
  };
}
