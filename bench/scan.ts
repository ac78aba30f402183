/** Scans of a local directory in which nothing has changed, beside find(1) over the same files. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, OURS } from "./peers.ts";
import { runProgram } from "./program.ts";
import type { Figure } from "./report.ts";
import type { Scale } from "./scale.ts";
import { makeEmptyFiles } from "./tree.ts";
import { quantile } from "./workload.ts";

export const FIND = "find";
export const RESCAN = "nothing changed";

/** Wall time of each, taking turns, and the memory of the scanning process. */
export async function benchScan(scale: Scale, root: string): Promise<readonly Figure[]> {
  const source = join(root, "source");
  makeEmptyFiles(source, scale.scannedFiles);
  const config = join(root, "config.toml");
  const origin = ["[[origins]]", 'id = "disk"', 'origin_type = "local"', `path = "${source}"`];
  writeFileSync(config, [`cache_dir = "${join(root, "cache")}"`, ...origin, ""].join("\n"));
  const scan = [BINARY, "--config", config, "scan"];
  const find = ["sh", "-c", `find "$1" -printf '%s %T@\\n' >/dev/null`, "sh", source];
  const first = await secondsOf(scan);
  await secondsOf(find);
  const times = { find: [] as number[], scan: [] as number[] };
  for (let round = 0; round < scale.rounds; round++) {
    times.find.push(await secondsOf(find));
    times.scan.push(await secondsOf(scan));
  }
  const seconds = (workload: string, peer: string, value: number): Figure => {
    return { workload, unit: "s", peer, value };
  };
  return [
    seconds("first scan", OURS, first),
    seconds(RESCAN, OURS, quantile(times.scan, 0.5)),
    seconds(RESCAN, FIND, quantile(times.find, 0.5)),
    { workload: "RSS", unit: "MB", peer: OURS, value: await peakMib(scan) },
  ];
}

async function secondsOf(command: readonly string[]): Promise<number> {
  const startedMs = performance.now();
  await runProgram(command);
  return (performance.now() - startedMs) / 1000;
}

/** Of the scanning process; its guard process holds a page of entries and no more. */
async function peakMib(command: readonly string[]): Promise<number> {
  const child = Bun.spawn([...command], { stdio: ["ignore", "ignore", "inherit"] });
  await child.exited;
  return (child.resourceUsage()?.maxRSS ?? Number.NaN) / 2 ** 20;
}
