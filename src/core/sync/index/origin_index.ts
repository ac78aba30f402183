/** Where the published index of an origin is read: in a directory, or in a bucket. */

import { homedir } from "node:os";
import { join } from "node:path";
import { ROOT_PATH } from "../../bytes.ts";
import type { OriginSettings, S3OriginSettings } from "../../config/config.ts";
import { OwnError } from "../../errors.ts";
import { openStandalone } from "../../origins/standalone.ts";
import { IndexOrigin } from "./index_bucket.ts";
import { IndexDirectory } from "./index_directory.ts";
import { PublishedIndex } from "./published_index.ts";

const S3_URL = /^s3:\/\/([^/]+)(?:\/(.*?))?\/*$/;

/** A bucket and a prefix of its keys, without slashes around it. */
export interface BucketPlace {
  readonly bucket: string;
  readonly prefix: string;
}

/** The place that `s3://BUCKET/PREFIX` names; undefined for what is no such URL. */
export function bucketPlace(place: string): BucketPlace | undefined {
  const [, bucket, prefix = ""] = S3_URL.exec(place) ?? [];
  return bucket === undefined ? undefined : { bucket, prefix: prefix.replace(/^\/+/, "") };
}

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
  const bucket = bucketPlace(place);
  if (bucket !== undefined) {
    const origin = await openStandalone(bucketSettings(settings, bucket));
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

/** How a bucket is reached: as the origin if it is one of S3, else as the SDK finds endpoint and keys. */
export function bucketSettings(
  settings: OriginSettings,
  { bucket, prefix: path }: BucketPlace,
): S3OriginSettings {
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
