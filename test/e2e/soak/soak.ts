/** A mount under load for a long time: what it holds of the system must not grow. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { CACHE_FILES_WRITTEN, CACHE_OPEN_FILES } from "../../../src/core/limits.ts";
import { descriptorTargets } from "../../support/descriptors.ts";
import { ControlledLibrary } from "../support/controlled_library.ts";
import type { Mount } from "../support/musicfs.ts";
import { processUse } from "../support/process_use.ts";
import { growthPerMinute, lastHalf, leastOfEach, type Sample } from "./growth.ts";
import { type Done, load, plantOrigins } from "./load.ts";

const PRELOAD = resolve(import.meta.dir, "collect.preload.ts");

/** Everything that is loaded, opened or started with its first use is there after so long. */
const WARM_UP_SECONDS = 6;
const SAMPLES_PER_RUN = 240;
const SAMPLES_PER_WINDOW = 6;
/** Collecting takes time that the mount has for its readers. */
const LEAST_PAUSE_MS = 500;
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
  /** Resident memory after forced collections, in MiB, over the whole run: the least of each window. */
  readonly residentMib: readonly Sample[];
  /** MiB a minute over the last half. */
  readonly growthMibPerMinute: number;
  /** When nothing was asked of the mount, before and after the run. */
  readonly before: Held;
  readonly after: Held;
}

/**
 * Runs for `seconds` besides warming up and calming down. Rejects on a wrong byte, on an error in the
 * mount's log, and where descriptors, sockets, threads or processes are more than before.
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
  const samples: Sample[] = [];
  const startMs = performance.now();
  const sampling = setInterval(
    () => {
      const minutes = (performance.now() - startMs) / 60_000;
      void collectedMib(mount).then((value) => {
        samples.push({ minutes, value });
        if (samples.length % SAMPLES_PER_WINDOW !== 0) return;
        const held = HELD.map((kind) => `${heldBy(mount.pid)[kind]} ${kind}`).join(", ");
        say(`${minutes.toFixed(1)} min: ${value.toFixed(1)} MiB, ${held}`);
      });
    },
    Math.max(LEAST_PAUSE_MS, (seconds * 1000) / SAMPLES_PER_RUN),
  );
  let done: Done;
  try {
    done = await load(library, running.client, seconds, seed + 1000);
  } finally {
    clearInterval(sampling);
  }
  const after = await noMoreThan(before, mount.pid);
  const errors = mount.lines('"level":"error"');
  if (errors.length > 0) throw new Error(`the mount logged:\n${errors.join("\n")}`);
  if ((await mount.stop()) !== 0) throw new Error(`the mount did not end well\n${mount.log}`);
  const residentMib = leastOfEach(samples, SAMPLES_PER_WINDOW);
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

async function collectedMib(mount: Mount): Promise<number> {
  const collections = mount.lines('"collected"').length;
  mount.kill("SIGUSR2");
  await mount.logged('"collected"', collections + 1);
  const status = readFileSync(`/proc/${mount.pid}/status`, "latin1");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
