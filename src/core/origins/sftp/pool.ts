/**
 * A few connections to one server, made on demand, none of them behind a lock: an operation takes
 * the least busy connection that answers, and one that is dead or silent holds up its own
 * operations only.
 *
 * After a failure there is a pause before the next attempt. An operation waits for the end of a short
 * one: a cut hits connections that serve and one that is being made alike, and if what comes right
 * behind it were refused unasked, one incident would count as many failures in a row (F-6). In a longer
 * pause it is told the failure at once.
 *
 * Invariants: at most `maxConnections` are open or being made; while none is open, and after a
 * failure, only one is being made; after {@link ConnectionPool.close} nothing is left, timers
 * included.
 */

import type { Clock } from "../../clock.ts";
import { type MusicFsError, OriginError } from "../../errors.ts";
import {
  SFTP_BACKOFF_MS,
  SFTP_IDLE_MS,
  SFTP_MAX_BACKOFF_MS,
  SFTP_QUIET_MS,
  SFTP_REPLACE_MS,
  SFTP_WAITED_BACKOFF_MS,
} from "../../limits.ts";
import { throwIfAborted, untilAborted } from "../abort.ts";
import { ignoreLateFailure, SftpFault } from "./errors.ts";

export interface PooledConnection extends Disposable {
  /** How long it has been silent although it owes answers; 0 when it owes none. */
  readonly quietMs: number;
  /** Bytes asked for that have not arrived. */
  readonly outstandingBytes: number;
  /** Calls once when the connection is lost, at once if it is. */
  onLost(listener: (fault: SftpFault) => void): void;
  fail(fault: SftpFault): void;
}

export interface PoolOptions<C> {
  readonly maxConnections: number;
  readonly clock: Clock;
  /** Makes one; rejects with the reason, soon after an abort too. */
  readonly connect: (signal: AbortSignal) => Promise<C>;
}

export interface LeaseOptions<C> {
  readonly signal?: AbortSignal | undefined;
  /** True: connects even during the pause after a failed attempt (probes do). Default: false. */
  readonly eager?: boolean;
  /** Preferred among equally busy connections. */
  readonly prefer?: (connection: C) => boolean;
}

/** A share in a connection, until disposed. */
export interface Lease<C> extends Disposable {
  readonly connection: C;
}

interface Slot<C> {
  readonly connection: C;
  users: number;
  lastUsedMs: number;
  /** Whether an operation ever ended with the connection still there. */
  served: boolean;
  idle: Disposable | undefined;
}

type Failure = SftpFault | MusicFsError;

/** Time in which no connection is made, and the failure told to those who would need one. */
interface Pause {
  readonly failure: Failure;
  readonly untilMs: number;
  readonly delayMs: number;
}

export class ConnectionPool<C extends PooledConnection> {
  readonly #options: PoolOptions<C>;
  readonly #slots = new Set<Slot<C>>();
  #connecting = 0;
  /** Resolved by the next attempt that ends, rejected if it leaves no connection at all. */
  #arrival = Promise.withResolvers<void>();
  #pause: Pause | undefined;
  /** Wakes those who wait for the end of a pause. */
  #pauseEnd: Disposable | undefined;
  /** Ends the attempts under way. */
  #attempts = new AbortController();
  #closed = false;

  constructor(options: PoolOptions<C>) {
    this.#options = options;
  }

  /** Connections open now. */
  get open(): number {
    return this.#slots.size;
  }

  /** Connections being made now. */
  get connecting(): number {
    return this.#connecting;
  }

