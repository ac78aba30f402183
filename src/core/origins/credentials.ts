/**
 * The secrets of one origin: asked of their source once, kept until they end or the server refuses
 * them, and then asked for again, so that a rotated key needs no restart.
 */

import { type Clock, systemClock } from "../clock.ts";
import type { CredentialsSource } from "../config/config.ts";
import { OriginError } from "../errors.ts";
import { CREDENTIALS_RETRY_MS } from "../limits.ts";
import { untilAborted } from "./abort.ts";
import { fromCommand } from "./credentials/command.ts";
import { type Credentials, UnusableCredentials } from "./credentials/credentials.ts";
import { fromEnvironment } from "./credentials/environment.ts";
import { fromFile } from "./credentials/file.ts";
import type { OriginId } from "./origin.ts";

export type { Credentials } from "./credentials/credentials.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface CredentialsPorts {
  /** Default: this process's. */
  readonly env?: Environment;
  readonly clock?: Clock;
}

export class CredentialsProvider {
  readonly #origin: OriginId;
  readonly #source: CredentialsSource;
  readonly #env: Environment;
  readonly #clock: Clock;
  #current: Promise<Credentials> | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  #stale = false;

  constructor(origin: OriginId, source: CredentialsSource, ports: CredentialsPorts = {}) {
    this.#origin = origin;
    this.#source = source;
    this.#env = ports.env ?? process.env;
    this.#clock = ports.clock ?? systemClock;
  }

  /**
   * What the source gives. Asked once for all who wait, and again for what ended, was
   * {@link refused}, or could not be had; the latter two at most once a minute.
   * @throws OriginError `credentials` where the source gives nothing usable
   */
  async get(signal?: AbortSignal): Promise<Credentials> {
    let asked = this.#current ?? this.#ask();
    if (this.#stale && this.#mayAsk()) asked = this.#ask();
    const { expiresAtMs = Number.POSITIVE_INFINITY } = await untilAborted(asked, signal);
    const ended = this.#clock.wallMs() >= expiresAtMs;
    if (ended && asked === this.#current && this.#mayAsk()) this.#ask();
    return await untilAborted(this.#current ?? asked, signal);
  }

  /** The server did not accept what {@link get} gave. */
  refused(): void {
    this.#stale = true;
  }

  #mayAsk(): boolean {
    return this.#clock.monotonicMs() - this.#askedMs >= CREDENTIALS_RETRY_MS;
  }

  #ask(): Promise<Credentials> {
    this.#askedMs = this.#clock.monotonicMs();
    this.#stale = false;
    const asked = this.#resolve().catch((error: unknown) => {
      this.#stale = true;
      throw this.#unusable(error);
    });
    this.#current = asked;
    return asked;
  }

  #resolve(): Promise<Credentials> {
    const source = this.#source;
    const { CREDENTIALS_DIRECTORY } = this.#env;
    switch (source.from) {
      case "env":
        return Promise.resolve().then(() => fromEnvironment(source.prefix, this.#env));
      case "file":
        return fromFile(source.path, CREDENTIALS_DIRECTORY);
      case "command":
        return fromCommand(source.command, this.#clock);
    }
  }

  #unusable(error: unknown): unknown {
    if (!(error instanceof UnusableCredentials)) return error;
    return new OriginError("credentials", this.#origin, "", error.message, { cause: error });
  }
}
