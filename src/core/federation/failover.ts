/**
 * Reads with failover and retry (F-3, F-4, F-8, NFR-7.2, NFR-7.3).
 *
 * A read goes in rounds. In each round every usable replica is tried once in routing order; between
 * rounds the delays of RETRY_DELAYS_MS are slept, so that one origin gets up to four tries. What a
 * retry cannot help drops the replica for this read: *missing* goes on to the next, *broken* comes
 * back after the delay. Origins that were unhealthy when the read began come last, with one trial
 * read at a time each and without delays; if there are only such, a read that finds no trial free
 * ends at once.
 *
 * An origin that stays silent while another replica could serve is left waiting: its answer still
 * wins if it comes first, but the read goes on without it.
 *
 * Real traffic is health: answers are successes and latency samples; errors of the origin's scope
 * are failures, errors of one object never; an I/O error has the origin checked. What an `Origin`
 * object says that is not registered any more concerns nobody.
 */

import type { Replica } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { ReadSettings } from "../config/config.ts";
import { type ErrorCode, isOriginFailure, MusicFsError, messageOf } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { Origin } from "../origins/origin.ts";
import { ReadBuffers } from "../read_buffers.ts";
import { type Candidate, Candidates } from "./candidates.ts";
import { FailoverEvents } from "./failover_events.ts";
import { FailoverRead, type ReadPorts } from "./failover_read.ts";
import type { FederatedFile, FetchedBytes, ReadOutcome } from "./file.ts";
import type { HealthMonitor } from "./health.ts";
import { HedgeBudget } from "./hedge_budget.ts";
import type { ReadTry } from "./read_try.ts";
import type { OriginRegistry } from "./registry.ts";
import type { ReplicaJudge } from "./replicas.ts";
import type { Router } from "./router.ts";
import { SwitchRule } from "./switch_rule.ts";

/**
 * `readDeadlineMs` bounds a read, everything included. Without `hedge` a silent origin is left only
 * when an equal share of the time that remains is up.
 */
export type FailoverSettings = Pick<ReadSettings, "readDeadlineMs" | "hedge">;

export interface ReadLimits {
  /** Cancels the read. */
  readonly signal?: AbortSignal;
  /** Longest duration of this read, at most and by default `readDeadlineMs`. */
  readonly deadlineMs?: number;
  /**
   * Nobody waits for the bytes: it goes after others at the origins, leaves trials of unhealthy ones
   * to those who do, retries nothing, and is no sample of latency. Default false.
   */
  readonly background?: boolean;
}

/** Sums since the start. */
export interface ReadCounts {
  /** Reads that somebody waited for, */
  readonly reads: number;
  /** and reads in the background. */
  readonly background: number;
  /** Reads that were asked of a second origin because the first was slow, */
  readonly hedges: number;
  /** and those of them that the second one answered first. */
  readonly hedgesWon: number;
}

export interface FailoverPorts {
  readonly clock: Clock;
  readonly events: EventBus;
  readonly registry: OriginRegistry;
  readonly router: Router;
  readonly health: HealthMonitor;
  readonly judge: ReplicaJudge;
  /** A latency sample of an origin (F-2). */
  readonly onLatency: (origin: Origin, latencyMs: number) => void;
  /** A replica is not what the catalog says (gone, changed, denied): look at it. */
  readonly onObjectError: (file: FederatedFile, replica: Replica, error: MusicFsError) => void;
}

export class FailoverExecutor {
  readonly #ports: ReadPorts;
  readonly #told: FailoverEvents;
  readonly #active = new Set<FailoverRead>();
  /** Of the active ones, those that somebody waits for. */
  readonly #awaited = new Set<FailoverRead>();
  readonly #counts = { reads: 0, background: 0, hedges: 0, hedgesWon: 0 };

