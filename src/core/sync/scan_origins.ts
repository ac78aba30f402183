/** Several origins scanned at once, each to its own end, whatever becomes of the others. */

import type { CatalogWriter, ScanOutcome } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { OriginSettings } from "../config/config.ts";
import { MusicFsError } from "../errors.ts";
import { EventBus } from "../events.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { Exclusion } from "./exclusion.ts";
import { scan } from "./scan.ts";

export interface ScanOriginsPorts {
  readonly catalog: CatalogWriter;
  readonly clock: Clock;
  /** Where the locks are. */
  readonly lockDirectory: string;
  readonly open: (settings: OriginSettings) => Promise<Origin>;
}

export interface ScanOriginsOptions {
  readonly allowEmpty: boolean;
  /** Told of the sums over all origins. */
  readonly onProgress?: (files: number, directories: number) => void;
}

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
  /** The first of the directories that could not be listed, each with its reason. */
  readonly problems: readonly string[];
  readonly problemCount: number;
}

export interface ScanSummary {
  /** In the order given. */
  readonly origins: readonly OriginScan[];
}

/** Rejects only with what is a bug; failures of origins are outcomes. */
export async function scanOrigins(
  origins: readonly OriginSettings[],
  ports: ScanOriginsPorts,
  options: ScanOriginsOptions,
): Promise<ScanSummary> {
  const sums = new Map<OriginId, { readonly files: number; readonly directories: number }>();
  const onProgress = (id: OriginId, files: number, directories: number) => {
    sums.set(id, { files, directories });
    const all = [...sums.values()];
    options.onProgress?.(
      all.reduce((sum, each) => sum + each.files, 0),
      all.reduce((sum, each) => sum + each.directories, 0),
    );
  };
  const scans = origins.map((settings) => scanOrigin(settings, ports, options, onProgress));
  return { origins: await Promise.all(scans) };
}

async function scanOrigin(
  settings: OriginSettings,
  { catalog, clock, lockDirectory, open }: ScanOriginsPorts,
  { allowEmpty }: ScanOriginsOptions,
  onProgress: (id: OriginId, files: number, directories: number) => void,
): Promise<OriginScan> {
  const { id } = settings;
  const startedMs = clock.monotonicMs();
  const elapsedMs = () => clock.monotonicMs() - startedMs;
  let origin: Origin | undefined;
  try {
    origin = await open(settings);
    const ports = { catalog, events: new EventBus(), lockDirectory, onChanges: () => undefined };
    const {
      problems,
      reason,
      changes: _,
      ...report
    } = await scan(origin, ports, {
      exclusion: new Exclusion(settings.exclude),
      allowEmpty,
      onProgress: ({ files, directories }) => onProgress(id, files, directories),
    });
    return {
      id,
      ...report,
      reason,
      problems: problems.map((problem) => problem.reason),
      elapsedMs: elapsedMs(),
    };
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
    const outcome = error.code === "busy" ? "busy" : "failed";
    const reason = error.message;
    return { id, outcome, ...NOTHING, reason, elapsedMs: elapsedMs() };
  } finally {
    await origin?.close();
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
