/**
 * Installs Debian packages for tests. What a package brings along is never started or enabled: a
 * test server runs only where and when a test starts it.
 */

import { existsSync } from "node:fs";
import { lockFile } from "./lock.ts";

const LOCK = "/tmp/.musicfs-packages.lock";
/** Asked by invoke-rc.d before it starts a service; exit 101 means "action forbidden". */
const POLICY = "/usr/sbin/policy-rc.d";
const FORBID_ALL = "#!/bin/sh\nexit 101\n";

/** Installs what is missing of `packages`; needs root (or sudo without a password) to do so. */
export async function ensurePackages(packages: readonly string[]): Promise<void> {
  if (missing(packages).length === 0) return;
  await using _lock = await lockFile(LOCK);
  const wanted = missing(packages);
  if (wanted.length === 0) return;
  const before = new Set(installed());
  await using _policy = await forbidServices();
  const install = ["install", "--yes", "--quiet", "--no-install-recommends", ...wanted];
  if (!(await apt(install)).ok) {
    await apt(["update", "--quiet"]);
    const { ok, output } = await apt(install);
    if (!ok) throw new Error(`apt-get could not install ${wanted.join(" ")}:\n${output}`);
  }
  for (const name of installed()) if (!before.has(name)) await disableServicesOf(name);
}

/** True when every package is there, so that {@link ensurePackages} would do nothing. */
export function hasPackages(packages: readonly string[]): boolean {
  return missing(packages).length === 0;
}

function installed(): readonly string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own format language
  const { stdout } = Bun.spawnSync(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Package}\n"]);
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line.startsWith("installed "))
    .map((line) => line.slice("installed ".length));
}

function missing(packages: readonly string[]): readonly string[] {
  const present = new Set(installed());
  return packages.filter((name) => !present.has(name));
}

async function forbidServices(): Promise<AsyncDisposable> {
  if (existsSync(POLICY)) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  await run(["sh", "-c", `printf '%s' "$0" > ${POLICY} && chmod 755 ${POLICY}`, FORBID_ALL]);
  return {
    async [Symbol.asyncDispose]() {
      await run(["rm", "-f", POLICY]);
    },
  };
}

/** Installing enables units for the next boot, whatever the policy says; this takes it back. */
async function disableServicesOf(name: string): Promise<void> {
  const { stdout } = Bun.spawnSync(["dpkg", "-L", name]);
  for (const file of stdout.toString().split("\n")) {
    const unit = /\/systemd\/system\/([^/]+\.(?:service|socket|timer))$/.exec(file)?.[1];
    if (unit !== undefined) await run(["deb-systemd-helper", "disable", unit]);
    const script = /^\/etc\/init\.d\/([^/]+)$/.exec(file)?.[1];
    if (script !== undefined) await run(["update-rc.d", script, "disable"]);
  }
}

function apt(args: readonly string[]) {
  return run(["apt-get", "-o", "DPkg::Lock::Timeout=300", ...args]);
}

async function run(command: readonly string[]) {
  const asRoot = process.getuid?.() === 0 ? [] : ["sudo", "--non-interactive"];
  const child = Bun.spawn([...asRoot, "env", "DEBIAN_FRONTEND=noninteractive", ...command], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    child.stdout.text(),
    child.stderr.text(),
    child.exited,
  ]);
  return { ok: code === 0, output: stdout + stderr };
}
