/**
 * Keeps the catalog up to date: every origin is scanned when it is first reached and then every
 * `poll_interval_secs`, unless it is watched, with jitter so that origins do not wake their disks in
 * step; and whenever somebody asks for it. One scan of an origin runs at a time.
 */

import type { Clock, Random } from "../clock.ts";
import { MusicFsError, OwnError } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ScanResult } from "../sync/scan.ts";
import type { ScanProgress } from "../sync/scan_tally.ts";

/**
 * Waits before a scan that could not be made is tried again. One of a watched origin that left
 * something out, or held removals back, is made again after that, then after twice as long, and so
 * on up to the interval: no watch tells of that again.
 */
const RETRY_MS = 60_000;
/** The interval varies by this share either way. */
const JITTER = 0.1;

export interface ScanOptions {
  /** Removals are carried out that would be held back otherwise. Default false. */
  readonly allowEmpty?: boolean;
  /** Every directory is listed, also those that are known to be as they were. Default false. */
  readonly full?: boolean;
  /** As `ScanRequest.wait`, for a scan of another process. Default false. */
  readonly wait?: boolean;
  /** Told of the scan's own sums, from now on. */
  readonly onProgress?: (progress: ScanProgress) => void;
}

export interface ScanRequest extends ScanOptions {
  /**
   * A scan that runs already is waited for: it is the answer, unless `allowEmpty` or `full` asks for
   * another one after it. Default false: it makes the request fail as `busy`.
   */
  readonly wait?: boolean;
}

export interface ScansPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** Scans one origin to the end; rejects, as `sync/scan.ts`, when it could not be. */
  readonly scan: (
    origin: OriginId,
    options: ScanOptions,
    signal: AbortSignal,
  ) => Promise<ScanResult>;
  /** True while the origin can be expected to answer. */
  readonly usable: (origin: OriginId) => boolean;
  /** True while the origin tells of its changes by itself. */
  readonly watched: (origin: OriginId) => boolean;
  /** A scan of which no event tells. */
  readonly onFault: (message: string) => void;
}

export interface RunningScan {
  readonly origin: OriginId;
  /** Wall clock, milliseconds since the epoch. */
  readonly startedMs: number;
  readonly progress: ScanProgress;
}

interface Running {
  readonly startedMs: number;
  readonly watchers: Set<(progress: ScanProgress) => void>;
  progress: ScanProgress;
  /** Something changed since it began: another one follows. */
  again: boolean;
  readonly result: Promise<ScanResult>;
  /** Resolves when it ended, however, and the next one is due. */
  readonly ended: Promise<void>;
}

interface Scheduled {
  readonly intervalMs: number;
  /** Whether the next scan carries out removals that would be held back otherwise. */
  allowEmpty: boolean;
  readonly abort: AbortController;
  timer: Disposable | undefined;
  running: Running | undefined;
  /** Scans since the last one that was complete. */
  incomplete: number;
}

const NOTHING_YET: ScanProgress = {
  ...{ directories: 0, pending: 1, files: 0, bytes: 0, knownFiles: 0 },
};

export class Scans {
  readonly #origins = new Map<OriginId, Scheduled>();

  constructor(readonly ports: ScansPorts) {}