  constructor(
    private readonly ports: FailoverPorts,
    readonly settings: FailoverSettings,
  ) {
    this.#told = new FailoverEvents(ports.clock, ports.events);
    this.#ports = {
      clock: ports.clock,
      judge: ports.judge,
      hedge: settings.hedge,
      hedges: new HedgeBudget(),
      buffers: new ReadBuffers(),
      switchRule: new SwitchRule(),
      trials: new WeakSet(),
      onAnswer: (read) => this.#onAnswer(read),
      onFailure: (read, file, error) => this.#onFailure(read, file, error),
    };
  }

  /**
   * Reads the file's bytes from `offsetBytes`, as many as `wantedBytes` and the file has: 0 at or
   * past its end. They are the caller's, and do not change, until he disposes of them.
   *
   * Rejects with OwnError `no_origin_available`, `max_retries_exceeded`, `deadline_exceeded` (their
   * cause is the last error) or `cancelled`; or, when every replica refused in a way that no retry
   * can help, with the OriginError of one of them, failures of an origin before those of an object.
   */
  async fetch(
    file: FederatedFile,
    offsetBytes: number,
    wantedBytes: number,
    limits: ReadLimits = {},
  ): Promise<FetchedBytes> {
    const { registry, router, health, judge } = this.ports;
    health.noticeClock();
    const candidates = new Candidates(file, registry, router, health, judge);
    const preferred = candidates.preferred();
    const lengthBytes = Math.max(0, Math.min(wantedBytes, file.sizeBytes - offsetBytes));
    if (lengthBytes === 0 && preferred) return nothing(preferred);
    const { readDeadlineMs } = this.settings;
    const deadlineMs = Math.min(limits.deadlineMs ?? readDeadlineMs, readDeadlineMs);
    const { signal, background = false } = limits;
    const read = new FailoverRead(
      this.#ports,
      { file, offsetBytes, lengthBytes, deadlineMs, signal, background },
      candidates,
    );
    this.#begin(read, background);
    try {
      const won = await read.run();
      const { winner, bytes } = won;
      return {
        outcome: this.#served(file, preferred ?? winner, winner, read),
        bytes,
        [Symbol.dispose]: () => won[Symbol.dispose](),
      };
    } catch (error) {
      if (!background && isUnavailability(error)) {
        this.#told.unavailable(file.path, messageOf(error));
      }
      throw error;
    } finally {
      this.#active.delete(read);
      this.#awaited.delete(read);
    }
  }

  /** Reads under way that somebody waits for; background work waits for them. */
  get activeReads(): number {
    return this.#awaited.size;
  }

  /** What there was so far. */
  get counts(): ReadCounts {
    return this.#counts;
  }

  /** Cancels every read under way. */
  close(): void {
    for (const read of this.#active) read.cancel();
  }

  #begin(read: FailoverRead, background: boolean): void {
    this.#active.add(read);
    if (background) {
      this.#counts.background++;
      return;
    }
    this.#counts.reads++;
    this.#awaited.add(read);
    this.#ports.hedges.earn();
  }

  #onAnswer(read: ReadTry): void {
    const { clock, registry, health, onLatency } = this.ports;
    const { origin, lengthBytes, background = false } = read.request;
    if (!registry.isActive(origin)) return;
    const { switchRule } = this.#ports;
    switchRule.recordAnswer(origin, lengthBytes, read.latencyMs, clock.monotonicMs());
    // Reads ahead queue behind each other: the time that one takes is not the origin's latency.
    if (!background && switchRule.isSample(lengthBytes)) onLatency(origin, read.latencyMs);
    health.recordSuccess(origin);
  }

  #onFailure(read: ReadTry, file: FederatedFile, error: unknown): void {
    const { registry, health, onObjectError } = this.ports;
    const { origin, replica } = read.request;
    if (!(error instanceof MusicFsError) || !registry.isActive(origin)) return;
    if (error.scope === "origin") health.recordFailure(origin, error, read.askedMs);
    if (error.scope !== "object") return;
    if (error.code === "io") health.suspect(origin);
    else onObjectError(file, replica, error);
  }

  #served(
    file: FederatedFile,
    preferred: Candidate,
    winner: Candidate,
    { hedged, failures, lastError, lengthBytes }: FailoverRead,
  ): ReadOutcome {
    if (hedged !== undefined) this.#counts.hedges++;
    const served = { ...outcome(winner, lengthBytes, failures), hedged: hedged !== undefined };
    if (hedged === preferred && winner !== preferred && failures === 0) {
      // Slow is not broken: the preferred origin is asked first again the next time.
      this.#counts.hedgesWon++;
      return served;
    }
    const { id: from } = preferred.origin;
    const reason = () =>
      lastError === undefined
        ? (this.ports.health.health(preferred.origin).lastError ?? `${from} is not healthy`)
        : messageOf(lastError);
    this.#told.served(file.path, from, winner.origin.id, reason);
    return preferred === winner ? served : { ...served, failedOver: from };
  }
}

function nothing(candidate: Candidate): FetchedBytes {
  return {
    outcome: outcome(candidate, 0, 0),
    bytes: new Uint8Array(0),
    [Symbol.dispose]: () => undefined,
  };
}

function outcome({ origin, standing }: Candidate, bytesRead: number, failures: number) {
  const proved = standing === "proved";
  return { bytesRead, origin: origin.id, failures, proved, hedged: false };
}

/** Refusals that say nothing of a change: nobody gets the file until somebody does something. */
const LASTING_REFUSALS: readonly ErrorCode[] = ["archived", "denied"];

/** True when a file could not be read for want of an origin that works and gives it out. */
function isUnavailability(error: unknown): boolean {
  if (!(error instanceof MusicFsError)) return false;
  if (isOriginFailure(error) || LASTING_REFUSALS.includes(error.code)) return true;
  return error.scope === "us" && error.code !== "cancelled";
}
