/** One read: a ranged GET, pinned to its version, whose answer is checked before it is believed. */

import { Readable } from "node:stream";
import type { GetObjectCommandOutput } from "@aws-sdk/client-s3";
import { OriginError } from "../../errors.ts";
import type { OriginVersion } from "../origin.ts";
import { entityTag, tokenOf } from "./attributes.ts";
import { fill } from "./body.ts";
import { ObjectFault, S3Refusal } from "./errors.ts";
import { BadAnswer } from "./http_answer.ts";
import type { Caller, S3Session } from "./session.ts";

export interface Range {
  readonly offsetBytes: number;
  readonly into: Uint8Array;
  readonly version: OriginVersion | undefined;
  /** As in `ReadOptions`. */
  readonly onProgress: (() => void) | undefined;
}

/**
 * As `Origin.read`; throws beside the session's errors what a body fails with. The range is clamped
 * to the size of the version, and beyond that nothing is sent.
 */
export async function readRange(
  session: S3Session,
  key: string,
  { offsetBytes, into, version, onProgress }: Range,
  caller: Caller,
): Promise<number> {
  const left = (version?.sizeBytes ?? Number.POSITIVE_INFINITY) - offsetBytes;
  const wanted = Math.min(into.byteLength, left);
  if (wanted <= 0) return 0;
  const input = {
    Key: key,
    Range: `bytes=${offsetBytes}-${offsetBytes + wanted - 1}`,
    ...(version === undefined ? {} : { IfMatch: entityTag(version.token) }),
  };
  const output = await session.getObject(input, caller).catch((error: unknown) => {
    if (!isBeyondEnd(error)) throw error;
    if (version !== undefined) throw CHANGED;
    return undefined;
  });
  if (output === undefined) return 0;
  const { Body: body } = output;
  if (!(body instanceof Readable)) throw new BadAnswer("the server's answer has no body");
  try {
    const answer = describe(output);
    if (answer.offsetBytes !== offsetBytes) {
      throw new BadAnswer("the server answers with another part of the file");
    }
    if (version !== undefined && !isOf(output, answer, version)) throw CHANGED;
    const expected = Math.min(wanted, answer.sizeBytes - offsetBytes);
    const came = await fill(body, into.subarray(0, expected), caller.signal, onProgress);
    if (came < expected) {
      throw new ObjectFault("short_read", `ended after ${came} of ${expected} bytes`);
    }
    if (came > expected && answer.ranged) {
      throw new BadAnswer("the server sends more than was asked for");
    }
    return expected;
  } finally {
    if (!body.readableEnded) body.destroy();
  }
}

const CHANGED = new ObjectFault("version_changed", "has changed since it was listed");

/** 416: the object ends before the range begins. */
function isBeyondEnd(error: unknown): boolean {
  return (
    error instanceof OriginError && error.cause instanceof S3Refusal && error.cause.status === 416
  );
}

interface Described {
  /** 206, as opposed to the whole object from a server that does not know ranges. */
  readonly ranged: boolean;
  readonly offsetBytes: number;
  /** Of the whole object. */
  readonly sizeBytes: number;
}

function describe({ $metadata, ContentRange, ContentLength }: GetObjectCommandOutput): Described {
  if ($metadata.httpStatusCode === 200) {
    return { ranged: false, offsetBytes: 0, sizeBytes: ContentLength ?? 0 };
  }
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(ContentRange ?? "") ?? [];
  const described = { ranged: true, offsetBytes: Number(first), sizeBytes: Number(size) };
  const fits = described.offsetBytes <= Number(last) && Number(last) < described.sizeBytes;
  if (!fits) throw new BadAnswer("the server does not say which part of the file it sends");
  return described;
}

/** A server may know neither `If-Match` nor shame. */
function isOf(
  { ETag }: GetObjectCommandOutput,
  { sizeBytes }: Described,
  version: OriginVersion,
): boolean {
  return sizeBytes === version.sizeBytes && tokenOf(ETag) === version.token;
}
