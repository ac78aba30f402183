/** An S3 origin over a server of the test's own making; both end with the scope. */

import { secret } from "../../scripts/secrets.ts";
import type { S3OriginSettings } from "../../src/core/config/config.ts";
import { MusicFsError } from "../../src/core/errors.ts";
import { openS3Origin, type S3Origin, type S3Ports } from "../../src/core/origins/s3/origin.ts";
import { credentialsOf, s3Settings } from "./buckets.ts";
import { type Answer, RawHttpServer } from "./raw_http.ts";

export interface RawBucket extends AsyncDisposable {
  readonly server: RawHttpServer;
  readonly origin: S3Origin;
}

/** What `rawBucket` signs with; no output may ever show the secret. */
export const RAW_KEYS = { accessKeyId: "AKRAW", secretAccessKey: secret("raw") };

export async function rawBucket(
  answer: Answer,
  settings: Partial<S3OriginSettings> = {},
  ports: S3Ports = {},
): Promise<RawBucket> {
  const server = await RawHttpServer.start(answer);
  const whole = s3Settings({ endpoint: server.endpoint, ...settings });
  const origin = openS3Origin(whole, { credentials: credentialsOf(RAW_KEYS), ...ports });
  return {
    server,
    origin,
    async [Symbol.asyncDispose]() {
      await origin.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** What a promise rejects with; anything not thrown on purpose fails the test. */
export async function failureOf(promise: Promise<unknown>): Promise<MusicFsError> {
  const outcome = await promise.then(
    () => new Error("it did not fail"),
    (error: unknown) => error,
  );
  if (!(outcome instanceof MusicFsError)) throw outcome;
  return outcome;
}

export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await failureOf(promise)).code;
}
