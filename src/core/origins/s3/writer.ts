/**
 * Objects written and removed below a bucket's prefix: for what MusicFS publishes. No origin is ever
 * written to, so this is none.
 */

import type { BytePath } from "../../bytes.ts";
import { displayPath } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import type { S3OriginSettings } from "../../config/config.ts";
import { OriginError } from "../../errors.ts";
import type { CredentialsProvider } from "../credentials.ts";
import type { VersionToken } from "../origin.ts";
import { entityTag } from "./attributes.ts";
import { S3Refusal } from "./errors.ts";
import { KeySpace } from "./keys.ts";
import { type Caller, S3Session } from "./session.ts";

/** What the object has to be for another one to take its place: of this version, or not there. */
export type WriteCondition = { readonly version: VersionToken | undefined };

export interface S3WriterPorts {
  readonly clock: Clock;
  /** Undefined: the SDK's own chain (environment, profile, instance). */
  readonly credentials: CredentialsProvider | undefined;
}

/** What is missing where a write is denied. */
const RIGHTS = "the credentials need s3:PutObject, and s3:DeleteObject to remove what is old";

export class S3Writer implements Disposable {
  readonly #keys: KeySpace;
  readonly #session: S3Session;

  constructor(
    readonly settings: S3OriginSettings,
    readonly ports: S3WriterPorts,
  ) {
    this.#keys = new KeySpace(settings.path);
    this.#session = new S3Session(settings, { ...ports, meter: undefined });
  }

  /**
   * An object as a whole or not at all. Rejects with `version_changed` where the condition does not
   * hold; a server that knows no conditions writes without.
   */
  async put(path: BytePath, bytes: Uint8Array, condition?: WriteCondition): Promise<void> {
    const object = { Key: this.#keyOf(path), Body: bytes };
    const write = (headers: object) =>
      this.#within(path, (caller) => this.#session.putObject({ ...object, ...headers }, caller));
    try {
      await write(headersOf(condition));
    } catch (error) {
      if (condition === undefined || !isUnknown(error)) throw error;
      await write({});
    }
  }

  /** Also where it is not there. */
  async remove(path: BytePath): Promise<void> {
    const object = { Key: this.#keyOf(path) };
    await this.#within(path, (caller) => this.#session.deleteObject(object, caller));
  }

  [Symbol.dispose](): void {
    this.#session.close();
  }

  #keyOf(path: BytePath): string {
    const key = this.#keys.keyOf(path);
    if (key !== undefined) return key;
    throw this.#error("bad_name", path, "cannot be a key of the bucket");
  }

  /** Rejects with `timeout` for what takes longer than an operation of the origin may. */
  async #within<T>(path: BytePath, run: (caller: Caller) => Promise<T>): Promise<T> {
    const { operationTimeoutMs: limitMs } = this.settings;
    const controller = new AbortController();
    using _ = this.ports.clock.schedule(limitMs, () => controller.abort());
    const { signal } = controller;
    try {
      return await run({ path, signal, rights: RIGHTS });
    } catch (error) {
      if (!signal.aborted) throw error;
      throw this.#error("timeout", path, `was not written within ${limitMs} ms`);
    }
  }

  #error(code: OriginError["code"], path: BytePath, message: string): OriginError {
    return new OriginError(code, this.settings.id, displayPath(path), message);
  }
}

function headersOf(condition: WriteCondition | undefined) {
  if (condition === undefined) return {};
  const { version } = condition;
  return version === undefined ? { IfNoneMatch: "*" } : { IfMatch: entityTag(version) };
}

/** The server says that it does not know what was asked of it. */
function isUnknown(error: unknown): boolean {
  return (
    error instanceof OriginError && error.cause instanceof S3Refusal && error.cause.status === 501
  );
}
