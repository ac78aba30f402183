/**
 * What goes wrong between us and an SFTP server, and what of it means at an origin. Text that comes
 * from the server is shown escaped and cut: it may hold anything.
 */

import { type BytePath, displayPath, displayText } from "../../bytes.ts";
import {
  MusicFsError,
  messageOf,
  OriginError,
  type OriginErrorCode,
  OwnError,
} from "../../errors.ts";
import type { OriginId } from "../origin.ts";
import { ProtocolViolation, Status } from "./packet.ts";

/** A connection that cannot be had or is lost. It takes everything under way on it with it. */
export class SftpFault extends Error {
  override readonly name = "SftpFault";

  constructor(
    readonly code: OriginErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The server refused one request; its connection is as good as before. */
export class StatusError extends Error {
  override readonly name = "StatusError";

  constructor(
    readonly status: number,
    serverText: string,
  ) {
    super(shownServerText(serverText) || `status ${status}`);
  }
}

/** What was asked for cannot be had, found by a check of ours. */
export class ObjectError extends Error {
  override readonly name = "ObjectError";

  constructor(
    readonly code: OriginErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** For promises whose failure concerns nobody any more: their caller has been answered. */
export const ignoreLateFailure = (): undefined => undefined;

const SHOWN_TEXT_CHARACTERS = 200;

/** Text of a server on one line, without anything that could drive a terminal. */
export function shownServerText(text: string): string {
  const cut = text.length > SHOWN_TEXT_CHARACTERS;
  const shown = displayText(text.slice(0, SHOWN_TEXT_CHARACTERS).trim());
  return cut ? `${shown}…` : shown;
}

/** True for an error with this SFTP status. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof StatusError && error.status === status;
}

const STATUS_CODES: ReadonlyMap<number, readonly [OriginErrorCode, string]> = new Map([
  [Status.eof, ["protocol", "the server says end of file where there is none"]],
  [Status.noSuchFile, ["not_found", "does not exist on the server"]],
  [
    Status.permissionDenied,
    ["denied", "the server denies access to it; check its permissions there"],
  ],
  [Status.failure, ["io", "the server failed to do it"]],
  [Status.badMessage, ["io", "the server does not accept the request"]],
  [Status.noConnection, ["connection", "the server lost its connection to the storage"]],
  [Status.connectionLost, ["connection", "the server lost its connection to the storage"]],
  [Status.opUnsupported, ["protocol", "the server does not support an operation that is needed"]],
]);

/** Any failure of this directory's code as the contract of `Origin` wants it. */
export function asOriginError(error: unknown, origin: OriginId, path: BytePath): MusicFsError {
  if (error instanceof MusicFsError) return error;
  const shown = displayPath(path);
  const fail = (code: OriginErrorCode, message: string) =>
    new OriginError(code, origin, shown, message, { cause: error });
  if (error instanceof SftpFault) {
    return new OriginError(error.code, origin, "", error.message, { cause: error });
  }
  if (error instanceof ObjectError) return fail(error.code, error.message);
  if (error instanceof ProtocolViolation) return fail("protocol", error.message);
  if (error instanceof StatusError) {
    const [code, meaning] = STATUS_CODES.get(error.status) ?? ["io", "the server failed to do it"];
    return fail(code, `${meaning} (${error.message})`);
  }
  return new OwnError("internal", `origin ${origin}: ${messageOf(error)}`, { cause: error });
}
