/** At most so many operations at once at one origin; the others wait for their turn. */

import { displayPath } from "../../bytes.ts";
import { OriginError } from "../../errors.ts";
import { ORIGIN_QUEUE_OPERATIONS } from "../../limits.ts";
import { cancelled, throwIfAborted } from "../abort.ts";
import type { Origin, ReadOptions } from "../origin.ts";
import { type Operation, WrappedOrigin } from "./wrapped.ts";

/** Of so many operations that get their turn, one is of the patient kind while any waits. */
const PATIENT_SHARE = 4;
/** Of so many turns, one is kept for urgent operations; but for a single one, at least one is. */
const URGENT_SHARE = 4;

/**
 * Reads and stats for which somebody waits are urgent. They go before pages of listings, checksums
 * and reads in the background, but do not starve them; equals go in order of arrival. Patient ones
 * never take all turns, be they as slow as they may, unless there is only one. Probes do not wait: a
 * busy origin is not a sick one. Beyond ORIGIN_QUEUE_OPERATIONS waiting, operations fail as
 * `overloaded`.
 */
export function withLimit(
  inner: Origin,
  maxConcurrency = inner.capabilities.maxConcurrency,
): Origin {
  const turns = new Turns(maxConcurrency);
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    throwIfAborted(signal);
    if (operation.kind === "probe") return run(signal);
    if (turns.waiting >= ORIGIN_QUEUE_OPERATIONS) throw overloaded(inner, operation, turns.waiting);
    const { kind, background = false, onWaiting } = operation;
    const isUrgent = (kind === "read" && !background) || kind === "stat";
    using _ = await turns.take(isUrgent, signal, onWaiting);
    return await run(signal);
  });
}

interface Waiter {
  readonly start: () => void;
}

/** A counting semaphore with two classes. */
export class Turns {
  readonly #urgent = new Set<Waiter>();
  readonly #patient = new Set<Waiter>();
  readonly #patientLimit: number;
  #running = 0;
  #runningPatient = 0;
  /** Urgent ones that went before a patient one that waited. */
  #overtaken = 0;

  constructor(readonly limit: number) {
    this.#patientLimit = Math.max(1, limit - Math.max(1, Math.floor(limit / URGENT_SHARE)));
  }

  get waiting(): number {
    return this.#urgent.size + this.#patient.size;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Resolves to the turn, which ends when it is disposed. Rejects with `cancelled`. `onWaiting` is
   * as in `ReadOptions`.
   */
  take(
    isUrgent: boolean,
    signal?: AbortSignal,
    onWaiting?: ReadOptions["onWaiting"],
  ): Promise<Disposable> {
    const { promise, resolve, reject } = Promise.withResolvers<Disposable>();
    const queue = isUrgent ? this.#urgent : this.#patient;
    const abort = () => {
      queue.delete(waiter);
      reject(cancelled(signal));
    };
    const waiter = {
      start: () => {
        signal?.removeEventListener("abort", abort);
        if (waits) onWaiting?.(false);
        resolve(this.#turn(isUrgent));
      },
    };
    let waits = false;
    signal?.addEventListener("abort", abort, { once: true });
    queue.add(waiter);
    this.#next();
    waits = queue.has(waiter);
    if (waits) onWaiting?.(true);
    return promise;
  }

  #turn(isUrgent: boolean): Disposable {
    const patient = isUrgent ? 0 : 1;
    this.#running++;
    this.#runningPatient += patient;
    let ended = false;
    return {
      [Symbol.dispose]: () => {
        if (ended) return;
        ended = true;
        this.#running--;
        this.#runningPatient -= patient;
        this.#next();
      },
    };
  }

  #next(): void {
    while (this.#running < this.limit) {
      const queue = this.#choose();
      const [waiter] = queue ?? [];
      if (waiter === undefined) return;
      queue?.delete(waiter);
      waiter.start();
    }
  }

  /** The queue whose first one gets a turn that is free; undefined when none may have it. */
  #choose(): Set<Waiter> | undefined {
    const patientWaits = this.#patient.size > 0 && this.#runningPatient < this.#patientLimit;
    const patientIsDue = patientWaits && this.#overtaken >= PATIENT_SHARE - 1;
    if (this.#urgent.size === 0 || patientIsDue) {
      this.#overtaken = 0;
      return patientWaits ? this.#patient : undefined;
    }
    if (patientWaits) this.#overtaken++;
    return this.#urgent;
  }
}

function overloaded(origin: Origin, { path }: Operation, waiting: number): OriginError {
  const message = `${waiting} operations wait for this origin already`;
  return new OriginError("overloaded", origin.id, displayPath(path), message);
}
