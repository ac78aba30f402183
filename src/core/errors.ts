/**
 * Errors are data: a literal `code`, the `scope` that says whose fault it is, whether a retry can
 * help, the fields a caller needs, and the `cause`. `vfs/errno.ts` maps every code to an errno in
 * one exhaustive switch.
 *
 * A message says what failed, on which origin and path, why, and what to do.
 */

/**
 * Whose failure it is. `origin`: counts against the origin's health (time-out, connection,
 * credentials, device gone). `object`: concerns one file (missing, denied, changed) and never
 * counts. `us`: neither (configuration, cancelled, no origin left).
 */
export type ErrorScope = "origin" | "object" | "us";

interface ErrorTraits {
  readonly scope: ErrorScope;
  /** Whether the same request to the same origin may succeed when repeated. */
  readonly retryable: boolean;
}

/** What can go wrong at an origin, with whose fault it is and whether repeating helps. */
export const ORIGIN_ERRORS = {
  timeout: { scope: "origin", retryable: true },
  connection: { scope: "origin", retryable: true },
  overloaded: { scope: "origin", retryable: true },
  credentials: { scope: "origin", retryable: false },
  host_key: { scope: "origin", retryable: false },
  misconfigured: { scope: "origin", retryable: false },
  device_gone: { scope: "origin", retryable: true },
  not_mounted: { scope: "origin", retryable: false },
  protocol: { scope: "origin", retryable: true },
  io: { scope: "object", retryable: true },
  short_read: { scope: "object", retryable: true },
  not_found: { scope: "object", retryable: false },
  denied: { scope: "object", retryable: false },
  version_changed: { scope: "object", retryable: false },
  archived: { scope: "object", retryable: false },
  not_a_directory: { scope: "object", retryable: false },
  is_a_directory: { scope: "object", retryable: false },
  not_a_file: { scope: "object", retryable: false },
  symlink_loop: { scope: "object", retryable: false },
  outside_root: { scope: "object", retryable: false },
  bad_name: { scope: "object", retryable: false },
} as const satisfies Record<string, ErrorTraits>;

/** What goes wrong on our side of the origins. */
export const OWN_ERRORS = {
  no_origin_available: { scope: "us", retryable: false },
  max_retries_exceeded: { scope: "us", retryable: false },
  deadline_exceeded: { scope: "us", retryable: false },
  cancelled: { scope: "us", retryable: false },
  replica_mismatch: { scope: "us", retryable: false },
  config: { scope: "us", retryable: false },
  usage: { scope: "us", retryable: false },
  mount: { scope: "us", retryable: false },
  catalog: { scope: "us", retryable: false },
  cache: { scope: "us", retryable: false },
  manifest: { scope: "us", retryable: false },
  busy: { scope: "us", retryable: false },
  unsupported: { scope: "us", retryable: false },
  internal: { scope: "us", retryable: false },
} as const satisfies Record<string, ErrorTraits>;

export type OriginErrorCode = keyof typeof ORIGIN_ERRORS;
export type OwnErrorCode = keyof typeof OWN_ERRORS;
export type ErrorCode = OriginErrorCode | OwnErrorCode;

/** Base of everything MusicFS throws on purpose; anything else that is thrown is a bug. */
export abstract class MusicFsError extends Error {
  abstract readonly code: ErrorCode;
  abstract readonly scope: ErrorScope;
  abstract readonly retryable: boolean;
}

/** A failed operation on one origin. `path` is already safe to print (see `displayPath`). */
export class OriginError extends MusicFsError {
  override readonly name = "OriginError";
  readonly scope: ErrorScope;
  readonly retryable: boolean;

  constructor(
    readonly code: OriginErrorCode,
    readonly originId: string,
    readonly path: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`origin ${originId}: ${path === "" ? "" : `${path}: `}${message}`, options);
    this.scope = ORIGIN_ERRORS[code].scope;
    this.retryable = ORIGIN_ERRORS[code].retryable;
  }
}

/** A failure that is not one origin's: configuration, mounting, routing, deadlines. */
export class OwnError extends MusicFsError {
  override readonly name = "MusicFsError";
  readonly scope: ErrorScope = "us";
  readonly retryable: boolean;

  constructor(
    readonly code: OwnErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.retryable = OWN_ERRORS[code].retryable;
  }
}

/** True for a failure that counts against the health of the origin it came from. */
export function isOriginFailure(error: unknown): boolean {
  return error instanceof MusicFsError && error.scope === "origin";
}

/** The message of anything that was thrown, for logs and for `cause` chains. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
