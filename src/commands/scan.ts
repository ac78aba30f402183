/** `musicfs scan`. */

import type { Command } from "commander";
import { systemClock } from "../core/clock.ts";
import type { Config } from "../core/config/config.ts";
import { findOrigin } from "../core/config/find.ts";
import { loadConfig } from "../core/config/load.ts";
import { ownDirectory } from "../core/config/own_file.ts";
import type { Surroundings } from "../core/config/paths.ts";
import type { ScanAnswer } from "../core/control/answers.ts";
import { mountOfCache } from "../core/control/find_mount.ts";
import { scanJson } from "../core/control/scan_json.ts";
import { OwnError } from "../core/errors.ts";
import type { OriginId } from "../core/origins/origin.ts";
import { openStandalone } from "../core/origins/standalone.ts";
import { UsageLedger, usageFile } from "../core/origins/usage.ts";
import { openLibraryCatalog } from "../core/sync/library_catalog.ts";
import { type ScanSums, scanOrigins } from "../core/sync/scan_origins.ts";
import { type StandaloneScanPorts, standaloneScan } from "../core/sync/standalone_scan.ts";
import { action, contextOf } from "./context.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";
import { print, printJson, remark, showProgress } from "./output.ts";
import { reasonFor } from "./reason.ts";
import {
  type ChunkedAnswer,
  type ChunksFlags,
  checkChunks,
  chunkOrigins,
  chunksLines,
  reportChunks,
} from "./scan_chunks.ts";
import { ScanProgressLine } from "./scan_progress.ts";
import { hasColours, table } from "./table.ts";

interface ScanFlags extends ChunksFlags {
  readonly quiet?: boolean;
  readonly allowEmpty?: boolean;
  readonly wait?: boolean;
  readonly full?: boolean;
}

const HELP = `
Lists the origins completely and updates what the mount shows. A directory that could not be listed
keeps its files; so does an origin that is suddenly empty or lost more than half of its files, unless
--allow-empty says that this is right. A running mount scans by itself and shows the changes at once.

With --chunks, new and changed files of local origins are read once, and what they consist of is kept. With
--publish it is written into a directory or bucket, which other machines read: their origins' setting "index" says
where it is, and sync-delta there fetches just the chunks that changed. Nothing is ever written to an origin.

Silent when all went well and standard output is no terminal, as in cron jobs.

Exit codes: 0 done, 2 wrong usage or configuration, 3 some origin failed or was held, 4 busy: another
scan of the origin is running (--wait waits for it, and what it found is the answer).

Examples:
  musicfs scan
  musicfs scan nas --allow-empty
  musicfs scan --wait --json
  musicfs scan disk --chunks --publish /srv/musicfs-index
  musicfs scan disk --chunks --publish s3://shelf/disk
  17 4 * * *  musicfs scan --quiet`;

export function setUp(command: Command): void {
  command
    .argument("[origin...]", "only these origins")
    .option("--quiet", "say only what went wrong")
    .option("--allow-empty", "remove files although an origin lost most of them")
    .option("--full", "list every directory, also those that are known to be as they were")
    .option("--wait", "wait for a scan that is running instead of giving up")
    .option("--chunks", "read what is new on local origins, and keep what it consists of")
    .option(
      "--publish <PLACE>",
      "with --chunks: write an index for other machines to a directory or s3://BUCKET/PREFIX",
    )
    .addHelpText("after", HELP)
    .action(
      action(async (ids: readonly string[], scanFlags: ScanFlags) => {
        const { quiet = false, allowEmpty = false, wait = false, full = false } = scanFlags;
        const { around, flags, json } = contextOf(command);
        const { config } = await loadConfig(flags, around);
        const chosen = originsToScan(config, ids);
        checkChunks(config, chosen, scanFlags);
        const live = process.stderr.isTTY === true && !json && !quiet;
        const onProgress = live ? progressShown() : () => undefined;
        const wish = { origins: chosen, allowEmpty, wait, full, onProgress };
        using mount = await mountOfCache(config.cacheDir, around);
        const result = await (mount === undefined
          ? scanHere(config, around, wish)
          : mount.client.scan(
              { origins: [...chosen], allow_empty: allowEmpty, wait, full },
              onProgress,
            ));
        if (live) showProgress("");
        const chunked =
          scanFlags.chunks === true
            ? await chunkOrigins(config, chosen, scanFlags, live)
            : undefined;
        report(result, chunked, { json, quiet: quiet || process.stdout.isTTY !== true });
        const hasFailed = chunked?.some(({ failed }) => failed.length > 0) ?? false;
        return hasFailed ? EXIT.partly : exitCode(result);
      }),
    );
}

