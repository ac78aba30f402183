/** `musicfs cache stats`. */

import type { Command } from "commander";
import { displayText } from "../../core/bytes.ts";
import type { CacheStatsAnswer } from "../../core/control/cache_answers.ts";
import { shownBytes } from "../../core/quantities.ts";
import { action, contextOf } from "../context.ts";
import { print, printJson } from "../output.ts";
import { openCacheSession } from "./session.ts";

export function setUp(command: Command): void {
  command.action(
    action(async () => {
      const context = contextOf(command);
      await using session = await openCacheSession(context);
      const stats = await session.cache.stats();
      if (context.json) printJson(stats);
      else print(statsText(stats));
      return undefined;
    }),
  );
}

function statsText(stats: CacheStatsAnswer): string {
  const state = stats.reason === null ? [] : [`degraded: ${displayText(stats.reason)}`];
  const part = Math.round((100 * stats.used_bytes) / Math.max(1, stats.budget_bytes));
  const used = `${shownBytes(stats.used_bytes)} of ${shownBytes(stats.budget_bytes)} (${part} %)`;
  return [
    ...state,
    `${used} in ${stats.files} files, ${stats.complete_files} of them complete`,
    `${stats.pinned_files} pinned files, ${shownBytes(stats.pinned_bytes)}`,
    ...stats.pins.map((path) => `pinned: ${displayText(path === "" ? "/" : path)}`),
  ].join("\n");
}
