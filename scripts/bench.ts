/**
 * Measures MusicFS beside what people use today, on this machine, in one run:
 *
 *   bun scripts/bench.ts [--quick | --smoke] [PART]...
 *
 * Parts are local, scan, start, remote, far, failover, chunks and delta; default: all. Prints Markdown
 * (docs/benchmarks.md). `--quick` takes a minute or two and tells little, `--smoke` only shows that everything still
 * runs. Needs root: it drops the kernel's caches. Works in a temporary directory and leaves nothing.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import {
  type Aim,
  aimTable,
  chunkAims,
  failoverAims,
  farAims,
  localAims,
  remoteAims,
  scanAims,
  sickAims,
  startAims,
} from "../bench/aims.ts";
import { benchChunks } from "../bench/chunks.ts";
import { benchDelta, deltaTable } from "../bench/delta.ts";
import { benchFailover, standstillTable } from "../bench/failover.ts";
import { benchFar } from "../bench/far.ts";
import { benchLocal } from "../bench/local.ts";
import { describeMachine } from "../bench/machine.ts";
import { endOnSignals } from "../bench/program.ts";
import { benchRemote } from "../bench/remote.ts";
import { figureTable } from "../bench/report.ts";
import { SCALES, type Scale } from "../bench/scale.ts";
import { benchScan } from "../bench/scan.ts";
import { startServers } from "../bench/servers.ts";
import { benchSick, latencyTable } from "../bench/sick.ts";
import { benchStart } from "../bench/start.ts";

const PARTS = ["local", "scan", "start", "remote", "far", "failover", "chunks", "delta"] as const;

function usage(problem: string): never {
  console.error(`bench: ${problem}\nusage: bench [--quick | --smoke] [${PARTS.join(" | ")}]...`);
  process.exit(2);
}

function section(title: string, ...paragraphs: readonly string[]): void {
  console.log([`### ${title}`, ...paragraphs].join("\n\n"), "\n");
}

async function local(scale: Scale, root: string): Promise<readonly Aim[]> {
  const figures = await benchLocal(scale, root);
  const files = scale.directories * scale.filesPerDirectory;
  section(
    `A local directory: ${files} small files, one of ${scale.largeFileBytes / 2 ** 20} MiB`,
    figureTable(figures.wall),
    "CPU time of the file system's own process for the same:",
    figureTable(figures.cpu),
    "After all of it was listed and the large file read:",
    figureTable(figures.footprint),
  );
  return localAims(figures);
}

async function scan(scale: Scale, root: string): Promise<readonly Aim[]> {
  const figures = await benchScan(scale, root);
  section(`Scans of ${scale.scannedFiles} files`, figureTable(figures));
  return scanAims(figures);
}

async function start(scale: Scale, root: string): Promise<readonly Aim[]> {
  const figures = await benchStart(scale, root);
  section(`Starting a mount of ${scale.knownFiles} known files`, figureTable(figures));
  return startAims(figures);
}

async function remote(scale: Scale, root: string): Promise<readonly Aim[]> {
  await using cleanUp = new AsyncDisposableStack();
  const servers = await startServers(scale, root, cleanUp);
  const figures = await benchRemote(scale, servers, root);
  const size = `${scale.remoteFiles} small files, one of ${scale.remoteLargeFileBytes / 2 ** 20} MiB`;
  section(`SFTP: ${size}`, figureTable(figures.sftp.wall), figureTable(figures.sftp.cpu));
  section(`S3: ${size}`, figureTable(figures.s3.wall), figureTable(figures.s3.cpu));
  const latencies = await benchSick(scale, servers, root);
  section("Reads of 64 KiB while another origin is sick", latencyTable(latencies));
  return [...remoteAims(figures), ...sickAims(latencies)];
}

async function far(scale: Scale, root: string): Promise<readonly Aim[]> {
  await using cleanUp = new AsyncDisposableStack();
  const figures = await benchFar(scale, await startServers(scale, root, cleanUp), root);
  section("SFTP, 50 ms away, everybody with his cache", figureTable(figures.sftp));
  section("S3, 50 ms away, everybody with his cache", figureTable(figures.s3));
  return farAims(figures);
}

async function failover(scale: Scale, root: string): Promise<readonly Aim[]> {
  await using cleanUp = new AsyncDisposableStack();
  const servers = await startServers(scale, root, cleanUp);
  const found = await benchFailover(scale, servers, root);
  section(
    "How long a reader stands still when an origin fails in the middle of a file",
    `The median of ${scale.failoverRounds}, in brackets the longest.`,
    standstillTable(found),
  );
  return failoverAims(found);
}

async function chunks(scale: Scale, root: string): Promise<readonly Aim[]> {
  const figures = await benchChunks(scale, root);
  section(
    `Cutting and hashing chunks of ${scale.chunkedBytes / 2 ** 20} MiB, for each second of CPU time`,
    figureTable(figures),
  );
  return chunkAims(figures);
}

async function delta(scale: Scale, root: string): Promise<void> {
  if (scale.deltaLibraries === 0) return;
  const figures = await benchDelta(scale, root);
  section(`Following ${6 * scale.deltaLibraries} files that taggers changed`, deltaTable(figures));
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean" }, smoke: { type: "boolean" } },
  });
  const unknown = positionals.find((part) => !PARTS.some((known) => known === part));
  if (unknown !== undefined) usage(`there is no part '${unknown}'`);
  if (process.getuid?.() !== 0) usage("run it as root: it mounts, and drops the kernel's caches");
  const has = (part: (typeof PARTS)[number]) =>
    positionals.length === 0 || positionals.includes(part);
  const scale = SCALES[values.smoke ? "smoke" : values.quick ? "quick" : "full"];
  const root = mkdtempSync(join(tmpdir(), "musicfs-bench-"));
  // The SFTP server's user has his files in it.
  chmodSync(root, 0o755);
  try {
    section("Machine", describeMachine(root));
    const aims: Aim[] = [];
    if (has("local")) aims.push(...(await local(scale, directory(root, "local"))));
    if (has("scan")) aims.push(...(await scan(scale, directory(root, "scan"))));
    if (has("start")) aims.push(...(await start(scale, directory(root, "start"))));
    if (has("remote")) aims.push(...(await remote(scale, directory(root, "remote"))));
    if (has("far")) aims.push(...(await far(scale, directory(root, "far"))));
    if (has("failover")) aims.push(...(await failover(scale, directory(root, "failover"))));
    if (has("chunks")) aims.push(...(await chunks(scale, directory(root, "chunks"))));
    if (has("delta")) await delta(scale, directory(root, "delta"));
    section("Aims", aimTable(aims));
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

function directory(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  return path;
}

function build(): void {
  const built = Bun.spawnSync([process.execPath, resolve(import.meta.dir, "build.ts")]);
  if (built.exitCode !== 0) throw new Error(built.stderr.toString());
}

if (!process.argv.includes("--smoke")) build();
endOnSignals();
await main();
