/** The servers behind the remote benchmarks, with the same files on each. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand } from "@aws-sdk/client-s3";
import { type S3Server, type Sshd, startS3, startSshd } from "../scripts/servers/index.ts";
import type { Scale } from "./scale.ts";
import { makeLargeFile, makeSmallFiles } from "./tree.ts";

export const BUCKET = "bench";
const SMALL = "small";
/** Uploads under way. */
const UPLOADS = 8;

export interface Servers {
  readonly sshd: Sshd;
  readonly s3: S3Server;
}

/** Starts both servers and puts `small/*` and `large` on them; they end with `cleanUp`. */
export async function startServers(
  scale: Scale,
  root: string,
  cleanUp: AsyncDisposableStack,
): Promise<Servers> {
  const place = { root: join(root, "servers") };
  const sshd = cleanUp.use(await startSshd({ root: join(place.root, "sshd") }));
  const s3 = cleanUp.use(await startS3({ root: join(place.root, "s3") }));
  makeSmallFiles(join(sshd.dataDir, SMALL), scale.remoteFiles);
  await makeLargeFile(join(sshd.dataDir, "large"), scale.remoteLargeFileBytes);
  await upload(s3, sshd.dataDir);
  return { sshd, s3 };
}

async function upload(s3: S3Server, directory: string): Promise<void> {
  const client = s3.client();
  try {
    await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
    const keys = [
      "large",
      ...readdirSync(join(directory, SMALL)).map((name) => `${SMALL}/${name}`),
    ];
    const put = async () => {
      for (let key = keys.shift(); key !== undefined; key = keys.shift()) {
        const Body = readFileSync(join(directory, key));
        await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body }));
      }
    };
    await Promise.all(Array.from({ length: UPLOADS }, put));
  } finally {
    client.destroy();
  }
}
