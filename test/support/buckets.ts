/** Buckets of a test server, each a fresh one, as origins and as the means to fill them. */

import {
  CreateBucketCommand,
  DeleteObjectCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import type { S3Server } from "../../scripts/servers/index.ts";
import { type BytePath, textOf } from "../../src/core/bytes.ts";
import type { S3OriginSettings } from "../../src/core/config/config.ts";
import { CredentialsProvider } from "../../src/core/origins/credentials.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { openS3Origin, type S3Ports } from "../../src/core/origins/s3/origin.ts";
import type { OriginFixture } from "../suites/origin.ts";

let made = 0;

/** Settings of an origin over a bucket, with every default filled in. */
export function s3Settings(settings: Partial<S3OriginSettings>): S3OriginSettings {
  return {
    id: "bucket" as OriginId,
    originType: "s3",
    priority: 100,
    enabled: true,
    prefix: "" as BytePath,
    exclude: [],
    operationTimeoutMs: 30_000,
    maxConcurrency: undefined,
    bandwidthLimitBytesPerSec: undefined,
    cache: true,
    pollIntervalSecs: 900,
    revalidateSecs: 60,
    index: undefined,
    indexTrust: false,
    credentials: undefined,
    bucket: "music",
    path: "",
    region: "us-east-1",
    endpoint: undefined,
    forcePathStyle: true,
    profile: undefined,
    ...settings,
  };
}

export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export function credentialsOf({ accessKeyId, secretAccessKey }: Keys): CredentialsProvider {
  const env = { T_ACCESS_KEY_ID: accessKeyId, T_SECRET_ACCESS_KEY: secretAccessKey };
  return new CredentialsProvider("bucket" as OriginId, { from: "env", prefix: "T" }, { env });
}

export interface Bucket extends OriginFixture {
  readonly name: string;
  readonly settings: S3OriginSettings;
  readonly client: S3Client;
  /** Puts an object under any key, also one that no file can have. */
  putKey(key: string, body: Uint8Array | string): Promise<void>;
}

export async function makeBucket(
  server: S3Server,
  settings: Partial<S3OriginSettings> = {},
  ports: S3Ports = {},
): Promise<Bucket> {
  const name = `bucket-${process.pid}-${++made}`;
  const client = server.client();
  await client.send(new CreateBucketCommand({ Bucket: name }));
  const whole = s3Settings({ bucket: name, endpoint: server.endpoint, ...settings });
  const origin = openS3Origin(whole, { credentials: credentialsOf(server.owner), ...ports });
  const keyOf = (path: BytePath) => {
    const below = textOf(path) ?? "";
    return whole.path === "" ? below : `${whole.path}/${below}`;
  };
  const putKey = async (key: string, body: Uint8Array | string) => {
    const Body = typeof body === "string" ? Buffer.from(body) : body;
    await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body }));
  };
  return {
    name,
    settings: whole,
    client,
    origin,
    putKey,
    put: (path, bytes) => putKey(keyOf(path), bytes),
    async remove(path) {
      await client.send(new DeleteObjectCommand({ Bucket: name, Key: keyOf(path) }));
    },
    makeDirectory: (path) => putKey(`${keyOf(path)}/`, ""),
    async [Symbol.asyncDispose]() {
      await origin.close();
      client.destroy();
    },
  };
}