  /**
   * Scans the origin soon and from then on. `isNewPlace`: its id stood for another place before, and
   * what was there is gone on purpose.
   */
  add(origin: OriginId, intervalMs: number, isNewPlace = false): void {
    void this.remove(origin);
    this.#origins.set(origin, {
      intervalMs,
      allowEmpty: isNewPlace,
      abort: new AbortController(),
      timer: undefined,
      running: undefined,
      incomplete: 0,
    });
    this.#arm(origin, 0);
  }

  /** The origin answers again: what it missed is looked at now. */
  recovered(origin: OriginId): void {
    const scheduled = this.#origins.get(origin);
    if (scheduled !== undefined && scheduled.running === undefined) this.#arm(origin, 0);
  }

  /** Anything may have changed since now: scans the origin from its start, soon. */
  rescan(origin: OriginId): void {
    const scheduled = this.#origins.get(origin);
    if (scheduled?.running !== undefined) scheduled.running.again = true;
    else if (scheduled !== undefined) this.#arm(origin, 0);
  }

  /**
   * Scans an origin now, whatever its health. Rejects as `sync/scan.ts`, and with `usage` for an
   * origin that is not scanned at all.
   */
  async request(origin: OriginId, request: ScanRequest): Promise<ScanResult> {
    const { wait = false, allowEmpty = false, full = false, onProgress } = request;
    for (;;) {
      const scheduled = this.#origins.get(origin);
      if (scheduled === undefined)
        throw new OwnError("usage", `no enabled origin is named ${origin}`);
      const { running } = scheduled;
      if (running === undefined || (wait && !allowEmpty && !full)) {
        const joined = running ?? this.#start(origin, scheduled, { allowEmpty, full, wait });
        return await followed(joined, onProgress);
      }
      if (!wait) throw new OwnError("busy", `another scan of origin ${origin} is running`);
      await running.ended;
    }
  }

  /** The scans that run now. */
  running(): readonly RunningScan[] {
    return [...this.#origins].flatMap(([origin, { running }]) => {
      if (running === undefined) return [];
      const { startedMs, progress } = running;
      return [{ origin, startedMs, progress }];
    });
  }

  /** Scans the origin no more; resolves when a scan that runs has ended. */
  async remove(origin: OriginId): Promise<void> {
    const scheduled = this.#origins.get(origin);
    this.#origins.delete(origin);
    scheduled?.timer?.[Symbol.dispose]();
    scheduled?.abort.abort("the origin was removed");
    await scheduled?.running?.ended;
  }

  /** Ends all scans and resolves when none runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#origins.keys()].map((origin) => this.remove(origin)));
  }

  /** Resolves when the scans that run now have ended; for tests and orderly stops. */
  async settled(): Promise<void> {
    await Promise.all([...this.#origins.values()].map(({ running }) => running?.ended));
  }

  #arm(origin: OriginId, delayMs: number): void {
    const scheduled = this.#origins.get(origin);
    if (scheduled === undefined) return;
    scheduled.timer?.[Symbol.dispose]();
    scheduled.timer = this.ports.clock.schedule(delayMs, () => {
      if (this.ports.usable(origin)) this.#start(origin, scheduled, {});
      else this.#arm(origin, RETRY_MS);
    });
  }

  #start(origin: OriginId, scheduled: Scheduled, options: ScanOptions): Running {
    const { clock, random, scan, watched } = this.ports;
    scheduled.timer?.[Symbol.dispose]();
    const watchers: Running["watchers"] = new Set();
    const onProgress = (progress: ScanProgress) => {
      running.progress = progress;
      for (const watcher of watchers) watcher(progress);
    };
    const allowEmpty = options.allowEmpty === true || scheduled.allowEmpty;
    const { wait = false, full = false } = options;
    const result = scan(origin, { allowEmpty, full, wait, onProgress }, scheduled.abort.signal);
    const intervalMs = scheduled.intervalMs * (1 + JITTER * (2 * random() - 1));
    const ended = result
      .then(
        ({ outcome }) => {
          scheduled.allowEmpty = false;
          scheduled.incomplete = outcome === "complete" ? 0 : scheduled.incomplete + 1;
          if (!watched(origin)) return intervalMs;
          if (scheduled.incomplete === 0) return undefined;
          return Math.min(intervalMs, RETRY_MS * 2 ** (scheduled.incomplete - 1));
        },
        (error: unknown) => {
          this.#tell(error);
          return Math.min(intervalMs, RETRY_MS);
        },
      )
      .then((nextMs) => {
        scheduled.running = undefined;
        const delayMs = running.again ? 0 : nextMs;
        if (delayMs === undefined || this.#origins.get(origin) !== scheduled) return;
        this.#arm(origin, delayMs);
      });
    const startedMs = clock.wallMs();
    const progress = NOTHING_YET;
    const running: Running = { startedMs, watchers, progress, again: false, result, ended };
    scheduled.running = running;
    return running;
  }

  /** Whatever else a scan fails for is told by its `scan_finished`. */
  #tell(error: unknown): void {
    if (error instanceof MusicFsError && error.code === "busy") this.ports.onFault(error.message);
  }
}

/** The result of a scan, whose progress goes to `watcher`, too. */
async function followed(
  { result, watchers }: Running,
  watcher: ScanOptions["onProgress"],
): Promise<ScanResult> {
  if (watcher !== undefined) watchers.add(watcher);
  return await result;
}
