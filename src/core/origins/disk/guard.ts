/**
 * A disk behind guard processes, for file systems on which a system call may never return.
 *
 * A guard serves one request at a time. One is enough while it answers fast; when requests wait
 * longer than GUARD_PATIENCE_MS another is started, so that one slow or hung file does not hold up
 * the rest; it ends once the first has been enough for GUARD_IDLE_MS. A guard that misses a deadline
 * is killed and replaced; until the kernel lets go of it, it counts towards MAX_GUARDS_PER_ORIGIN.
 * When all of those are stuck, requests fail at once.
 *
 * A directory belongs to the guard that opened it: its number out here is its descriptor plus the
 * guard's serial number times DESCRIPTORS.
 */

import { ROOT_PATH } from "../../bytes.ts";
import type { Clock } from "../../clock.ts";
import {
  GUARD_IDLE_MS,
  GUARD_PATIENCE_MS,
  GUARD_QUEUE_REQUESTS,
  MAX_GUARDS_PER_ORIGIN,
} from "../../limits.ts";
import { cancelled } from "../abort.ts";
import type { DiskClient } from "./client.ts";
import { DiskFailure } from "./failure.ts";
import { directoryIn, encodeRequest, isGood, opOf, setDirectoryIn } from "./messages.ts";

/** A guard as its disk sees it; `GuardProcess` is one. */
export interface Guard {
  readonly serial: number;
  /** Directories opened and not closed: their descriptors live and die with the guard. */
  openDirectories: number;
  /** It holds nothing open; ends with its next request. */
  isResting: boolean;
  /** A request is under way. There is never more than one. */
  readonly isBusy: boolean;
  /** Fulfilled once the kernel has let go of it, which may take as long as the mount hangs. */
  readonly exited: Promise<void>;
  /** Rejects with {@link DiskFailure} when the guard ends first. */
  call(request: Uint8Array): Promise<Uint8Array>;
  /** Kills it; its request fails with `why`. */
  abandon(why: DiskFailure): void;
}

export interface GuardedDiskOptions {
  /** Throws {@link DiskFailure} when no guard can be started. */
  readonly startGuard: (serial: number) => Guard;
  readonly clock: Clock;
  /** A guard that has not answered a request for so long is given up. */
  readonly deadlineMs: number;
}

/** More descriptors than a process may have. */
const DESCRIPTORS = 2 ** 20;

interface Job {
  readonly request: Uint8Array;
  /** The only guard that can do it; undefined: any. */
  readonly guard: Guard | undefined;
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

export class GuardedDisk implements DiskClient {
  readonly #options: GuardedDiskOptions;
  /** Guards that take requests, by serial number. */
  readonly #guards = new Map<number, Guard>();
  /** Killed ones that the kernel has not let go of. */
  readonly #stuck = new Set<Guard>();
  readonly #queue: Job[] = [];
  #serial = 0;
  #patience: Disposable | undefined;
  #idle: Disposable | undefined;
  /** Runs while there are more guards than the first, of which none is given anything. */
  #surplus: Disposable | undefined;
  #closed = false;

  constructor(options: GuardedDiskOptions) {
    this.#options = options;
  }

  /** Processes of this disk, stuck ones included. For status and leak checks. */
  get guardCount(): number {
    return this.#guards.size + this.#stuck.size;
  }

  get stuckCount(): number {
    return this.#stuck.size;
  }

  call(request: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    const refusal = this.#refusal(request, signal);
    if (refusal !== undefined) {
      reject(refusal);
      return promise;
    }
    const job: Job = { request, guard: this.#guardOf(request), resolve, reject };
    if (signal !== undefined) {
      const abort = () => {
        const queued = this.#queue.indexOf(job);
        if (queued >= 0) this.#queue.splice(queued, 1);
        reject(cancelled(signal));
      };
      const settled = () => signal.removeEventListener("abort", abort);
      signal.addEventListener("abort", abort, { once: true });
      promise.then(settled, settled);
    }
    this.#queue.push(job);
    this.#pump();
    return promise;
  }

  /** Kills the guards without waiting for them: one that is stuck must not hold up anybody. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#patience?.[Symbol.dispose]();
    this.#idle?.[Symbol.dispose]();
    this.#surplus?.[Symbol.dispose]();
    const why = new DiskFailure("connection", "the origin was closed");
    for (const job of this.#queue.splice(0)) job.reject(why);
    for (const guard of this.#guards.values()) this.#giveUp(guard, why);
  }

  #refusal(request: Uint8Array, signal: AbortSignal | undefined): unknown {
    if (signal?.aborted) return cancelled(signal);
    if (this.#closed) return new DiskFailure("connection", "the origin was closed");
    if (this.#queue.length >= GUARD_QUEUE_REQUESTS) {
      return new DiskFailure("overloaded", `${this.#queue.length} requests wait for it already`);
    }
    if (directoryIn(request) >= 0 && this.#guardOf(request) === undefined) {
      return new DiskFailure("device_gone", "the guard process that listed it is gone");
    }
    return undefined;
  }

  #guardOf(request: Uint8Array): Guard | undefined {
    return this.#guards.get(Math.floor(directoryIn(request) / DESCRIPTORS));
  }

  /** Gives requests to guards that are free, and sees to it that there are enough of them. */
  #pump(): void {
    for (let i = 0; i < this.#queue.length; ) {
      const job = this.#queue[i];
      const guard = job?.guard ?? this.#freeGuard();
      if (job === undefined || guard === undefined || guard.isBusy) i++;
      else {
        this.#queue.splice(i, 1);
        this.#dispatch(guard, job);
      }
    }
    const waits = this.#queue.some((job) => job.guard === undefined);
    if (!waits) this.#stopPatience();
    else if (this.#guards.size === 0) this.#startGuard();
    else if (this.guardCount < MAX_GUARDS_PER_ORIGIN) {
      this.#patience ??= this.#options.clock.schedule(GUARD_PATIENCE_MS, () => {
        this.#patience = undefined;
        this.#startGuard();
      });
    }
    this.#restIfIdle();
    this.#endSurplusIfUnused();
  }

