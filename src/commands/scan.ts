/** `musicfs scan`. */

import type { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import { findOrigin } from "../core/config/find.ts";
import { loadConfig } from "../core/config/load.ts";
import { ownDirectory } from "../core/config/own_file.ts";
import { OwnError } from "../core/errors.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { openLibraryCatalog } from "../core/sync/library_catalog.ts";
import { type OriginScan, type ScanSummary, scanOrigins } from "../core/sync/scan_origins.ts";
import { action, contextOf } from "./context.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import { print, printJson, remark, showProgress } from "./output.ts";
import { reasonFor } from "./reason.ts";
import { hasColours, table } from "./table.ts";

interface ScanFlags {
  readonly quiet?: boolean;
  readonly allowEmpty?: boolean;
}

const HELP = `
Lists the origins completely and updates what the mount shows. A directory that could not be listed
keeps its files; so does an origin that is suddenly empty or lost more than half of its files, unless
--allow-empty says that this is right.

Silent when all went well and standard output is no terminal, as in cron jobs.

Exit codes: 0 done, 2 wrong usage or configuration, 3 some origin failed or was held, 4 busy: another
scan of the origin is running.

Examples:
  musicfs scan
  musicfs scan nas --allow-empty
  17 4 * * *  musicfs scan --quiet`;

export function setUp(command: Command): void {
  command
    .argument("[origin...]", "only these origins")
    .option("--quiet", "say only what went wrong")
    .option("--allow-empty", "remove files although an origin lost most of them")
    .addHelpText("after", HELP)
    .action(
      action(async (ids: readonly string[], { quiet = false, allowEmpty = false }: ScanFlags) => {
        const { around, flags, json } = contextOf(command);
        const { config } = await loadConfig(flags, around);
        const chosen = ids.length === 0 ? config.origins : ids.map((id) => findOrigin(config, id));
        const disabled = ids.filter((id) => !findOrigin(config, id).enabled);
        if (disabled.length > 0) {
          throw new OwnError(
            "usage",
            `disabled: ${disabled.join(", ")}; see musicfs origins enable`,
          );
        }
        ownDirectory(config.cacheDir, "cache directory", around.uid);
        await using catalog = await openLibraryCatalog(config, systemClock);
        const { notice } = catalog.store;
        if (notice !== undefined) remark(`musicfs: ${notice}`);
        const live = process.stderr.isTTY === true && !json && !quiet;
        const result = await scanOrigins(
          chosen.filter(({ enabled }) => enabled),
          {
            catalog: catalog.store,
            clock: systemClock,
            lockDirectory: config.cacheDir,
            open: (settings) => openStandalone(settings),
          },
          { allowEmpty, ...(live ? { onProgress: progressLine } : {}) },
        );
        if (live) showProgress("");
        report(result, { json, quiet: quiet || process.stdout.isTTY !== true });
        return exitCode(result);
      }),
    );

  function report(result: ScanSummary, how: { readonly json: boolean; readonly quiet: boolean }) {
    if (how.json) printJson(summaryJson(result));
    else if (!how.quiet) print(table(HEADER, result.origins.map(row), hasColours(process.env)));
    for (const { id, reason, problems, problemCount } of result.origins) {
      if (reason !== undefined) remark(`musicfs: origin ${id}: ${reasonFor(id, reason)}`);
      for (const problem of problems) remark(`musicfs: origin ${id}: ${problem}`);
      const more = problemCount - problems.length;
      if (more > 0) remark(`musicfs: origin ${id}: and ${more} more`);
    }
  }
}

function progressLine(files: number, directories: number): void {
  showProgress(`${files} files in ${directories} directories`);
}

function exitCode({ origins }: ScanSummary): ExitCode {
  const outcomes = origins.map(({ outcome }) => outcome);
  if (outcomes.every((outcome) => outcome === "complete")) return EXIT.done;
  const other = outcomes.some((outcome) => outcome !== "complete" && outcome !== "busy");
  return other ? EXIT.partly : EXIT.busy;
}

const HEADER = [
  "ORIGIN",
  "OUTCOME",
  "FILES",
  "DIRECTORIES",
  "ADDED",
  "MODIFIED",
  "REMOVED",
  "SECONDS",
];

function row(scan: OriginScan) {
  const number = (value: number) => ({ text: String(value), right: true });
  return [
    scan.id,
    scan.outcome,
    number(scan.files),
    number(scan.directories),
    number(scan.added),
    number(scan.modified),
    number(scan.removed),
    { text: (scan.elapsedMs / 1000).toFixed(1), right: true },
  ];
}

function summaryJson({ origins }: ScanSummary) {
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
      problems: scan.problems,
      problem_count: scan.problemCount,
    })),
  };
}
