/** Several origins scanned at once, each to its own end, whatever becomes of the others. */

import type { ScanOutcome } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ScanResult } from "./scan.ts";
import type { ScanProgress } from "./scan_tally.ts";

export interface ScanOriginsPorts {
  readonly clock: Clock;
  /** Scans one origin; rejects as `sync/scan.ts`. */
  readonly scan: (
    origin: OriginId,
    onProgress: (progress: ScanProgress) => void,
  ) => Promise<ScanResult>;
  /** Told after every page. */
  readonly onProgress?: (sums: ScanSums) => void;
}

/** How far scans have come, over all of their origins. */
export interface ScanSums {
  readonly files: number;
  readonly directories: number;
  /** Directories that were found and are not listed yet. */
  readonly pending: number;
  /** Files that the origins had when their scans began; 0 where one is scanned for the first time. */
  readonly knownFiles: number;
}

export const NO_SUMS: ScanSums = { files: 0, directories: 0, pending: 0, knownFiles: 0 };

/** How one origin's scan went. Numbers are 0 where it failed or was busy. */
export interface OriginScan {
  readonly id: OriginId;
  readonly outcome: ScanOutcome | "failed" | "busy";
  readonly directories: number;
  readonly files: number;
  readonly bytes: number;
  readonly added: number;
  readonly modified: number;
  readonly removed: number;
  readonly kept: number;
  readonly elapsedMs: number;
  /** Why it is not complete. */
  readonly reason: string | undefined;
  /** The first of what could not be listed or shown, each with its reason. */
  readonly problems: readonly string[];
  readonly problemCount: number;
}

export interface ScanSummary {
  /** In the order given. */
  readonly origins: readonly OriginScan[];
}

/** Rejects only with what is a bug; failures of origins are outcomes. */
export async function scanOrigins(
  origins: readonly OriginId[],
  ports: ScanOriginsPorts,
): Promise<ScanSummary> {
  const sums = new Map<OriginId, ScanProgress>();
  const scans = origins.map((id) =>
    scanOrigin(id, ports, (progress) => {
      sums.set(id, progress);
      ports.onProgress?.(sumsOf([...sums.values()]));
    }),
  );
  return { origins: await Promise.all(scans) };
}

function sumsOf(all: readonly ScanProgress[]): ScanSums {
  const total = (count: (progress: ScanProgress) => number) =>
    all.reduce((sum, progress) => sum + count(progress), 0);
  const isFirst = all.some(({ knownFiles }) => knownFiles === 0);
  return {
    files: total(({ files }) => files),
    directories: total(({ directories }) => directories),
    pending: total(({ pending }) => pending),
    knownFiles: isFirst ? 0 : total(({ knownFiles }) => knownFiles),
  };
}

async function scanOrigin(
  id: OriginId,
  { clock, scan }: ScanOriginsPorts,
  onProgress: (progress: ScanProgress) => void,
): Promise<OriginScan> {
  const startedMs = clock.monotonicMs();
  const elapsedMs = () => clock.monotonicMs() - startedMs;
  try {
    const { problems, reason, changes: _, ...report } = await scan(id, onProgress);
    const reasons = problems.map((problem) => problem.reason);
    return { id, ...report, reason, problems: reasons, elapsedMs: elapsedMs() };
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
    const outcome = error.code === "busy" ? "busy" : "failed";
    const reason = error.message;
    return { id, outcome, ...NOTHING, reason, elapsedMs: elapsedMs() };
  }
}

const NOTHING = {
  directories: 0,
  files: 0,
  bytes: 0,
  added: 0,
  modified: 0,
  removed: 0,
  kept: 0,
  problems: [],
  problemCount: 0,
} as const;
