/**
 * Whether node_modules holds what package-lock.json pins. Run as a program it exits 0 if so, else 1 after naming the
 * first difference; scripts/bootstrap.sh then installs.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

interface LockedPackage {
  readonly version?: string;
  readonly optional?: boolean;
  readonly devOptional?: boolean;
  readonly link?: boolean;
}

interface Manifest {
  readonly version?: string;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, "utf8")) as T;
}

/**
 * The first difference between the lockfile and the installed packages of the project at `root`, in words; undefined
 * when there is none. Optional packages (those for other processors) may be absent, but not in another version.
 * Packages beyond the lockfile do not matter.
 */
export function toolchainDifference(root: string): string | undefined {
  const lock = readJson<{ packages: Record<string, LockedPackage> }>(
    join(root, "package-lock.json"),
  );
  for (const [path, locked] of Object.entries(lock.packages)) {
    if (path === "" || locked.link === true) continue;
    const manifest = join(root, path, "package.json");
    if (!existsSync(manifest)) {
      if (locked.optional === true || locked.devOptional === true) continue;
      return `${path} is missing`;
    }
    const installed = readJson<Manifest>(manifest).version;
    if (installed !== locked.version) {
      return `${path} is ${installed}, and package-lock.json pins ${locked.version}`;
    }
  }
  return undefined;
}

if (import.meta.main) {
  const difference = toolchainDifference(join(import.meta.dir, ".."));
  if (difference !== undefined) {
    console.error(`Packages to install: ${difference}.`);
    process.exit(1);
  }
}
