/** Workloads, and running them on every peer in turn. */

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PeerMount } from "./mounted.ts";
import type { Peer } from "./peers.ts";
import { runProgram } from "./program.ts";
import type { Figure } from "./report.ts";

export interface Workload {
  readonly name: string;
  /** Run after the kernel's caches were dropped; else after one run that is not counted. */
  readonly cold: boolean;
  /** A shell command over `$1`, the mount point or a directory. */
  readonly script: string;
  /** Bytes read: shown as MB/s then, else as seconds. */
  readonly bytes?: number;
}

export interface Rounds {
  readonly workloads: readonly Workload[];
  readonly peers: readonly Peer[];
  /** A directory that is measured beside them, by this name: what any of them could reach at best. */
  readonly bare?: { readonly name: string; readonly directory: string };
  readonly rounds: number;
  /** A directory for mount points and caches. */
  readonly root: string;
}

/** Wall time of a workload's figures, and the CPU time that the file system's process used for it. */
export interface Measured {
  readonly wall: readonly Figure[];
  readonly cpu: readonly Figure[];
}

/**
 * Every peer is mounted anew for each workload and round, and the peers take turns, so that a busy
 * moment of the machine meets them all. Each figure is the median of the rounds.
 */
export async function runRounds(options: Rounds): Promise<Measured> {
  const { workloads, peers, bare, rounds, root } = options;
  const wall: Figure[] = [];
  const cpu: Figure[] = [];
  for (const { name, cold, script, bytes } of workloads) {
    const started = performance.now();
    const seconds = new Samples();
    const cpuSeconds = new Samples();
    for (let round = 0; round < rounds; round++) {
      if (bare !== undefined) {
        await warmOrCold(cold, script, bare.directory);
        seconds.add(bare.name, await time(script, bare.directory));
      }
      for (const peer of peers) {
        await using mount = await PeerMount.start(peer, root);
        await warmOrCold(cold, script, mount.mountPoint);
        const before = mount.usage.cpuSeconds;
        seconds.add(peer.name, await time(script, mount.mountPoint));
        cpuSeconds.add(peer.name, mount.usage.cpuSeconds - before);
      }
    }
    console.error(`bench: ${name}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    const unit = bytes === undefined ? "s" : "MB/s";
    for (const [peer, value] of seconds.medians()) {
      const shown = bytes === undefined ? value : bytes / 1e6 / value;
      wall.push({ workload: name, unit, peer, value: shown });
    }
    for (const [peer, value] of cpuSeconds.medians()) {
      cpu.push({ workload: name, unit: "s", peer, value });
    }
  }
  return { wall, cpu };
}

async function warmOrCold(cold: boolean, script: string, path: string): Promise<void> {
  if (cold) await dropCaches();
  else await time(script, path);
}

/** Seconds that the script takes; throws when it fails. */
export async function time(script: string, path: string): Promise<number> {
  const started = performance.now();
  await runProgram(["sh", "-c", script, "sh", path], {
    BUN: process.execPath,
    RANDOM_READER: join(import.meta.dir, "random_reader.ts"),
  });
  return (performance.now() - started) / 1000;
}

/** Needs root. */
export async function dropCaches(): Promise<void> {
  await runProgram(["sync"]);
  writeFileSync("/proc/sys/vm/drop_caches", "3");
}

class Samples {
  readonly #values = new Map<string, number[]>();

  add(key: string, value: number): void {
    const values = this.#values.get(key) ?? [];
    values.push(value);
    this.#values.set(key, values);
  }

  medians(): [string, number][] {
    return [...this.#values].map(([key, values]) => [key, quantile(values, 0.5)]);
  }
}

/** sorted[⌊n·q⌋] of the values; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