  /** A connection to work with; rejects with the reason when none can be had. */
  async lease(options: LeaseOptions<C> = {}): Promise<Lease<C>> {
    const slot = await this.#choose(options);
    let ended = false;
    return {
      connection: slot.connection,
      [Symbol.dispose]: () => {
        if (ended) return;
        ended = true;
        slot.users--;
        slot.lastUsedMs = this.#options.clock.monotonicMs();
        if (!this.#slots.has(slot)) return;
        slot.served = true;
        if (slot.users === 0) this.#closeWhenIdle(slot);
      },
    };
  }

  /** Drops every connection, as after a suspend or a change of network. The pool goes on. */
  reset(reason: string): void {
    const fault = new SftpFault("connection", reason);
    this.#attempts.abort(fault);
    this.#attempts = new AbortController();
    for (const { connection } of [...this.#slots]) connection.fail(fault);
    this.#pause = undefined;
    this.#pauseEnd?.[Symbol.dispose]();
    this.#pauseEnd = undefined;
    this.#arrive(undefined);
  }

  close(): void {
    this.#closed = true;
    this.reset("the origin was closed");
  }

  /** The slot, counted as in use before anyone else gets to choose. */
  async #choose(options: LeaseOptions<C>): Promise<Slot<C>> {
    for (;;) {
      throwIfAborted(options.signal);
      if (this.#closed) throw new SftpFault("connection", "the origin was closed");
      const best = this.#best(options.prefer);
      if (best !== undefined && !isSilent(best)) {
        if (best.users > 0) this.#grow(false);
        return taken(best);
      }
      this.#giveUpSilent();
      this.#grow(options.eager ?? false);
      if (this.#connecting === 0) {
        if (best !== undefined && this.#slots.has(best)) return taken(best);
        this.#awaitPauseEnd();
      }
      await untilAborted(this.#arrival.promise, options.signal);
    }
  }

  /** Answering before silent, then least busy, then preferred, then most recently used. */
  #best(prefer: ((connection: C) => boolean) | undefined): Slot<C> | undefined {
    const rank = (slot: Slot<C>): readonly number[] => [
      isSilent(slot) ? slot.connection.quietMs : 0,
      slot.users,
      slot.connection.outstandingBytes,
      prefer?.(slot.connection) === true ? 0 : 1,
      -slot.lastUsedMs,
    ];
    let best: Slot<C> | undefined;
    for (const slot of this.#slots) {
      if (best === undefined || isLower(rank(slot), rank(best))) best = slot;
    }
    return best;
  }

  /** Where all connections there may be are silent, the longest silent one gives way. */
  #giveUpSilent(): void {
    if (this.#slots.size < this.#options.maxConnections) return;
    const [longest] = [...this.#slots].toSorted(
      (a, b) => b.connection.quietMs - a.connection.quietMs,
    );
    if (longest === undefined || longest.connection.quietMs < SFTP_REPLACE_MS) return;
    // Its place is wanted at once, even if it never served.
    longest.served = true;
    const seconds = Math.round(longest.connection.quietMs / 1000);
    longest.connection.fail(
      new SftpFault("timeout", `the server has not answered for ${seconds} s`),
    );
  }

  #grow(eager: boolean): void {
    if (this.#slots.size + this.#connecting >= this.#options.maxConnections) return;
    const careful = this.#pause !== undefined || this.#slots.size === 0;
    if (careful && this.#connecting > 0) return;
    const untilMs = this.#pause?.untilMs ?? 0;
    if (!eager && this.#options.clock.monotonicMs() < untilMs) return;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    const { signal } = this.#attempts;
    this.#connecting++;
    try {
      const connection = await this.#options.connect(signal);
      if (signal.aborted) connection[Symbol.dispose]();
      else this.#add(connection);
      this.#connecting--;
      this.#arrive(undefined);
    } catch (error) {
      this.#connecting--;
      const failure = asFailure(error);
      if (!signal.aborted) this.#pauseAfter(failure);
      if (this.#connecting > 0) return;
      // Those who waited for an attempt that was called off ask for another.
      this.#arrive(signal.aborted || this.#slots.size > 0 ? undefined : failure);
    }
  }

  #add(connection: C): void {
    const lastUsedMs = this.#options.clock.monotonicMs();
    const slot: Slot<C> = { connection, users: 0, lastUsedMs, served: false, idle: undefined };
    this.#slots.add(slot);
    this.#pause = undefined;
    this.#closeWhenIdle(slot);
    connection.onLost((fault) => {
      slot.idle?.[Symbol.dispose]();
      // A server that takes connections and drops them must not be asked without end.
      if (this.#slots.delete(slot) && !slot.served) this.#pauseAfter(fault);
    });
  }

  #arrive(failure: Failure | undefined): void {
    const arrival = this.#arrival;
    this.#arrival = Promise.withResolvers();
    if (failure === undefined) arrival.resolve();
    else {
      arrival.promise.catch(ignoreLateFailure);
      arrival.reject(failure);
    }
  }

  #pauseAfter(failure: Failure): void {
    const delayMs = Math.min(
      (this.#pause?.delayMs ?? SFTP_BACKOFF_MS / 2) * 2,
      SFTP_MAX_BACKOFF_MS,
    );
    const untilMs = this.#options.clock.monotonicMs() + delayMs;
    this.#pause = { failure, delayMs, untilMs };
  }

  /** Has the end of a short pause wake those who wait for an arrival; throws the failure in a longer one. */
  #awaitPauseEnd(): void {
    const pause = this.#pause;
    if (pause === undefined) throw new SftpFault("connection", "no connection can be made");
    if (pause.delayMs > SFTP_WAITED_BACKOFF_MS) throw pause.failure;
    const { clock } = this.#options;
    this.#pauseEnd ??= clock.schedule(pause.untilMs - clock.monotonicMs(), () => {
      this.#pauseEnd = undefined;
      this.#arrive(undefined);
    });
  }

  #closeWhenIdle(slot: Slot<C>): void {
    slot.idle?.[Symbol.dispose]();
    slot.idle = this.#options.clock.schedule(SFTP_IDLE_MS, () => {
      this.#slots.delete(slot);
      slot.connection[Symbol.dispose]();
    });
  }
}

function taken<C>(slot: Slot<C>): Slot<C> {
  slot.users++;
  slot.idle?.[Symbol.dispose]();
  return slot;
}

function isSilent<C extends PooledConnection>(slot: Slot<C>): boolean {
  return slot.connection.quietMs >= SFTP_QUIET_MS;
}

/** Compares two ranks field by field. */
function isLower(a: readonly number[], b: readonly number[]): boolean {
  for (const [index, value] of a.entries()) {
    const other = b[index] ?? 0;
    if (value !== other) return value < other;
  }
  return false;
}

function asFailure(error: unknown): Failure {
  if (error instanceof SftpFault || error instanceof OriginError) return error;
  const text = error instanceof Error ? error.message : String(error);
  return new SftpFault("connection", `no connection can be made: ${text}`, { cause: error });
}
