/** How long `mount --daemon` takes until the mount can be used, when much or little is known of the library. */

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY, OURS } from "./peers.ts";
import { runProgram } from "./program.ts";
import type { Figure } from "./report.ts";
import type { Scale } from "./scale.ts";
import { makeEmptyFiles } from "./tree.ts";
import { dropCaches, quantile } from "./workload.ts";

/** A library of which little is known, beside the large one. */
export const SMALL_LIBRARY = "musicfs, 1000 files";
const SMALL_LIBRARY_FILES = 1000;

export const START = "start";
const START_COLD = "start, cold";
const FIRST_LISTING = "first listing";

const END_TIMEOUT_MS = 60_000;
const STEP_MS = 10;

/** Wall time of `mount --daemon`, and then of listing an album, in libraries that were scanned before. */
export async function benchStart(scale: Scale, root: string): Promise<readonly Figure[]> {
  const libraries = [
    await KnownLibrary.make(OURS, scale.knownFiles, join(root, "large")),
    await KnownLibrary.make(SMALL_LIBRARY, SMALL_LIBRARY_FILES, join(root, "small")),
  ];
  const figures: Figure[] = [];
  const add = (workload: string, peer: string, times: readonly number[]) =>
    figures.push({ workload, unit: "ms", peer, value: quantile(times, 0.5) });
  for (const cold of [false, true]) {
    const starts = libraries.map(() => [] as Start[]);
    for (let round = 0; round < scale.startRounds; round++) {
      for (const [i, library] of libraries.entries()) starts[i]?.push(await library.start(cold));
    }
    for (const [i, { name }] of libraries.entries()) {
      const measured = starts[i] ?? [];
      const mounts = measured.map(({ mountMs }) => mountMs);
      add(cold ? START_COLD : START, name, mounts);
      const listings = measured.map(({ listMs }) => listMs);
      if (!cold) add(FIRST_LISTING, name, listings);
    }
  }
  return figures;
}

interface Start {
  /** Until `mount --daemon` came back. */
  readonly mountMs: number;
  /** Of the first listing of an album after that, at once. */
  readonly listMs: number;
}

/** A library whose files are all in the catalog. */
class KnownLibrary {
  private constructor(
    readonly name: string,
    readonly directory: string,
  ) {}

  static async make(name: string, files: number, directory: string): Promise<KnownLibrary> {
    const library = new KnownLibrary(name, directory);
    const source = join(directory, "source");
    makeEmptyFiles(source, files);
    mkdirSync(join(directory, "run"), { mode: 0o700 });
    mkdirSync(library.#mountPoint);
    const origin = ["[[origins]]", 'id = "disk"', 'origin_type = "local"', `path = "${source}"`];
    const settings = [`cache_dir = "${join(directory, "cache")}"`, ...origin, ""];
    writeFileSync(library.#config, settings.join("\n"));
    await library.#musicfs("scan");
    return library;
  }

  async start(cold: boolean): Promise<Start> {
    if (cold) await dropCaches();
    let pid: number | undefined;
    try {
      const startedMs = performance.now();
      const told = await this.#musicfs("mount", this.#mountPoint, "--daemon");
      const mountedMs = performance.now();
      pid = (JSON.parse(told) as { readonly pid: number }).pid;
      await runProgram(["ls", join(this.#mountPoint, "album 0")]);
      return { mountMs: mountedMs - startedMs, listMs: performance.now() - mountedMs };
    } finally {
      await Bun.spawn(["umount", this.#mountPoint]).exited;
      if (pid !== undefined) await untilEnded(pid);
    }
  }

  get #mountPoint(): string {
    return join(this.directory, "mnt");
  }

  get #config(): string {
    return join(this.directory, "config.toml");
  }

  #musicfs(...args: readonly string[]): Promise<string> {
    const env = { HOME: this.directory, XDG_RUNTIME_DIR: join(this.directory, "run") };
    return runProgram([BINARY, "--config", this.#config, "--json", ...args], env);
  }
}

/** The next mount waits for the process of this one, which is not part of its start. */
async function untilEnded(pid: number): Promise<void> {
  const deadline = Date.now() + END_TIMEOUT_MS;
  while (existsSync(`/proc/${pid}`)) {
    if (Date.now() > deadline) throw new Error(`process ${pid} goes on after its mount`);
    await Bun.sleep(STEP_MS);
  }
}
