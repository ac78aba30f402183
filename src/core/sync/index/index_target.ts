/** Where an index is published: in a directory, or in a bucket beside those of the origins. */

import type { Clock } from "../../clock.ts";
import type { OriginSettings } from "../../config/config.ts";
import { OwnError } from "../../errors.ts";
import { IndexBucket } from "./index_bucket.ts";
import { IndexDirectory } from "./index_directory.ts";
import type { IndexTarget } from "./index_store.ts";
import { type BucketPlace, bucketPlace, bucketSettings, indexDirectory } from "./origin_index.ts";

/** A target that is open until it is disposed. */
export interface OpenTarget extends AsyncDisposable {
  readonly target: IndexTarget;
}

/**
 * The place for an index of `origin`. A bucket is reached with endpoint and credentials of the S3 origin
 * whose `index` it is, else of one in that bucket, also of a disabled one; else as the SDK finds them.
 * Rejects with OwnError `usage` for what is neither an absolute path nor `s3://BUCKET/PREFIX`.
 */
export async function openIndexTarget(
  place: string,
  origin: OriginSettings,
  origins: readonly OriginSettings[],
  clock: Clock,
): Promise<OpenTarget> {
  const bucket = bucketPlace(place);
  if (bucket !== undefined) {
    const lender = lenderOf(bucket, origins) ?? origin;
    const target = await IndexBucket.open(bucketSettings(lender, bucket), clock);
    return { target, [Symbol.asyncDispose]: () => target[Symbol.asyncDispose]() };
  }
  const directory = indexDirectory(place);
  if (directory === undefined) throw new OwnError("usage", `"${place}" is no absolute path`);
  const target = new IndexDirectory(directory);
  return { target, [Symbol.asyncDispose]: () => Promise.resolve() };
}

function lenderOf(
  place: BucketPlace,
  origins: readonly OriginSettings[],
): OriginSettings | undefined {
  const buckets = origins.filter((each) => each.originType === "s3");
  const isIndexOf = ({ index }: OriginSettings) =>
    index !== undefined && Bun.deepEquals(bucketPlace(index), place);
  return buckets.find(isIndexOf) ?? buckets.find(({ bucket }) => bucket === place.bucket);
}
