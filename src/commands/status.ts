/** `musicfs status`: what a running mount is doing. */

import type { Command } from "commander";
import { displayText } from "../core/bytes.ts";
import type { StatusAnswer } from "../core/control/answers.ts";
import { shownBytes, shownDuration } from "../core/quantities.ts";
import { chosenMount } from "./chosen_mount.ts";
import { action, contextOf } from "./context.ts";
import { degradedCacheText } from "./degraded_cache.ts";
import { COLOURS } from "./health.ts";
import { print, printJson } from "./output.ts";
import { type Cell, hasColours, table } from "./table.ts";

const HELP = `
Without a path: the configured mount, or the only one that runs. Exit code 1 when none does.

Examples:
  musicfs status
  musicfs status --json | jq .library.files`;

export function setUp(command: Command): void {
  command
    .argument("[mountpoint]", "the mount to ask")
    .addHelpText("after", HELP)
    .action(
      action(async (mountPoint: string | undefined) => {
        const context = contextOf(command);
        using mount = await chosenMount(context, mountPoint);
        if (context.json) printJson(mount.status);
        else print(statusText(mount.status, hasColours(context.around.env)));
        return undefined;
      }),
    );
}

function statusText(status: StatusAnswer, colours: boolean): string {
  const { library } = status;
  const waiting = status.reads_waiting === 0 ? "" : `, ${status.reads_waiting} reads wait`;
  const lines = [
    `${displayText(status.mount_point)} is ${status.status}${waiting}`,
    `process ${status.pid} for ${shownDuration(status.uptime_secs)}, musicfs ${status.version}`,
    `${library.files} files in ${library.directories} directories, ${shownBytes(library.bytes)}; ${library.files_without_proved_replica} without a second copy that is proved equal`,
    ...cacheText(status.cache),
    ...status.scans.map(
      ({ origin, directories, pending, files }) =>
        `scanning ${origin}: ${files} files in ${directories} directories, ${pending} directories to go`,
    ),
  ];
  return `${lines.join("\n")}\n\n${table(HEADER, status.origins.map(row), colours)}`;
}

function cacheText(cache: StatusAnswer["cache"]): readonly string[] {
  if (cache === null) return [];
  const { used_bytes, limit_bytes, hit_bytes, missed_bytes } = cache;
  const read = hit_bytes + missed_bytes;
  const hits =
    read === 0 ? "" : `, which answered ${Math.round((100 * hit_bytes) / read)} % of bytes`;
  return [
    `${shownBytes(used_bytes)} of ${shownBytes(limit_bytes)} in the cache${hits}`,
    ...degradedCacheText(cache),
  ];
}

const HEADER = ["ORIGIN", "TYPE", "PRIORITY", "STATUS", "READS", "BYTES", "TODAY", "THIS MONTH"];

type Usage = NonNullable<StatusAnswer["origins"][number]["usage"]>;

function row(origin: StatusAnswer["origins"][number]): readonly (string | Cell)[] {
  const { id, type, priority, enabled, status, reads, bytes, usage } = origin;
  return [
    id,
    type,
    { text: String(priority), right: true },
    { text: enabled ? status : "disabled", colour: COLOURS[status] },
    { text: String(reads), right: true },
    { text: shownBytes(bytes), right: true },
    shownUsage(usage?.today),
    shownUsage(usage?.this_month),
  ];
}

/** What is billed, where the origin is a remote one. */
function shownUsage(counts: Usage["today"] | undefined): string {
  if (counts === undefined) return "";
  const { requests, received_bytes, sent_bytes } = counts;
  return `${requests} requests, ${shownBytes(received_bytes + sent_bytes)}`;
}
