/**
 * Cutting a file into content-defined chunks and hashing them, beside programs that do so to store them. CPU time, so
 * that it counts what one core does: some of them use several.
 */

import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { notInstalled, OURS, present } from "./peers.ts";
import { runProgram } from "./program.ts";
import type { Figure } from "./report.ts";
import type { Scale } from "./scale.ts";
import { makeLargeFile } from "./tree.ts";
import { quantile } from "./workload.ts";

export const CHUNKING = "chunking";
/** The same without a hash of each chunk. */
export const BOUNDARIES = `${OURS}, boundaries alone`;

interface Chunker {
  readonly name: string;
  /** The CPU seconds of one run over the file; `scratch` is an empty directory of its own. */
  seconds(file: string, scratch: string): Promise<number>;
  readonly missing: string | undefined;
}

const CHUNKERS: readonly Chunker[] = [
  { name: OURS, seconds: (file) => ours("hashed", file), missing: undefined },
  { name: BOUNDARIES, seconds: (file) => ours("boundaries", file), missing: undefined },
  {
    name: "borg (buzhash, no compression)",
    async seconds(file, scratch) {
      const env = { BORG_BASE_DIR: scratch, BORG_REPO: join(scratch, "repository") };
      await runProgram(["borg", "init", "--encryption=none"], env);
      return await cpuSeconds(["borg", "create", "--compression=none", "::file", file], env);
    },
    missing: notInstalled("borg"),
  },
  {
    name: "casync (buzhash)",
    seconds: (file, scratch) =>
      cpuSeconds([
        "casync",
        "make",
        `--store=${join(scratch, "store")}`,
        join(scratch, "index.caibx"),
        file,
      ]),
    missing: notInstalled("casync"),
  },
  {
    name: "restic (Rabin)",
    async seconds(file, scratch) {
      const env = {
        RESTIC_REPOSITORY: join(scratch, "repository"),
        RESTIC_CACHE_DIR: join(scratch, "cache"),
        RESTIC_PASSWORD: "bench",
      };
      await runProgram(["restic", "init"], env);
      return await cpuSeconds(["restic", "backup", "--quiet", file], env);
    },
    missing: notInstalled("restic"),
  },
];

/** MB for each second of CPU time, the median of the rounds; everybody's file is in memory. */
export async function benchChunks(scale: Scale, root: string): Promise<readonly Figure[]> {
  const file = join(root, "file");
  await makeLargeFile(file, scale.chunkedBytes);
  const chunkers = present(CHUNKERS);
  const seconds = new Map(chunkers.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < scale.chunkRounds; round++) {
    for (const chunker of chunkers) {
      const scratch = mkdtempSync(join(root, "scratch-"));
      seconds.get(chunker.name)?.push(await chunker.seconds(file, scratch));
    }
  }
  return [...seconds].map(([peer, values]) => ({
    workload: CHUNKING,
    unit: "MB/s",
    peer,
    value: scale.chunkedBytes / 1e6 / quantile(values, 0.5),
  }));
}

async function ours(mode: "boundaries" | "hashed", file: string): Promise<number> {
  const script = join(import.meta.dir, "chunk_file.ts");
  return Number(await runProgram([process.execPath, script, mode, file]));
}

/** User and system, those of all its threads. */
async function cpuSeconds(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<number> {
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`exit status ${code}: ${command.join(" ")}`);
  return Number(child.resourceUsage()?.cpuTime.total ?? Number.NaN) / 1e6;
}
