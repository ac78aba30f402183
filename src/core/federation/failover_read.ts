/** One read on its way through its candidates; see failover.ts for the rules. */

import { displayPath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { isOriginFailure, MusicFsError, messageOf, OriginError, OwnError } from "../errors.ts";
import { RETRY_DELAYS_MS, SWITCH_MAX_MS } from "../limits.ts";
import type { Origin } from "../origins/origin.ts";
import type { ReadBuffers } from "../read_buffers.ts";
import type { Candidate, Candidates } from "./candidates.ts";
import type { FederatedFile } from "./file.ts";
import type { HedgeBudget } from "./hedge_budget.ts";
import { ReadTry } from "./read_try.ts";
import type { ReplicaJudge } from "./replicas.ts";
import type { SwitchRule } from "./switch_rule.ts";

export interface ReadRequest {
  readonly file: FederatedFile;
  readonly offsetBytes: number;
  /** Bytes that the file has there, at least 1. */
  readonly lengthBytes: number;
  /** The whole read ends within this time. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal | undefined;
  /** Nobody waits for it: one round, no trials of unhealthy origins, no hedging. */
  readonly background: boolean;
}

/** What reads share, and where they report to. */
export interface ReadPorts {
  readonly clock: Clock;
  readonly judge: ReplicaJudge;
  readonly buffers: ReadBuffers;
  readonly switchRule: SwitchRule;
  /** Unhealthy origins with a trial read under way. */
  readonly trials: WeakSet<Origin>;
  /** Leave a silent origin by its own p95; without, only when its share of the time is up. */
  readonly hedge: boolean;
  readonly hedges: HedgeBudget;
  /** A try was answered well. */
  onAnswer(read: ReadTry): void;
  /** A try failed, or its origin hangs; a hung one may fail again when it ends. */
  onFailure(read: ReadTry, file: FederatedFile, error: unknown): void;
}

/** Who answered, and what. */
export interface Won extends Disposable {
  readonly winner: Candidate;
  /** Valid until disposed. */
  readonly bytes: Uint8Array;
}

export class FailoverRead {
  #failures = 0;
  #lastError: unknown;
  /** Of candidates that a retry could not help. */
  readonly #refusals: MusicFsError[] = [];
  /** Tries that were left waiting; they are counted as failures already. */
  readonly #givenUp = new Set<ReadTry>();
  readonly #trialsHeld = new Set<Candidate>();
  readonly #deadlineAtMs: number;
  #winner: Candidate | undefined;
  /** A slow origin that another was asked beside. */
  #hedged: Candidate | undefined;
  #round = 0;
  #retriesUsedUp: boolean;
  #noTimeToRetry = false;
  #outOfTime = false;
  #cancelled = false;
  #wake: () => void = () => undefined;

  constructor(
    private readonly ports: ReadPorts,
    private readonly request: ReadRequest,
    private readonly candidates: Candidates,
  ) {
    this.#deadlineAtMs = ports.clock.monotonicMs() + request.deadlineMs;
    this.#retriesUsedUp = request.background;
  }

  /** Tries that failed or were given up. */
  get failures(): number {
    return this.#failures;
  }

  get lengthBytes(): number {
    return this.request.lengthBytes;
  }

  /** The slow origin that another was asked beside, if one was; either may have won. */
  get hedged(): Candidate | undefined {
    return this.#hedged;
  }

  get lastError(): unknown {
    return this.#lastError;
  }

  /**
   * Runs the read. Its bytes are the winner's until that is disposed. Rejects with the errors that
   * `FailoverExecutor.fetch` names. Afterwards no timer, listener or other wanted try is left.
   */
  async run(): Promise<Won> {
    const { signal, deadlineMs } = this.request;
    const cancel = () => this.cancel();
    if (signal?.aborted) cancel();
    signal?.addEventListener("abort", cancel, { once: true });
    const deadline = this.ports.clock.schedule(deadlineMs, () => {
      this.#outOfTime = true;
      this.#wake();
    });
    try {
      await this.#search();
      const winner = this.#winner;
      const read = winner?.pending;
      if (!winner || !read?.bytes) throw this.#failure();
      winner.pending = undefined;
      return { winner, bytes: read.bytes, [Symbol.dispose]: () => read.abandon() };
    } finally {
      deadline[Symbol.dispose]();
      signal?.removeEventListener("abort", cancel);
      for (const candidate of this.candidates.pending()) candidate.pending?.abandon();
      for (const { origin } of this.#trialsHeld) this.ports.trials.delete(origin);
    }
  }

  /** Ends the read with `cancelled`. */
  cancel(): void {
    this.#cancelled = true;
    this.#wake();
  }

  /** Ends with a winner, when nothing is left to try or to wait for, or when the time is up. */
  async #search(): Promise<void> {
    const { candidates } = this;
    while (!this.#isOver()) {
      const next = candidates.nextInRound(this.#round);
      if (next) await this.#try(next);
      else if (candidates.admitUnverified()) continue;
      else if (candidates.hasMoreToTry() && !this.#retriesUsedUp) await this.#pause();
      else if (await this.#tryUnhealthy()) continue;
      else if (candidates.pending().length > 0) await this.#waitForPending();
      else return;
    }
  }

  /** A winner, or no time left to find one. */
  #isOver(): boolean {
    return this.#winner !== undefined || this.#cancelled || this.#remainingMs() <= 0;
  }

  /** Tries a candidate and waits for it, as long as that is sensible. */
  async #try(candidate: Candidate): Promise<void> {
    const { origin, replica, standing } = candidate;
    const { file, offsetBytes, lengthBytes, background } = this.request;
    const { clock, buffers, judge, switchRule } = this.ports;
    const { seams } = this.candidates;
    candidate.lastRound = this.#round;
    const verify = (signal: AbortSignal) => judge.verify(file, replica, origin, seams, signal);
    const onProgress = () => switchRule.recordProgress(origin, clock.monotonicMs());
    const wanted = { origin, replica, offsetBytes, lengthBytes, background, onProgress };
    const read = new ReadTry(
      standing === "unverified" ? { ...wanted, verify } : wanted,
      clock,
      buffers,
      () => this.#settle(candidate, read),
    );
    candidate.pending = read;
    const isDone = () => read.settled || this.#isOver();
    if (this.candidates.mayHaveOthers()) await this.#waitWhileOthersServe(candidate, read, isDone);
    else await this.#until(isDone);
  }

  /** Waits for a try while others could serve; gives it up when that took too long. */
  async #waitWhileOthersServe(
    candidate: Candidate,
    read: ReadTry,
    isDone: () => boolean,
  ): Promise<void> {
    const { clock, switchRule, hedge } = this.ports;
    const { lengthBytes } = this.request;
    const { origin } = candidate;
    // A large read at a slow origin may take longer than there is time: the others get half of it.
    const halfMs = this.#remainingMs() / 2;
    const patienceMs = Math.min(switchRule.patienceMs(origin, lengthBytes), halfMs);
    const fallsSilentMs = hedge
      ? switchRule.quietMs(origin, lengthBytes)
      : Number.POSITIVE_INFINITY;
    if (await this.#untilSilent(read, isDone, fallsSilentMs, patienceMs)) return;
    this.candidates.admitUnverified();
    const roundsLeft = this.#round < RETRY_DELAYS_MS.length && !this.#retriesUsedUp;
    const others = this.candidates.others(candidate, this.#round, roundsLeft);
    if (others.length === 0) {
      await this.#until(isDone);
      return;
    }
    const canSwitch = hedge && !others.every((other) => this.candidates.isOnTrial(other));
    if (!canSwitch) {
      const shareMs = (this.#remainingMs() + patienceMs) / (others.length + 1);
      if (await this.#untilSilent(read, isDone, shareMs, shareMs)) return;
    } else if (this.#mayHedge(read)) {
      this.#hedged = candidate;
      return;
    } else if (switchRule.isAlive(origin, read.startedMs, clock.monotonicMs())) {
      const longestMs = Math.min(switchRule.longestPatienceMs(lengthBytes), halfMs);
      if (await this.#untilSilent(read, isDone, SWITCH_MAX_MS, longestMs)) return;
    }
    this.#giveUp(read);
  }

  /**
   * Waits for a try for `longestMs` in all, or until its origin has answered nothing for `quietMs`;
   * answers whether it is done.
   */
  async #untilSilent(
    read: ReadTry,
    isDone: () => boolean,
    quietMs: number,
    longestMs: number,
  ): Promise<boolean> {
    const { clock, switchRule } = this.ports;
    for (;;) {
      const nowMs = clock.monotonicMs();
      const silenceMs = switchRule.silenceMs(read.request.origin, read.startedMs, nowMs);
      const leftMs = Math.min(quietMs - silenceMs, longestMs - (nowMs - read.startedMs));
      if (leftMs <= 0) return isDone();
      if (await this.#until(isDone, leftMs)) return true;
    }
  }

  /** The origin is slow but alive, and there is leave to ask another beside it. */
  #mayHedge({ request, startedMs }: ReadTry): boolean {
    const { clock, switchRule, hedges } = this.ports;
    if (this.request.background || this.#hedged !== undefined) return false;
    return switchRule.isAlive(request.origin, startedMs, clock.monotonicMs()) && hedges.take();
  }

  /** One trial of an unhealthy origin; false when there is none to be had. */
  async #tryUnhealthy(): Promise<boolean> {
    const { trials } = this.ports;
    if (this.request.background) return false;
    const free = this.candidates.untriedUnhealthy().find(({ origin }) => !trials.has(origin));
    if (!free) return false;
    trials.add(free.origin);
    this.#trialsHeld.add(free);
    await this.#try(free);
    return true;
  }

  /** Sleeps the delay before the next round, if there is one and time for it. */
  async #pause(): Promise<void> {
    const delayMs = RETRY_DELAYS_MS[this.#round];
    this.#noTimeToRetry = delayMs !== undefined && delayMs >= this.#remainingMs();
    if (delayMs === undefined || this.#noTimeToRetry) {
      this.#retriesUsedUp = true;
      return;
    }
    await this.#until(() => this.#isOver(), delayMs);
    this.#round++;
  }

  async #waitForPending(): Promise<void> {
    const before = this.candidates.pending().length;
    await this.#until(() => this.#isOver() || this.candidates.pending().length < before);
  }

  #settle(candidate: Candidate, read: ReadTry): void {
    if (read.bytes) {
      this.#winner ??= candidate;
      this.ports.onAnswer(read);
    } else {
      candidate.pending = undefined;
      if (this.#trialsHeld.delete(candidate)) this.ports.trials.delete(candidate.origin);
      this.#fail(candidate, read);
    }
    this.#wake();
  }

  #fail(candidate: Candidate, read: ReadTry): void {
    const { error } = read;
    if (!this.#givenUp.has(read)) this.#failures++;
    this.#lastError = error;
    this.ports.onFailure(read, this.request.file, error);
    if (error instanceof MusicFsError && error.retryable) return;
    candidate.dropped = true;
    this.#refusals.push(
      error instanceof MusicFsError
        ? error
        : new OwnError("internal", messageOf(error), { cause: error }),
    );
  }

  /**
   * Goes on without a try that took too long; a failure of its origin unless that is alive, or was
   * not asked yet.
   */
  #giveUp(read: ReadTry): void {
    const { switchRule, clock } = this.ports;
    const { origin, replica, lengthBytes } = read.request;
    const waitedMs = Math.round(clock.monotonicMs() - read.startedMs);
    const message = `did not answer a read within ${waitedMs} ms`;
    const error = new OriginError("timeout", origin.id, displayPath(replica.path), message);
    this.#givenUp.add(read);
    this.#failures++;
    this.#lastError = error;
    if (switchRule.isAlive(origin, read.startedMs, clock.monotonicMs())) return;
    const patienceMs = switchRule.patienceMs(origin, lengthBytes);
    const quietMs = switchRule.quietMs(origin, lengthBytes);
    if (!read.hadItsChance(Math.min(patienceMs, quietMs))) return;
    this.ports.onFailure(read, this.request.file, error);
  }

  /** What the read ends with when nobody served it. */
  #failure(): MusicFsError {
    const { file, signal, deadlineMs } = this.request;
    const path = displayPath(file.path);
    if (this.#cancelled) {
      return new OwnError("cancelled", `${path}: read cancelled`, { cause: signal?.reason });
    }
    for (const { pending } of this.candidates.pending()) if (pending) this.#giveUpAtEnd(pending);
    const cause = this.#lastError;
    const why = cause === undefined ? "" : `; last: ${messageOf(cause)}`;
    if (this.#remainingMs() <= 0 || this.#noTimeToRetry) {
      const message = `${path}: not read within ${deadlineMs} ms${why}`;
      return new OwnError("deadline_exceeded", message, { cause });
    }
    if (this.#retriesUsedUp && !this.request.background) {
      const message = `${path}: gave up after ${RETRY_DELAYS_MS.length} retries${why}`;
      return new OwnError("max_retries_exceeded", message, { cause });
    }
    const refusal = this.#refusals.find(isOriginFailure) ?? this.#refusals[0];
    if (refusal && !this.candidates.someUnhealthy()) return refusal;
    const message = `${path}: no origin that holds it can serve it now${why}`;
    return new OwnError("no_origin_available", message, { cause });
  }

  /** At the deadline a hung origin failed, but not one that had no fair chance to answer. */
  #giveUpAtEnd(read: ReadTry): void {
    const { switchRule, clock } = this.ports;
    const { origin, lengthBytes } = read.request;
    const waitedMs = clock.monotonicMs() - read.startedMs;
    if (this.#givenUp.has(read) || waitedMs < switchRule.patienceMs(origin, lengthBytes)) return;
    this.#giveUp(read);
  }

  #remainingMs(): number {
    return this.#outOfTime ? 0 : this.#deadlineAtMs - this.ports.clock.monotonicMs();
  }

  /** Waits until `isDone` or for `limitMs`; answers whether it is done. */
  async #until(isDone: () => boolean, limitMs?: number): Promise<boolean> {
    let isUp = false;
    const expire = () => {
      isUp = true;
      this.#wake();
    };
    const limit = limitMs === undefined ? undefined : this.ports.clock.schedule(limitMs, expire);
    while (!isDone() && !isUp) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    limit?.[Symbol.dispose]();
    return isDone();
  }
}
