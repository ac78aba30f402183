/** Checksums that S3 keeps, told by HEAD. */

import type { HeadObjectCommandOutput } from "@aws-sdk/client-s3";
import { S3_PART_GUESSES } from "../../limits.ts";
import type { ContentProof } from "../origin.ts";
import { tokenOf } from "./attributes.ts";

/** Ends the names of directory buckets (S3 Express One Zone). */
const DIRECTORY_BUCKET_SUFFIX = "--x-s3";

const MIB = 1024 * 1024;
/** Lengths of parts that programs upload in by default, or are told to, in MiB. */
const USUAL_PARTS_MIB = [
  8, 5, 16, 15, 10, 64, 25, 100, 128, 32, 50, 20, 12, 6, 7, 40, 48, 80, 200, 256, 512, 1024,
] as const;

/** Of the object as a whole; undefined where none is kept. */
export function wholeProof(
  head: HeadObjectCommandOutput,
  bucket: string,
): ContentProof | undefined {
  const sha256 = sha256Of(head);
  if (sha256 !== undefined) return { kind: "sha256", hex: sha256 };
  const etag = meaningfulTag(head, bucket);
  return etag !== undefined && /^[0-9a-f]{32}$/.test(etag) ? { kind: "md5", hex: etag } : undefined;
}

export interface UploadedParts {
  /** MD5 of the MD5s of the parts. */
  readonly hex: string;
  readonly count: number;
}

/** Of an object uploaded in parts; undefined for any other. */
export function partsOf(head: HeadObjectCommandOutput, bucket: string): UploadedParts | undefined {
  const found = /^([0-9a-f]{32})-([1-9]\d{0,4})$/.exec(meaningfulTag(head, bucket) ?? "");
  const [, hex, count] = found ?? [];
  return hex === undefined ? undefined : { hex, count: Number(count) };
}

/**
 * What the parts prove, with the lengths that they may have: what the server says of the first, and
 * usual ones. What does not come to their number is not tried.
 */
export function partsProof(
  { hex, count }: UploadedParts,
  sizeBytes: number,
  firstPartBytes: number | undefined,
): ContentProof | undefined {
  const usual = USUAL_PARTS_MIB.map((mib) => mib * MIB);
  const even = Math.ceil(sizeBytes / count / MIB) * MIB;
  const lengths = [firstPartBytes ?? 0, ...usual, even, sizeBytes];
  const possible = lengths.filter(
    (partBytes) => partBytes > 0 && Math.ceil(sizeBytes / partBytes) === count,
  );
  const partBytes = [...new Set(possible)].slice(0, S3_PART_GUESSES);
  return partBytes.length === 0 ? undefined : { kind: "parts", hex, partBytes };
}

/**
 * The ETag is made of MD5 unless the object is encrypted with a key of KMS or of the customer's, or
 * lies in a directory bucket: there it only looks like it.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html
 */
function meaningfulTag(head: HeadObjectCommandOutput, bucket: string): string | undefined {
  const encrypted =
    head.ServerSideEncryption?.startsWith("aws:kms") === true ||
    head.SSECustomerAlgorithm !== undefined ||
    head.SSEKMSKeyId !== undefined;
  if (encrypted || bucket.endsWith(DIRECTORY_BUCKET_SUFFIX)) return undefined;
  return tokenOf(head.ETag);
}

/** Of a composite checksum, one over the parts' checksums, there is no use. */
function sha256Of({ ChecksumSHA256, ChecksumType }: HeadObjectCommandOutput): string | undefined {
  if (ChecksumSHA256 === undefined || ChecksumType === "COMPOSITE") return undefined;
  const bytes = Buffer.from(ChecksumSHA256, "base64");
  const exact = bytes.byteLength === 32 && bytes.toString("base64") === ChecksumSHA256;
  return exact ? bytes.toString("hex") : undefined;
}
