/** A mount under load for a long time: what it holds of the system must not grow. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CACHE_FILES_WRITTEN, CACHE_OPEN_FILES } from "../../../src/core/limits.ts";
import { descriptorTargets } from "../../support/descriptors.ts";
import { ControlledLibrary } from "../support/controlled_library.ts";
import type { Mount } from "../support/musicfs.ts";
import { processUse } from "../support/process_use.ts";
import { growthPerMinute, lastHalf, type Sample } from "./growth.ts";
import { type Done, load, NOTHING_DONE, plantOrigins, together } from "./load.ts";

const PRELOAD = resolve(import.meta.dir, "collect.preload.ts");

/** Everything that is loaded, opened or started with its first use is there after so long. */
const WARM_UP_SECONDS = 6;
/** The load stops for a look at the memory after each of so many parts of the time. */
const SLICES = 20;
const SHORTEST_SLICE_SECONDS = 4;
/** After a collection an allocator gives back what is free bit by bit. */
const REST_MS = 5000;
/** What is not used is closed: roots of origins after ten seconds, guards after five. */
const CLOSED_MS = 12_000;
/** A machine that has much to do takes longer. */
const CLOSED_PATIENCE_MS = 60_000;
/** Some of them fall into a health check. */
const LOOKS = 40;
const LOOK_MS = 100;

const HELD = ["descriptors", "sockets", "threads", "children"] as const;
/** In the path of every data file of the cache. */
const CACHED = "/content/data-";
const MOST_CACHED = CACHE_OPEN_FILES + CACHE_FILES_WRITTEN;

type Held = Record<(typeof HELD)[number], number>;

export interface SoakReport {
  readonly done: Done;
  /** Resident memory after forced collections, in MiB, each time the load had stopped for a moment. */
  readonly residentMib: readonly Sample[];
  /** MiB a minute over the last half. */
  readonly growthMibPerMinute: number;
  /** When nothing was asked of the mount, before and after the run. */
  readonly before: Held;
  readonly after: Held;
}

/**
 * Runs for `seconds`, at least twelve, besides warming up, looks at the memory and calming down. Rejects on a wrong byte,
 * on an error in the mount's log, and where descriptors, sockets, threads or processes are more than before.
 */
export async function soak(
  seconds: number,
  seed: number,
  say: (line: string) => void = () => undefined,
): Promise<SoakReport> {
  using library = new ControlledLibrary("one", "two", "backup");
  plantOrigins(library);
  await using mount = await library.mount([], { env: { BUN_OPTIONS: `--preload=${PRELOAD}` } });
  using running = await library.client();
  await library.shell('cat "$1"/* > /dev/null');
  await load(library, running.client, WARM_UP_SECONDS, seed);
  const before = await atRest(mount.pid);
  const residentMib: Sample[] = [];
  const slices = Math.min(SLICES, Math.floor(seconds / SHORTEST_SLICE_SECONDS));
  const startMs = performance.now();
  let done: Done = NOTHING_DONE;
  for (let slice = 1; slice <= slices; slice++) {
    done = together(done, await load(library, running.client, seconds / slices, seed + 10 * slice));
    const value = await restingMib(mount);
    const minutes = (performance.now() - startMs) / 60_000;
    residentMib.push({ minutes, value });
    const held = HELD.map((kind) => `${heldBy(mount.pid)[kind]} ${kind}`).join(", ");
    say(`${minutes.toFixed(1)} min: ${value.toFixed(1)} MiB, ${held}`);
  }
  const after = await noMoreThan(before, mount.pid);
  const errors = mount.lines('"level":"error"');
  if (errors.length > 0) throw new Error(`the mount logged:\n${errors.join("\n")}`);
  if ((await mount.stop()) !== 0) throw new Error(`the mount did not end well\n${mount.log}`);
  const growthMibPerMinute = growthPerMinute(lastHalf(residentMib));
  return { done, residentMib, growthMibPerMinute, before, after };
}

/**
 * Of files, the cache keeps some open on purpose: these are bounded and not counted. Throws where they
 * are more than that.
 */
function heldBy(pid: number): Held {
  const { descriptors, sockets, threads, children } = processUse(pid);
  const cached = descriptorTargets(pid).filter((target) => target.includes(CACHED)).length;
  if (cached > MOST_CACHED) throw new Error(`${cached} files of the cache are open`);
  return { descriptors: descriptors - cached, sockets, threads, children };
}

/** The most that health checks alone make it hold, once idle things were closed. */
async function atRest(pid: number): Promise<Held> {
  await Bun.sleep(CLOSED_MS);
  const most = heldBy(pid);
  for (let look = 0; look < LOOKS; look++) {
    await Bun.sleep(LOOK_MS);
    const now = heldBy(pid);
    for (const kind of HELD) most[kind] = Math.max(most[kind], now[kind]);
  }
  return most;
}

/** What it holds once that is no more than `bound`; throws when that takes too long. */
async function noMoreThan(bound: Held, pid: number): Promise<Held> {
  const endMs = performance.now() + CLOSED_PATIENCE_MS;
  for (;;) {
    const now = heldBy(pid);
    if (HELD.every((kind) => now[kind] <= bound[kind])) return now;
    if (performance.now() > endMs) {
      throw new Error(
        `it held ${JSON.stringify(bound)}, and ${JSON.stringify(now)} after the load`,
      );
    }
    await Bun.sleep(LOOK_MS);
  }
}

/** Resident memory after a forced collection, once what that freed was given back. */
async function restingMib(mount: Mount): Promise<number> {
  await collect(mount);
  await Bun.sleep(REST_MS);
  await collect(mount);
  const status = readFileSync(`/proc/${mount.pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}

async function collect(mount: Mount): Promise<void> {
  const collections = mount.lines('"collected"').length;
  mount.kill("SIGUSR2");
  await mount.logged('"collected"', collections + 1);
}