interface ScanWish {
  readonly origins: readonly OriginId[];
  readonly allowEmpty: boolean;
  readonly wait: boolean;
  readonly full: boolean;
  readonly onProgress: (sums: ScanSums) => void;
}

/** A running mount scans by itself: it tells the kernel what changed. Without one this process does. */
async function scanHere(config: Config, around: Surroundings, wish: ScanWish): Promise<ScanAnswer> {
  ownDirectory(config.cacheDir, "cache directory", around.uid);
  await using catalog = await openLibraryCatalog(config, systemClock);
  const { store } = catalog;
  if (store.notice !== undefined) remark(`musicfs: ${store.notice}`);
  const usageStore = usageFile(config.cacheDir);
  await using usage = await UsageLedger.open({ clock: systemClock, store: usageStore });
  const open: StandaloneScanPorts["open"] = (settings, extras) =>
    openStandalone(settings, systemClock, { ...extras, usage: usage.meter(settings.id) });
  const ports = { catalog: store, clock: systemClock, lockDirectory: config.cacheDir, open };
  const { allowEmpty, wait, full } = wish;
  const found = await scanOrigins(wish.origins, {
    clock: systemClock,
    scan: (id, onProgress) =>
      standaloneScan(findOrigin(config, id), ports, { allowEmpty, wait, full, onProgress }),
    onProgress: wish.onProgress,
  });
  return scanJson(found);
}

/** Throws `usage` for one that is not there or disabled. */
function originsToScan(config: Config, ids: readonly string[]): readonly OriginId[] {
  if (ids.length === 0) return config.origins.filter(({ enabled }) => enabled).map(({ id }) => id);
  const named = [...new Set(ids)].map((id) => findOrigin(config, id));
  const disabled = named.filter(({ enabled }) => !enabled).map(({ id }) => id);
  if (disabled.length === 0) return named.map(({ id }) => id);
  throw new OwnError("usage", `disabled: ${disabled.join(", ")}; see musicfs origins enable`);
}

function report(
  result: ScanAnswer,
  chunked: readonly ChunkedAnswer[] | undefined,
  how: { readonly json: boolean; readonly quiet: boolean },
) {
  if (how.json) printJson(chunked === undefined ? result : { ...result, chunks: chunked });
  else if (!how.quiet) {
    print(table(HEADER, result.origins.map(row), hasColours(process.env)));
    for (const line of chunksLines(chunked ?? [])) print(line);
  }
  reportChunks(chunked ?? []);
  for (const { id, reason, problems, problem_count } of result.origins) {
    if (reason !== null) remark(`musicfs: origin ${id}: ${reasonFor(id, reason)}`);
    for (const problem of problems) remark(`musicfs: origin ${id}: ${problem}`);
    const more = problem_count - problems.length;
    if (more > 0) remark(`musicfs: origin ${id}: and ${more} more`);
  }
}

function progressShown(): ScanWish["onProgress"] {
  const progress = new ScanProgressLine(systemClock);
  return (sums) => {
    const line = progress.next(sums);
    if (line !== undefined) showProgress(line);
  };
}

function exitCode({ origins }: ScanAnswer): ExitCode {
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

function row(scan: ScanAnswer["origins"][number]) {
  const number = (value: number) => ({ text: String(value), right: true });
  return [
    scan.id,
    scan.outcome,
    number(scan.files),
    number(scan.directories),
    number(scan.added),
    number(scan.modified),
    number(scan.removed),
    { text: (scan.elapsed_ms / 1000).toFixed(1), right: true },
  ];
}
