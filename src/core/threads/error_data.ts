/** Errors between threads: structured clone keeps neither their class nor their fields. */

import {
  type ErrorCode,
  MusicFsError,
  ORIGIN_ERRORS,
  OriginError,
  type OriginErrorCode,
  OWN_ERRORS,
  OwnError,
  type OwnErrorCode,
} from "../errors.ts";

export interface ErrorData {
  readonly message: string;
  readonly stack?: string;
  /** Of a MusicFsError; absent for a bug. */
  readonly code?: ErrorCode;
  /** Of an OriginError. */
  readonly originId?: string;
  readonly path?: string;
  readonly cause?: ErrorData;
}

/** The error as plain data; causes up to this many deep. */
const MAX_CAUSES = 8;

export function errorToData(error: unknown, depth = MAX_CAUSES): ErrorData {
  if (!(error instanceof Error)) return { message: String(error) };
  return {
    message: error.message,
    ...(error.stack === undefined ? {} : { stack: error.stack }),
    ...(error instanceof MusicFsError ? { code: error.code } : {}),
    ...(error instanceof OriginError ? { originId: error.originId, path: error.path } : {}),
    ...(error.cause === undefined || depth === 0
      ? {}
      : { cause: errorToData(error.cause, depth - 1) }),
  };
}

/** An error of the same class with the same fields, message and causes. */
export function errorFromData(data: ErrorData): Error {
  const error = rebuilt(data);
  // OriginError puts origin and path before the message it is given; it has them already.
  Object.defineProperty(error, "message", { value: data.message });
  if (data.stack !== undefined) Object.defineProperty(error, "stack", { value: data.stack });
  return error;
}

function rebuilt({ code, message, originId, path, cause }: ErrorData): Error {
  const options = cause === undefined ? {} : { cause: errorFromData(cause) };
  if (code === undefined) return new Error(message, options);
  if (isOriginCode(code)) {
    return new OriginError(code, originId ?? "", path ?? "", message, options);
  }
  return isOwnCode(code) ? new OwnError(code, message, options) : new Error(message, options);
}

function isOriginCode(code: ErrorCode): code is OriginErrorCode {
  return Object.hasOwn(ORIGIN_ERRORS, code);
}

function isOwnCode(code: ErrorCode): code is OwnErrorCode {
  return Object.hasOwn(OWN_ERRORS, code);
}
