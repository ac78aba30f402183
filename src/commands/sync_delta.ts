/** `musicfs sync-delta`. */

import type { Command } from "commander";
import { displayText } from "../core/bytes.ts";
import type { SyncDeltaAnswer } from "../core/control/delta_answers.ts";
import { shownBytes } from "../core/quantities.ts";
import { libraryPaths } from "./cache/paths.ts";
import { byteProgress } from "./cache/progress.ts";
import { openCacheSession } from "./cache/session.ts";
import { action, contextOf } from "./context.ts";
import { EXIT } from "./exit_code.ts";
import { print, printJson, remark } from "./output.ts";
import { hasColours, table } from "./table.ts";

interface SyncFlags {
  readonly all?: boolean;
  readonly dryRun?: boolean;
}

const HELP = `
Brings files whose older version is in the cache to the version that their origins have now, and fetches only
what changed: of a file with a new tag some kilobytes. Every result is proved by a checksum that the origin
keeps (S3) or computes (SFTP with a shell); what cannot be proved is fetched as a whole. Readers of the mount
see the old version or the new one. What origins hold now is looked at first: no scan is needed.

Arguments are paths of the library, as with musicfs cache, or ids of origins; without any, all that is cached.
A running mount keeps its cached files up to date by itself, as soon as it learns of a change.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 some files failed, 4 another
process uses the cache.

Examples:
  musicfs sync-delta
  musicfs sync-delta cloud --dry-run
  musicfs sync-delta "/mnt/music/Nina Simone" --all`;

export function setUp(command: Command): void {
  command
    .argument("[path-or-origin...]", "only these files, directories, playlists and origins")
    .option("--all", "fetch files of which nothing is cached, too")
    .option("--dry-run", "say what would be done, and fetch nothing")
    .addHelpText("after", HELP)
    .action(
      action(async (given: readonly string[], { all = false, dryRun = false }: SyncFlags) => {
        const context = contextOf(command);
        await using session = await openCacheSession(context);
        const origins = given.filter((text) => session.originIds.includes(text));
        const places = given.filter((text) => !origins.includes(text));
        const { paths, missing } = await libraryPaths(
          places,
          session,
          context.around.workingDirectory,
        );
        for (const entry of missing) remark(`musicfs: not in the library: ${displayText(entry)}`);
        const wish = { paths, origins, all, dryRun };
        const answer = await byteProgress(context, (onBytes) =>
          session.cache.syncDelta(wish, onBytes),
        );
        report(answer, context.json);
        return answer.totals.failed + missing.length === 0 ? EXIT.done : EXIT.partly;
      }),
    );
}

function report(answer: SyncDeltaAnswer, json: boolean): void {
  for (const { path, method, reason } of answer.files) {
    if (method === null) remark(`musicfs: ${displayText(path)}: ${displayText(reason ?? "")}`);
  }
  if (json) {
    printJson(answer);
    return;
  }
  const { files, totals, checked, current, dry_run } = answer;
  const done = files.filter(({ method }) => method !== null);
  const columns = dry_run ? PLANNED : DONE;
  if (done.length > 0) {
    const rows = done.map((file) => columns.map(({ of }) => of(file)));
    const header = columns.map(({ title }) => title);
    print(table(header, rows, hasColours(process.env)));
  }
  const summary = dry_run
    ? `${done.length} of ${checked} files would be synced, ${shownBytes(totals.bytes)} together`
    : `${done.length} of ${checked} files synced, ${current} were up to date; fetched ${shownBytes(totals.fetched_bytes)} of ${shownBytes(totals.bytes)}`;
  print(summary);
}

interface Column {
  readonly title: string;
  readonly of: (file: SyncDeltaAnswer["files"][number]) => string | Right;
}

interface Right {
  readonly text: string;
  readonly right: boolean;
}

const right = (text: string): Right => ({ text, right: true });

const PLANNED: readonly Column[] = [
  { title: "METHOD", of: ({ method }) => method ?? "" },
  { title: "SIZE", of: ({ bytes }) => right(shownBytes(bytes)) },
  { title: "PATH", of: ({ path }) => displayText(path) },
];

const DONE: readonly Column[] = [
  { title: "METHOD", of: ({ method }) => method ?? "" },
  { title: "FETCHED", of: (file) => right(shownBytes(file.fetched_bytes)) },
  { title: "REUSED", of: (file) => right(shownBytes(file.reused_bytes)) },
  { title: "SECONDS", of: (file) => right((file.elapsed_ms / 1000).toFixed(1)) },
  { title: "PATH", of: ({ path }) => displayText(path) },
];
