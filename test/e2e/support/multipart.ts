/** Objects uploaded in parts, whose ETag is no MD5 of theirs. */

import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";

const PART_BYTES = 8 * 1024 * 1024;

/** Parts of 8 MiB, but for the last one. */
export async function putInParts(
  client: S3Client,
  object: { readonly Bucket: string; readonly Key: string },
  content: Uint8Array,
): Promise<void> {
  const { UploadId } = await client.send(new CreateMultipartUploadCommand(object));
  const Parts: { ETag: string | undefined; PartNumber: number }[] = [];
  for (let at = 0; at < content.byteLength; at += PART_BYTES) {
    const PartNumber = Parts.length + 1;
    const Body = content.subarray(at, at + PART_BYTES);
    const { ETag } = await client.send(
      new UploadPartCommand({ ...object, UploadId, PartNumber, Body }),
    );
    Parts.push({ ETag, PartNumber });
  }
  const MultipartUpload = { Parts };
  await client.send(new CompleteMultipartUploadCommand({ ...object, UploadId, MultipartUpload }));
}
