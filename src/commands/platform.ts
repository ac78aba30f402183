/** Whether this program runs here: Linux with glibc on x64 or arm64, and nowhere else. */

import { readFileSync } from "node:fs";

export interface Platform {
  readonly os: string;
  readonly cpu: string;
  /** The files mapped into this process, as `/proc/self/maps` has them. */
  readonly maps: string;
}

/** Why it does not, for people; undefined when it does. */
export function platformProblem({ os, cpu, maps }: Platform): string | undefined {
  const where = "it runs on Linux with glibc, on x64 and arm64";
  if (os !== "linux") return `musicfs does not run on ${os}: ${where}`;
  if (cpu !== "x64" && cpu !== "arm64")
    return `musicfs does not run on ${cpu} processors: ${where}`;
  if (/\/ld-musl-|\/libc\.musl-/.test(maps)) {
    return `musicfs does not run with musl (Alpine and the like): ${where}; a Debian container does`;
  }
  return undefined;
}

export function thisPlatform(): Platform {
  const os = process.platform;
  return {
    os,
    cpu: process.arch,
    maps: os === "linux" ? readFileSync("/proc/self/maps", "latin1") : "",
  };
}
