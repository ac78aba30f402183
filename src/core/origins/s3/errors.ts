/**
 * What goes wrong between us and an S3 server, and what a user can do about it. Nothing the server
 * wrote is repeated but an error code: its texts may hold anything, the session token we sent
 * included, and so may the SDK's error objects, which are therefore no `cause`.
 */

import { type BytePath, displayPath } from "../../bytes.ts";
import {
  MusicFsError,
  messageOf,
  OriginError,
  type OriginErrorCode,
  OwnError,
} from "../../errors.ts";
import { S3_MAX_PAUSE_MS } from "../../limits.ts";
import type { OriginId } from "../origin.ts";
import { BadAnswer } from "./http_answer.ts";

/** Of which request an error is told. */
export interface ErrorContext {
  readonly origin: OriginId;
  readonly path: BytePath;
  readonly bucket: string;
  /** As configured; undefined: AWS. */
  readonly endpoint: string | undefined;
  /** The one the request was signed for, where it is known. */
  readonly region: string | undefined;
  /** Wall clock, ms. */
  readonly nowMs: number;
  /** What to ask for where access is denied. Default {@link ASK_FOR_RIGHTS}. */
  readonly rights?: string;
}

/** The server's refusal, without any text of its own; the `cause` of the error told. */
export class S3Refusal extends Error {
  override readonly name = "S3Refusal";

  constructor(
    readonly status: number,
    /** S3's error code; `""` where the answer had none, as those to HEAD. */
    readonly code: string,
    /** What `Retry-After` asked for. */
    readonly retryAfterMs: number | undefined,
  ) {
    super(`the server answered ${status}${code === "" ? "" : ` ${code}`}`);
  }
}

/** Something is wrong with one object, as told by an answer that is no error in itself. */
export class ObjectFault extends Error {
  override readonly name = "ObjectFault";

