/** Retries come after exactly 100, 500 and 2000 ms, and all of them come (NFR-7.3). */

import type { Replica } from "../../src/core/catalog/catalog.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import { MusicFsError } from "../../src/core/errors.ts";
import { RETRY_DELAYS_MS } from "../../src/core/limits.ts";
import type { HealthWatch } from "./health_watch.ts";
import type { Life } from "./life.ts";
import type { Setup } from "./operations.ts";
import type { Violate } from "./promises.ts";
import type { Read } from "./read_log.ts";
import type { VersionsWatch } from "./versions_watch.ts";
import type { Watch } from "./watch.ts";

export interface RetryWatchPorts {
  readonly setup: Setup;
  readonly settings: readonly OriginSettings[];
  readonly versions: VersionsWatch;
  readonly health: HealthWatch;
  readonly changes: { readonly configured: number };
  readonly life: Life;
  readonly fail: Violate;
}

/** Failures that a retry may help, and that come without a wait. */
const AT_ONCE: readonly string[] = ["connection", "timeout", "io", "device_gone", "overloaded"];

/** With fewer operations at once, a try may have to wait for its turn. */
const ENOUGH_TURNS = 16;

/** Looks at reads of files of which there is one replica: nobody else's answers come in between. */
export class RetryWatch implements Watch {
  readonly #lone = new WeakMap<Read, Replica>();

  constructor(readonly ports: RetryWatchPorts) {}

  readSent(read: Read): void {
    const { versions, health } = this.ports;
    if (!read.alone || this.#isCached(read)) return;
    const [replica, ...others] = versions.replicas(read.handle.node.nodeid);
    if (replica === undefined || others.length > 0 || replica.match !== "proved") return;
    const settings = this.ports.settings.find(({ id }) => id === replica.origin);
    if ((settings?.maxConcurrency ?? 0) < ENOUGH_TURNS) return;
    const status = health.status(replica.origin);
    // An origin in bad health gets one trial, without delays (F-4).
    if (status !== undefined && status !== "unhealthy") this.#lone.set(read, replica);
  }

  /** The cache reads other ranges than were asked for, and some ahead. */
  #isCached({ handle }: Read): boolean {
    const { versions, life } = this.ports;
    const replicas = versions.replicas(handle.node.nodeid);
    return replicas.some(({ origin }) => life.assembly.isCached(origin));
  }

  /** True when the next retry would have come after the deadline. */
  #isCutShort({ tries, sentMs }: Read): boolean {
    const latestMs = tries.at(-1)?.startMs ?? 0;
    const nextMs = latestMs + (RETRY_DELAYS_MS[tries.length - 1] ?? 0);
    return nextMs >= sentMs + this.ports.setup.readDeadlineMs;
  }

  readAnswered(read: Read): void {
    const { changes, fail } = this.ports;
    const { tries, result, alone, configured, interrupted } = read;
    const lone = this.#lone.get(read);
    if (lone === undefined || !alone || interrupted || configured !== changes.configured) return;
    if (tries.length === 0 || result === undefined) return;
    const hasFailed = "errno" in result;
    for (const { origin, error, startMs, endMs } of hasFailed ? tries : tries.slice(0, -1)) {
      if (origin !== lone.origin || startMs !== endMs) return;
      if (!(error instanceof MusicFsError) || !AT_ONCE.includes(error.code)) return;
    }
    const gapsMs = tries.slice(1).map(({ startMs }, n) => startMs - (tries[n]?.startMs ?? 0));
    const expected: readonly number[] = RETRY_DELAYS_MS.slice(
      0,
      hasFailed && !this.#isCutShort(read) ? undefined : gapsMs.length,
    );
    if (gapsMs.length <= RETRY_DELAYS_MS.length && Bun.deepEquals(gapsMs, [...expected])) return;
    fail("delays of 100, 500, 2000 ms", `${read.handle.path}: tries after ${gapsMs.join(", ")} ms`);
  }
}
