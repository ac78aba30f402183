/** The second choice: a bucket. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { type S3Server, startS3 } from "../servers/index.ts";
import { filesBelow } from "./files.ts";
import type { DemoOrigin } from "./origin.ts";

const BUCKET = "music";

/** OpenStack Swift with its S3 API and its data below `root`; every file of the directory `files` is an object. */
export async function startS3Cloud(files: string, root: string): Promise<DemoOrigin> {
  await using starting = new AsyncDisposableStack();
  const s3 = starting.use(await startS3({ root }));
  await upload(s3, files);
  const cleanUp = starting.move();
  return {
    what: "OpenStack Swift, over S3",
    flags: [
      ...["--type", "s3", "--endpoint", s3.endpoint, "--region", s3.region, "--bucket", BUCKET],
      ...["--credentials-env", "CLOUD"],
    ],
    env: {
      CLOUD_ACCESS_KEY_ID: s3.owner.accessKeyId,
      CLOUD_SECRET_ACCESS_KEY: s3.owner.secretAccessKey,
    },
    [Symbol.asyncDispose]: () => cleanUp.disposeAsync(),
  };
}

async function upload(s3: S3Server, files: string): Promise<void> {
  const client = s3.client();
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    for (const Key of await filesBelow(files)) {
      const Body = readFileSync(join(files, Key));
      await client.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    }
  } finally {
    client.destroy();
  }
}