  /** The first that is free: while one is enough, the others are given nothing. */
  #freeGuard(): Guard | undefined {
    for (const guard of this.#guards.values()) if (!guard.isBusy) return guard;
    return undefined;
  }

  #startGuard(): void {
    if (this.guardCount >= MAX_GUARDS_PER_ORIGIN) {
      const why = `its file system hangs: ${this.#stuck.size} guard processes are stuck in it`;
      this.#failWaiting(new DiskFailure("device_gone", why));
      return;
    }
    const serial = ++this.#serial;
    try {
      const guard = this.#options.startGuard(serial);
      this.#guards.set(serial, guard);
      void guard.exited.then(() => this.#left(guard));
    } catch (error) {
      this.#failWaiting(error);
      return;
    }
    this.#pump();
  }

  /** Every request that any guard could do fails. */
  #failWaiting(why: unknown): void {
    for (const job of this.#queue.filter(({ guard }) => guard === undefined)) {
      this.#queue.splice(this.#queue.indexOf(job), 1);
      job.reject(why);
    }
  }

  #dispatch(guard: Guard, job: Job): void {
    const { clock, deadlineMs } = this.#options;
    const deadline = clock.schedule(deadlineMs, () => {
      const why = `its file system did not answer for ${deadlineMs} ms`;
      this.#giveUp(guard, new DiskFailure("timeout", why));
    });
    if (guard !== this.#firstGuard()) this.#surplusIsUsed();
    const op = opOf(job.request);
    if (job.guard !== undefined) {
      setDirectoryIn(job.request, directoryIn(job.request) % DESCRIPTORS);
    }
    if (op === "close_directory") guard.openDirectories--;
    guard
      .call(job.request)
      .then((result) => {
        if (op === "open_directory" && isGood(result)) {
          guard.openDirectories++;
          setDirectoryIn(result, directoryIn(result) + guard.serial * DESCRIPTORS);
        }
        job.resolve(result);
      }, job.reject)
      .finally(() => {
        deadline[Symbol.dispose]();
        this.#pump();
      });
  }

  #giveUp(guard: Guard, why: DiskFailure): void {
    this.#guards.delete(guard.serial);
    this.#stuck.add(guard);
    guard.abandon(why);
    this.#failBound(guard, why);
  }

  /** The kernel has let go of it. */
  #left(guard: Guard): void {
    this.#guards.delete(guard.serial);
    this.#stuck.delete(guard);
    this.#failBound(guard, new DiskFailure("device_gone", "its guard process has ended"));
    if (!this.#closed) this.#pump();
  }

  /** What only this guard could have done. */
  #failBound(guard: Guard, why: DiskFailure): void {
    for (const job of this.#queue.filter((queued) => queued.guard === guard)) {
      this.#queue.splice(this.#queue.indexOf(job), 1);
      job.reject(why);
    }
  }

  #stopPatience(): void {
    this.#patience?.[Symbol.dispose]();
    this.#patience = undefined;
  }

  #firstGuard(): Guard | undefined {
    return this.#guards.values().next().value;
  }

  #surplusIsUsed(): void {
    this.#surplus?.[Symbol.dispose]();
    this.#surplus = undefined;
  }

  /** Also while requests come, such as health checks, for which the first guard is enough. */
  #endSurplusIfUnused(): void {
    if (this.#closed || this.#guards.size < 2) this.#surplusIsUsed();
    else {
      this.#surplus ??= this.#options.clock.schedule(GUARD_IDLE_MS, () => {
        this.#surplus = undefined;
        const [, ...others] = this.#guards.values();
        for (const guard of others) {
          if (!guard.isBusy && guard.openDirectories === 0) this.#giveUp(guard, idle());
        }
      });
    }
  }

  #restIfIdle(): void {
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
    if (this.#closed || this.#guards.size === 0) return;
    if (this.#queue.length > 0 || [...this.#guards.values()].some(({ isBusy }) => isBusy)) return;
    this.#idle = this.#options.clock.schedule(GUARD_IDLE_MS, () => this.#rest());
  }

  /** Keeps nothing open, so that the share can be unmounted. */
  #rest(): void {
    const kept = this.#firstGuard();
    if (kept === undefined || kept.openDirectories > 0 || kept.isResting) return;
    const request = encodeRequest({ op: "release", path: ROOT_PATH });
    const ignore = () => undefined;
    this.#dispatch(kept, { request, guard: undefined, resolve: ignore, reject: ignore });
    kept.isResting = true;
  }
}

function idle(): DiskFailure {
  return new DiskFailure("io", "its guard process was idle");
}
