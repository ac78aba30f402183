/**
 * The same tree mounted by MusicFS and its peers in one run: `bun bench/local.ts [--quick]`. Needs
 * root (it drops the kernel's caches). Figures are medians; what counts are the ratios, since all
 * peers ran on the same machine in the same minutes, in turn.
 */

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PeerMount } from "./mounted.ts";
import { PEERS, type Peer } from "./peers.ts";
import { type Figure, printFigures } from "./report.ts";

const quick = process.argv.includes("--quick");
const DIRECTORIES = 100;
const FILES_PER_DIRECTORY = quick ? 20 : 100;
const SMALL_FILE_BYTES = 4096;
const LARGE_FILE_BYTES = (quick ? 64 : 1024) * 1024 * 1024;
const ROUNDS = quick ? 1 : 5;
const IDLE_SECONDS = quick ? 1 : 5;

interface Workload {
  readonly name: string;
  readonly unit: "s" | "MB/s";
  /** Drop the kernel's caches and mount anew before each run. */
  readonly cold: boolean;
  /** A shell command over `$1`, the mount point, or the bare directory. */
  readonly script: string;
  /** Bytes moved, for MB/s. */
  readonly bytes?: number;
}

const RANDOM_READS = quick ? 500 : 4000;
const WORKLOADS: readonly Workload[] = [
  { name: "find, cold", unit: "s", cold: true, script: `find "$1" -printf '%s\\n' >/dev/null` },
  { name: "find, warm", unit: "s", cold: false, script: `find "$1" -printf '%s\\n' >/dev/null` },
  {
    name: "sequential, cold",
    unit: "MB/s",
    cold: true,
    script: `dd if="$1/large" of=/dev/null bs=1M status=none`,
    bytes: LARGE_FILE_BYTES,
  },
  {
    name: "64 KiB random",
    unit: "MB/s",
    cold: false,
    script: `exec "$BUN" "$RANDOM_READER" "$1/large" ${RANDOM_READS}`,
    bytes: RANDOM_READS * 65_536,
  },
  {
    name: "small files, cat",
    unit: "s",
    cold: true,
    script: `find "$1/d" -type f -print0 | xargs -0 cat >/dev/null`,
  },
];

if (process.getuid?.() !== 0) {
  console.error("bench: run as root, it drops the kernel's caches");
  process.exit(2);
}

/** Peers whose first scan is done. */
const prepared = new Set<string>();
const root = mkdtempSync(join(tmpdir(), "musicfs-bench-"));
try {
  await main();
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function main(): Promise<void> {
  const source = join(root, "source");
  await makeTree(source);
  const peers: Peer[] = [];
  for (const peer of PEERS) {
    const missing = peer.missing();
    if (missing === undefined) peers.push(peer);
    else console.error(`bench: left out, missing: ${missing}`);
  }
  const figures: Figure[] = [];
  for (const workload of WORKLOADS) {
    const times = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++) {
      await dropCaches();
      push(times, "bare directory", await time(workload.script, source));
      for (const peer of peers) {
        const mountPoint = join(root, "mnt");
        await prepare(peer, source, mountPoint);
        await using _mount = await PeerMount.start(peer, source, mountPoint, root);
        if (!workload.cold) await time(workload.script, mountPoint);
        else await dropCaches();
        push(times, peer.name, await time(workload.script, mountPoint));
      }
    }
    for (const [peer, seconds] of times) {
      const value = median(seconds);
      const shown = workload.bytes === undefined ? value : workload.bytes / 1e6 / value;
      figures.push({ workload: workload.name, unit: workload.unit, peer, value: shown });
    }
  }
  for (const peer of peers) figures.push(...(await footprint(peer, source)));
  printFigures(figures);
}

/** MusicFS shows what it knows: its first scan is made before anything is measured. */
async function prepare(peer: Peer, source: string, mountPoint: string): Promise<void> {
  if (!peer.name.startsWith("musicfs") || prepared.has(peer.name)) return;
  prepared.add(peer.name);
  await using _mount = await PeerMount.start(peer, source, mountPoint, root);
  const count = `[ $(find "$1" | wc -l) -eq $(find "$2" | wc -l) ]`;
  for (let tries = 0; tries < 100; tries++) {
    if ((await Bun.spawn(["sh", "-c", count, "sh", mountPoint, source]).exited) === 0) return;
    await Bun.sleep(200);
  }
  throw new Error("the first scan did not end");
}
async function footprint(peer: Peer, source: string): Promise<Figure[]> {
  const mountPoint = join(root, "mnt");
  await using mount = await PeerMount.start(peer, source, mountPoint, root);
  await time(`find "$1" -printf '%s\\n' >/dev/null; cat "$1/large" >/dev/null`, mountPoint);
  const before = mount.usage();
  await Bun.sleep(IDLE_SECONDS * 1000);
  const after = mount.usage();
  const idle = ((after.cpuTicks - before.cpuTicks) / 100 / IDLE_SECONDS) * 100;
  return [
    { workload: "RSS", unit: "MB", peer: peer.name, value: after.rssKib / 1024 },
    { workload: "idle CPU", unit: "%", peer: peer.name, value: idle },
  ];
}

async function time(script: string, path: string): Promise<number> {
  const started = performance.now();
  const child = Bun.spawn(["sh", "-c", script, "sh", path], {
    env: {
      ...process.env,
      BUN: process.execPath,
      RANDOM_READER: join(import.meta.dir, "random_reader.ts"),
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const code = await child.exited;
  if (code !== 0) throw new Error(`${script} exited ${code} on ${path}`);
  return (performance.now() - started) / 1000;
}

async function dropCaches(): Promise<void> {
  await Bun.spawn(["sync"]).exited;
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}

async function makeTree(source: string): Promise<void> {
  const content = crypto.getRandomValues(new Uint8Array(SMALL_FILE_BYTES));
  for (let d = 0; d < DIRECTORIES; d++) {
    const directory = join(source, "d", `album ${d}`);
    mkdirSync(directory, { recursive: true });
    for (let f = 0; f < FILES_PER_DIRECTORY; f++) {
      content[0] = f;
      writeFileSync(join(directory, `track ${f}.flac`), content);
    }
  }
  const size = String(LARGE_FILE_BYTES / 1024 / 1024);
  const large = ["dd", "if=/dev/urandom", `of=${join(source, "large")}`, "bs=1M", `count=${size}`];
  await Bun.spawn([...large, "status=none"]).exited;
}

function push(times: Map<string, number[]>, key: string, value: number): void {
  const list = times.get(key) ?? [];
  list.push(value);
  times.set(key, list);
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
