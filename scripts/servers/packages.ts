/** The Debian packages that servers need, installed by scripts/packages.sh where they are missing. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockFile } from "./lock.ts";

const INSTALLER = join(import.meta.dir, "..", "packages.sh");
const LOCK = join(tmpdir(), ".musicfs-packages.lock");
const TASK = "servers";

/** Installs what is missing of `packages`, one installation at a time; needs root to do so. */
export async function ensurePackages(packages: readonly string[]): Promise<void> {
  if (missing(packages).length === 0) return;
  await using _lock = await lockFile(LOCK);
  const wanted = missing(packages);
  if (wanted.length === 0) return;
  const directory = await mkdtemp(join(tmpdir(), "musicfs-packages-"));
  try {
    const list = join(directory, "list");
    await writeFile(list, wanted.map((name) => `${name} ${TASK}\n`).join(""));
    const output = await install(list);
    const left = missing(wanted);
    if (left.length > 0) throw new Error(`missing: ${left.join(" ")}\n${output}`);
  } finally {
    await rm(directory, { recursive: true });
  }
}

async function install(list: string): Promise<string> {
  const installer = Bun.spawn(["sh", INSTALLER, TASK, list], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr] = await Promise.all([
    installer.stdout.text(),
    installer.stderr.text(),
    installer.exited,
  ]);
  return stdout + stderr;
}

function missing(packages: readonly string[]): readonly string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format language
  const format = "${db:Status-Status} ${Package}\n";
  if (Bun.which("dpkg-query") === null) throw new Error(`it needs Debian's ${packages.join(", ")}`);
  const { stdout } = Bun.spawnSync(["dpkg-query", "-W", "-f", format]);
  const lines = new Set(stdout.toString().split("\n"));
  return packages.filter((name) => !lines.has(`installed ${name}`));
}
