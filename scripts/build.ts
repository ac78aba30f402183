/** Builds dist/musicfs: one file with the program, its threads, its libraries and the runtime. */
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { bundleConfig, LICENSES_FILE } from "./bundle.ts";
import { collectLicenses } from "./licenses.ts";

const OUTPUT = "dist/musicfs";

/** The commit the sources are at, with `+` when they differ from it; empty outside a repository or without git. */
function commit(): string {
  if (Bun.which("git") === null) return "";
  const git = (...args: readonly string[]) => Bun.spawnSync(["git", ...args], { stderr: "ignore" });
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head.exitCode !== 0) return "";
  const changed = git(
    "diff-index",
    "--quiet",
    "HEAD",
    "--",
    "src",
    "package.json",
    "package-lock.json",
  );
  return `${head.stdout.toString().trim()}${changed.exitCode === 0 ? "" : "+"}`;
}

async function build(): Promise<void> {
  mkdirSync("dist", { recursive: true });
  writeFileSync(LICENSES_FILE, await collectLicenses());
  // Elsewhere under the name that becomes part of it, then renamed: a binary that is running stays whole.
  const directory = mkdtempSync("dist/build-");
  try {
    await Bun.build({
      ...bundleConfig({ MUSICFS_COMMIT: JSON.stringify(commit()) }),
      bytecode: true,
      compile: {
        outfile: join(directory, basename(OUTPUT)),
        // Nothing in the directory where musicfs is started changes what it does.
        autoloadDotenv: false,
        autoloadBunfig: false,
        autoloadTsconfig: false,
        autoloadPackageJson: false,
      },
    });
    renameSync(join(directory, basename(OUTPUT)), OUTPUT);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

process.chdir(`${import.meta.dir}/..`);
const start = performance.now();
await build();
const megabytes = (Bun.file(OUTPUT).size / 1e6).toFixed(0);
console.log(`${OUTPUT}: ${megabytes} MB in ${((performance.now() - start) / 1000).toFixed(1)} s`);
