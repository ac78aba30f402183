/** What scans found, as `scan --json` and the control API show it (docs/configuration.md). */

import type { OriginScan, ScanSummary, ScanSums } from "../sync/scan_origins.ts";
import type { ScanAnswer, ScanProgressAnswer } from "./answers.ts";

export function scanJson({ origins }: ScanSummary): ScanAnswer {
  const total = (count: (scan: OriginScan) => number) =>
    origins.reduce((sum, scan) => sum + count(scan), 0);
  const outcomes = new Set(origins.map(({ outcome }) => outcome));
  const [only = "complete"] = outcomes;
  return {
    outcome: outcomes.size > 1 ? "partial" : only,
    totals: {
      directories: total((scan) => scan.directories),
      files: total((scan) => scan.files),
      bytes: total((scan) => scan.bytes),
      added: total((scan) => scan.added),
      modified: total((scan) => scan.modified),
      removed: total((scan) => scan.removed),
      kept: total((scan) => scan.kept),
    },
    origins: origins.map((scan) => ({
      id: scan.id,
      outcome: scan.outcome,
      directories: scan.directories,
      files: scan.files,
      bytes: scan.bytes,
      added: scan.added,
      modified: scan.modified,
      removed: scan.removed,
      kept: scan.kept,
      elapsed_ms: Math.round(scan.elapsedMs),
      reason: scan.reason ?? null,
      problems: [...scan.problems],
      problem_count: scan.problemCount,
    })),
  };
}

export function scanProgressJson(sums: ScanSums): ScanProgressAnswer {
  return {
    files: sums.files,
    directories: sums.directories,
    pending_directories: sums.pending,
    known_files: sums.knownFiles,
  };
}

export function scanSums(answer: ScanProgressAnswer): ScanSums {
  return {
    files: answer.files,
    directories: answer.directories,
    pending: answer.pending_directories,
    knownFiles: answer.known_files,
  };
}
