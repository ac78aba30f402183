/** `musicfs cache pin` and `prefetch`: both fetch; what is pinned stays. */

import type { Command } from "commander";
import { displayText } from "../../core/bytes.ts";
import type { CacheFetchAnswer } from "../../core/control/cache_answers.ts";
import type { CacheClient } from "../../core/control/client.ts";
import { shownBytes } from "../../core/quantities.ts";
import { action, contextOf } from "../context.ts";
import { EXIT } from "../exit_code.ts";
import { print, printJson, remark } from "../output.ts";
import { libraryPaths } from "./paths.ts";
import { byteProgress } from "./progress.ts";
import { openCacheSession } from "./session.ts";

const PIN_HELP = `
What is pinned is fetched and stays on disk: it plays with every origin gone. Pin again to fetch what was
added or changed since. Refused, with the sizes, when all that is pinned would not fit into nine tenths of
content_cache_gb.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 some files could not be fetched,
4 another process uses the cache.

Examples:
  musicfs cache pin /mnt/music/Favourites
  musicfs cache pin ~/party.m3u`;

const PREFETCH_HELP = `
What is fetched is evicted again when it was not read for long and its room is needed: see pin.

Exit codes: 0 done, 1 refused or failed, 2 wrong usage or configuration, 3 some files could not be fetched,
4 another process uses the cache.

Example:
  musicfs cache prefetch "/mnt/music/Nina Simone"`;

export function setUpPin(command: Command): void {
  setUp(command, PIN_HELP, (cache, paths, onBytes) => cache.pin(paths, onBytes));
}

export function setUpPrefetch(command: Command): void {
  setUp(command, PREFETCH_HELP, (cache, paths, onBytes) => cache.prefetch(paths, onBytes));
}

type Fetch = (
  cache: CacheClient,
  paths: readonly string[],
  onBytes: (doneBytes: number, totalBytes: number) => void,
) => Promise<CacheFetchAnswer>;

function setUp(command: Command, help: string, fetch: Fetch): void {
  command
    .argument("<path...>", "files, directories and playlists")
    .addHelpText("after", help)
    .action(
      action(async (given: readonly string[]) => {
        const context = contextOf(command);
        await using session = await openCacheSession(context);
        const { workingDirectory } = context.around;
        const { paths, missing } = await libraryPaths(given, session, workingDirectory);
        for (const entry of missing) {
          remark(`musicfs: not in the library: ${displayText(entry)}`);
        }
        const nothing = { files: 0, bytes: 0, fetched_bytes: 0, failed: [] };
        const fetched =
          paths.length === 0
            ? nothing
            : await byteProgress(context, (onBytes) => fetch(session.cache, paths, onBytes));
        report({ ...fetched, missing }, context.json);
        return fetched.failed.length + missing.length === 0 ? EXIT.done : EXIT.partly;
      }),
    );
}

function report(
  answer: CacheFetchAnswer & { readonly missing: readonly string[] },
  json: boolean,
): void {
  for (const { path, reason } of answer.failed) {
    remark(`musicfs: ${displayText(path)}: ${displayText(reason)}`);
  }
  if (json) {
    printJson(answer);
    return;
  }
  const { files, bytes, fetched_bytes, failed } = answer;
  const there = files - failed.length;
  print(
    `${there} of ${files} files are on disk, ${shownBytes(bytes)} together; fetched ${shownBytes(fetched_bytes)}`,
  );
}
