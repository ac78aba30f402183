/** Checksums that S3 keeps, told by HEAD. */

import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import type { ChecksumKind } from "../origin.ts";
import { tokenOf } from "./attributes.ts";

/** Ends the names of directory buckets (S3 Express One Zone). */
const DIRECTORY_BUCKET_SUFFIX = "--x-s3";

/** Lower-case hex of the whole object; undefined where none of this kind is kept. */
export function checksumOf(
  head: HeadObjectCommandOutput,
  kind: ChecksumKind,
  bucket: string,
): string | undefined {
  return kind === "md5" ? md5Of(head, bucket) : sha256Of(head);
}

/**
 * The ETag of an object uploaded in one part is its MD5, unless it is encrypted with a key of KMS or
 * of the customer's, or lies in a directory bucket: there it only looks like one.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 */
function md5Of(head: HeadObjectCommandOutput, bucket: string): string | undefined {
  const encrypted =
    head.ServerSideEncryption?.startsWith("aws:kms") === true ||
    head.SSECustomerAlgorithm !== undefined ||
    head.SSEKMSKeyId !== undefined;
  if (encrypted || bucket.endsWith(DIRECTORY_BUCKET_SUFFIX)) return undefined;
  const etag = tokenOf(head.ETag);
  return /^[0-9a-f]{32}$/.test(etag) ? etag : undefined;
}

/** Of a composite checksum, one over the parts' checksums, there is no use. */
function sha256Of({ ChecksumSHA256, ChecksumType }: HeadObjectCommandOutput): string | undefined {
  if (ChecksumSHA256 === undefined || ChecksumType === "COMPOSITE") return undefined;
  const bytes = Buffer.from(ChecksumSHA256, "base64");
  const exact = bytes.byteLength === 32 && bytes.toString("base64") === ChecksumSHA256;
  return exact ? bytes.toString("hex") : undefined;
}