  constructor(
    readonly code: OriginErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** Any failure of a request as the contract of `Origin` wants it. */
export function toOriginError(error: unknown, context: ErrorContext): MusicFsError {
  if (error instanceof MusicFsError) return error;
  const { origin, path } = context;
  const fail = (code: OriginErrorCode, message: string, cause?: unknown) =>
    new OriginError(code, origin, displayPath(path), message, { cause });
  const answer = answerOf(error);
  if (answer !== undefined) {
    const [code, message] = meaningOf(answer, context);
    const { status, name, retryAfter } = answer;
    return fail(code, message, new S3Refusal(status, name, waitMs(retryAfter, context.nowMs)));
  }
  if (error instanceof BadAnswer) return fail("protocol", error.message);
  if (error instanceof ObjectFault) return fail(error.code, error.message);
  const [code, message] = withoutAnswer(error, context);
  return code === "internal"
    ? new OwnError(code, `origin ${origin}: ${message}`, { cause: error })
    : fail(code, message);
}

interface Answer {
  readonly status: number;
  readonly name: string;
  readonly message: string;
  /** Where the right region and the server's time may be told, most trusted first. */
  readonly regions: readonly unknown[];
  readonly serverTimes: readonly unknown[];
  readonly retryAfter: string | undefined;
}

function answerOf(error: unknown): Answer | undefined {
  const { name, message, $metadata, $response, Region, ServerTime } = record(error);
  const { httpStatusCode, statusCode } = { ...record($metadata), ...record($response) };
  const status = httpStatusCode ?? statusCode;
  if (typeof status !== "number" || status < 300) return undefined;
  const { headers } = record($response);
  const { date, "retry-after": retryAfter, "x-amz-bucket-region": bucketRegion } = record(headers);
  return {
    status,
    name: codeName(name),
    message: String(message),
    regions: [bucketRegion, Region],
    serverTimes: [ServerTime, date],
    retryAfter: typeof retryAfter === "string" ? retryAfter : undefined,
  };
}

/** The code where it looks like one; the SDK's names for "none" count as none. */
function codeName(name: unknown): string {
  if (typeof name !== "string" || !/^[A-Za-z][A-Za-z0-9.]{1,63}$/.test(name)) return "";
  return ["Unknown", "UnknownError", "Error", "NotFound"].includes(name) ? "" : name;
}

type Meaning = readonly [OriginErrorCode, string];

const REFUSED: Meaning = [
  "credentials",
  "the server does not accept the credentials; check access key and secret",
];
const ENDED: Meaning = [
  "credentials",
  "the credentials have expired; renew the session or log in again",
];
const OVERLOADED: Meaning = ["overloaded", "the server asks for fewer requests"];
const CLOSED: Meaning = ["credentials", "the account is closed, suspended or not set up for S3"];

const MEANINGS: Readonly<Record<string, Meaning>> = {
  NoSuchKey: ["not_found", "does not exist in the bucket"],
  PreconditionFailed: ["version_changed", "has changed since it was listed"],
  ConditionalRequestConflict: ["version_changed", "is being written by somebody else"],
  InvalidObjectState: [
    "archived",
    "is archived and must be restored first (aws s3api restore-object)",
  ],
  KeyTooLongError: ["bad_name", "is longer than a key may be (1024 bytes)"],
  InvalidAccessKeyId: REFUSED,
  SignatureDoesNotMatch: REFUSED,
  InvalidSecurity: REFUSED,
  InvalidToken: REFUSED,
  AuthFailure: REFUSED,
  ExpiredToken: ENDED,
  TokenRefreshRequired: ENDED,
  AllAccessDisabled: CLOSED,
  AccountProblem: CLOSED,
  NotSignedUp: CLOSED,
  SlowDown: OVERLOADED,
  ServiceUnavailable: OVERLOADED,
  TooManyRequests: OVERLOADED,
  RequestLimitExceeded: OVERLOADED,
  Throttling: OVERLOADED,
  ThrottlingException: OVERLOADED,
  RequestTimeout: ["timeout", "the server waited too long for our request"],
};

function meaningOf(answer: Answer, context: ErrorContext): Meaning {
  const { status, name, message } = answer;
  const { bucket } = context;
  const known = Object.hasOwn(MEANINGS, name) ? MEANINGS[name] : undefined;
  if (known !== undefined) return known;
  if (/requester[ -]?pays/i.test(message)) {
    return ["misconfigured", `bucket ${bucket} makes requesters pay; ${ASK_OWNER}`];
  }
  switch (name) {
    case "NoSuchBucket":
    case "InvalidBucketName":
    case "NoSuchAccessPoint":
      return ["misconfigured", `bucket ${bucket} does not exist${at(context)}; check "bucket"`];
    case "RequestTimeTooSkewed":
    case "RequestInTheFuture":
      return ["credentials", clockMessage(answer, context)];
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "IllegalLocationConstraintException":
    case "AuthorizationHeaderMalformed":
      return ["misconfigured", regionMessage(answer, context)];
  }
  if (name.startsWith("KMS.")) return ["denied", "the key that encrypts it cannot be used"];
  return byStatus(status, answer, context);
}

function byStatus(status: number, answer: Answer, context: ErrorContext): Meaning {
  const told = `the server answered ${status}${answer.name === "" ? "" : ` ${answer.name}`}`;
  switch (status) {
    case 301:
    case 307:
    case 308:
      return ["misconfigured", regionMessage(answer, context)];
    case 401:
    case 403:
      return ["denied", `the server denies access to it; ${context.rights ?? ASK_FOR_RIGHTS}`];
    case 404:
      return ["not_found", "does not exist in the bucket"];
    case 408:
      return ["timeout", "the server waited too long for our request"];
    case 412:
      return ["version_changed", "has changed since it was listed"];
    case 416:
      return ["io", "is shorter than what was asked of it"];
    case 429:
    case 503:
      return OVERLOADED;
  }
  return ["protocol", status < 500 ? `${told}; is this an S3 endpoint?` : told];
}

/** What is missing where access is denied. */
export const ASK_FOR_RIGHTS =
  "the credentials need s3:ListBucket and s3:GetObject, and the bucket must not make requesters pay";
const ASK_OWNER = "MusicFS does not agree to that: ask its owner for another way";

function at({ endpoint }: ErrorContext): string {
  return endpoint === undefined ? "" : ` at ${endpoint}`;
}

function regionMessage({ regions }: Answer, { region, bucket }: ErrorContext): string {
  const told = regions.find(
    (value) => typeof value === "string" && /^[a-z0-9-]{2,32}$/.test(value),
  );
  const wrong = region === undefined ? "" : `, not in ${region}`;
  return told === undefined
    ? `bucket ${bucket} is in another region or at another endpoint; check both, and the access key`
    : `bucket ${bucket} is in region ${told}${wrong}; set region = "${told}"`;
}

function clockMessage({ serverTimes }: Answer, { nowMs }: ErrorContext): string {
  const serverMs = serverTimes
    .map((time) => Date.parse(String(time)))
    .find((time) => !Number.isNaN(time));
  const advice = "set it right (timedatectl set-ntp true)";
  if (serverMs === undefined) return `this machine's clock is wrong; ${advice}`;
  const seconds = Math.round(Math.abs(nowMs - serverMs) / 1000);
  const minutes = Math.round(seconds / 60);
  const amount =
    seconds < 120
      ? `${seconds} s`
      : minutes < 120
        ? `${minutes} min`
        : `${Math.round(minutes / 60)} h`;
  const direction = nowMs > serverMs ? "ahead of" : "behind";
  return `this machine's clock is ${amount} ${direction} the server's; ${advice}`;
}

const NETWORK: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the server refuses connections; is it running, and the endpoint right?",
  ECONNRESET: "the server closed the connection",
  EPIPE: "the server closed the connection",
  ETIMEDOUT: "the server does not answer",
  EHOSTUNREACH: "the server cannot be reached from here",
  ENETUNREACH: "the network of the server cannot be reached from here",
  EHOSTDOWN: "the server is down",
  ENETDOWN: "the network is down",
  ENOTFOUND: "the server's name is unknown; check the endpoint",
  EAI_AGAIN: "the server's name cannot be looked up now",
};

const TLS =
  /^(ERR_TLS_|ERR_SSL_|UNABLE_TO_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_MISMATCH|EPROTO)/;

/** No answer came, or none that could be understood. */
function withoutAnswer(
  error: unknown,
  context: ErrorContext,
): readonly [OriginErrorCode | "internal", string] {
  const { name, code } = record(error);
  const text = String(code ?? "");
  const network = Object.hasOwn(NETWORK, text) ? NETWORK[text] : undefined;
  if (network !== undefined) return ["connection", `${network}${at(context)}`];
  if (TLS.test(text)) {
    const advice = "name your own authority in NODE_EXTRA_CA_CERTS, or check the endpoint";
    return ["connection", `no trusted TLS connection (${text}); ${advice}`];
  }
  if (/^(Credentials|Token)ProviderError$/.test(String(name))) {
    return ["credentials", credentialsMessage(messageOf(error))];
  }
  const message = messageOf(error);
  if (/^region is missing/i.test(message)) {
    return ["misconfigured", 'no region is known; set region = "…" or use a profile that has one'];
  }
  if (/\bXML\b|deserializ|Deserializ/.test(message) || error instanceof RangeError) {
    return ["protocol", "the server's answer is not S3's XML; is this an S3 endpoint?"];
  }
  if (/socket hang up|connection closed|aborted/.test(message)) {
    return ["connection", "the server closed the connection"];
  }
  return ["internal", message];
}

/** What the SDK's chain says, but for what a command printed. */
function credentialsMessage(message: string): string {
  const shown = /^[\x20-\x7e]{1,300}$/.test(message) && !message.startsWith("Command failed");
  const advice = "set [origins.credentials] or a profile, or log in again";
  return `no usable credentials${shown ? ` (${message})` : ""}; ${advice}`;
}

/** `Retry-After`: seconds or a date; undefined when absent or neither. */
function waitMs(retryAfter: string | undefined, nowMs: number): number | undefined {
  if (retryAfter === undefined) return undefined;
  const ms = /^\d+$/.test(retryAfter) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), S3_MAX_PAUSE_MS);
}

/** A foreign object's fields, each to be checked; none for what is no object. */
function record(value: unknown): { readonly [Field in ForeignField]?: unknown } {
  return Object(value);
}

type ForeignField =
  | ("name" | "message" | "code" | "Region" | "ServerTime" | "$metadata" | "$response")
  | ("httpStatusCode" | "statusCode" | "headers")
  | ("date" | "retry-after" | "x-amz-bucket-region");
