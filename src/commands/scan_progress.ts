/** How far a scan has come, as a line on a terminal. */

import type { Clock } from "../core/clock.ts";
import { shownDuration } from "../core/quantities.ts";
import type { ScanSums } from "../core/sync/scan_origins.ts";

/** A line is written this often at most. */
const INTERVAL_MS = 100;
/** A rate is told once it was measured for so long. */
const MEASURED_MS = 1000;

interface Measured {
  readonly atMs: number;
  readonly files: number;
}

export class ScanProgressLine {
  #first: Measured | undefined;
  #shownMs = Number.NEGATIVE_INFINITY;

  constructor(readonly clock: Clock) {}

  /** The line to show now; undefined while the one shown before is new enough. */
  next(sums: ScanSums): string | undefined {
    const nowMs = this.clock.monotonicMs();
    this.#first ??= { atMs: nowMs, files: sums.files };
    if (nowMs - this.#shownMs < INTERVAL_MS) return undefined;
    this.#shownMs = nowMs;
    const rate = ratePerSec(this.#first, { atMs: nowMs, files: sums.files });
    const speed = rate === undefined ? [] : [`${Math.round(rate)}/s`];
    const found = `${sums.files} files in ${sums.directories} directories`;
    return [found, ...speed, ...toGo(sums, rate)].join(", ");
  }
}

function ratePerSec(first: Measured, now: Measured): number | undefined {
  const tookMs = now.atMs - first.atMs;
  if (tookMs < MEASURED_MS || now.files <= first.files) return undefined;
  return ((now.files - first.files) * 1000) / tookMs;
}

/** A time where it is known how many files there are, else what is known to be left. */
function toGo({ files, pending, knownFiles }: ScanSums, rate: number | undefined): string[] {
  const left = knownFiles - files;
  if (left > 0 && rate !== undefined) return [`about ${shownDuration(left / rate)} to go`];
  return pending > 0 ? [`${pending} directories to go`] : [];
}
