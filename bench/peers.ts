/** What all file systems that are measured have in common, and MusicFS as one of them. */

import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";

export interface Peer {
  readonly name: string;
  /** Serves the mount in the foreground; `scratch` is a directory of the peer's own. */
  command(mountPoint: string, scratch: string): readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes on standard error, so many times, once it is ready; default: being mounted is all. */
  readonly ready?: { readonly text: string; readonly times: number };
  /** What is not there and how to get it; undefined: all is. */
  readonly missing: string | undefined;
}

/** The name under which the others are compared with it. */
export const OURS = "musicfs";

export const BINARY = resolve(import.meta.dir, "../dist/musicfs");

/**
 * MusicFS with these arguments over so many origins. It is ready when its scans have ended: what is
 * measured is a mount in use, not one that reads its origins for the first time.
 */
export function musicfs(name: string, args: readonly string[], origins: number): Peer {
  return {
    name,
    command: (mountPoint, scratch) => {
      const runtime = join(scratch, "run");
      mkdirSync(runtime, { recursive: true, mode: 0o700 });
      const env = [`HOME=${scratch}`, `XDG_RUNTIME_DIR=${runtime}`];
      const cache = `MUSICFS_CACHE_DIR=${join(scratch, "cache")}`;
      return ["env", ...env, cache, BINARY, "mount", mountPoint, ...args];
    },
    ready: { text: '"outcome":"complete"', times: origins },
    missing: existsSync(BINARY) ? undefined : `${BINARY} (npm run build)`,
  };
}

/** How to get a program that is not there. */
export function notInstalled(program: string): string | undefined {
  return Bun.which(program) === null ? `${program} (apt-get install ${program})` : undefined;
}

/** `peers` without those that this machine lacks, which are named on standard error. */
export function present<T extends Pick<Peer, "name" | "missing">>(
  peers: readonly T[],
): readonly T[] {
  return peers.filter(({ name, missing }) => {
    if (missing !== undefined) console.error(`bench: ${name} is left out, missing: ${missing}`);
    return missing === undefined;
  });
}
