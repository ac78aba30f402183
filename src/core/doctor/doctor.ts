/** Looks at everything that a mount needs, and says what is wrong and what to do about it. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { displayText } from "../bytes.ts";
import { SqliteCatalogReader } from "../catalog/reader.ts";
import { type ConfigFlags, configFileOf, type LoadedConfig, loadConfig } from "../config/load.ts";
import type { Surroundings } from "../config/paths.ts";
import { messageOf, OwnError } from "../errors.ts";
import { systemSurroundings } from "../origins/sftp/target.ts";
import { openStandalone } from "../origins/standalone.ts";
import { checkCache } from "./cache_check.ts";
import { checkClock } from "./clock_check.ts";
import { checkCredentials } from "./credentials_check.ts";
import { type Finding, Findings } from "./finding.ts";
import { checkFuse } from "./fuse_check.ts";
import { checkFusermount } from "./fusermount_check.ts";
import { checkKnownHosts } from "./known_hosts_check.ts";
import { checkLimits, type KnownLibrary } from "./limits_check.ts";
import type { Machine } from "./machine.ts";
import { checkPlace } from "./mount_point_check.ts";
import { checkOrigins } from "./origins_check.ts";
import { checkSockets } from "./sockets_check.ts";

/**
 * The findings, in the order of `CHECKS`; there is one at least for each check that has something to
 * look at. It changes nothing, but for sockets left behind by killed mounts. What needs the
 * configuration is left out where that cannot be read.
 */
export async function examine(
  flags: ConfigFlags,
  around: Surroundings,
  machine: Machine,
): Promise<readonly Finding[]> {
  const { findings, loaded } = await checkConfiguration(flags, around);
  const { env, uid } = around;
  const config = loaded?.config;
  const known = config && knownLibrary(config.cacheDir);
  const written = [loaded?.file, config?.cacheDir].filter((file) => file !== undefined);
  const found = [
    findings,
    checkFuse(machine, uid),
    checkFusermount(machine, uid, config),
    config && checkPlace(config, around),
    checkLimits(machine, config, known),
    checkSockets(machine, around),
    config && checkCache(machine, uid, config),
    checkClock(machine, config, written),
    config && checkCredentials(machine, config, env),
    config && checkKnownHosts(machine, config, systemSurroundings()),
    config && checkOrigins(config, machine.clock, openStandalone),
  ];
  return (await Promise.all(found)).flatMap((each) => each ?? []);
}

async function checkConfiguration(
  flags: ConfigFlags,
  around: Surroundings,
): Promise<{ readonly findings: readonly Finding[]; readonly loaded?: LoadedConfig }> {
  const findings = new Findings("configuration");
  try {
    const loaded = await loadConfig(flags, around);
    const { config, file } = loaded;
    const where = displayText(file ?? configFileOf(flags, around).path);
    if (!config.origins.some(({ enabled }) => enabled)) {
      findings.problem(
        `${where} ${file === undefined ? "does not exist" : "has no enabled origin"}, so there is nothing to mount`,
        "add one: musicfs origins add ID --type local --path PATH",
      );
    }
    const origins = `${config.origins.length} origin${config.origins.length === 1 ? "" : "s"}`;
    return { findings: findings.elseOk(`${where} is well-formed, with ${origins}`), loaded };
  } catch (error) {
    if (!(error instanceof OwnError)) throw error;
    findings.problem(
      messageOf(error),
      "mend it as it says; docs/configuration.md describes every setting",
    );
    return { findings: findings.elseOk("") };
  }
}

/** Undefined before the first scan, and where the catalog cannot be read: a mount replaces such a one. */
function knownLibrary(cacheDir: string): KnownLibrary | undefined {
  const file = join(cacheDir, "catalog.db");
  if (!existsSync(file)) return undefined;
  try {
    const catalog = new SqliteCatalogReader(file);
    try {
      return catalog.totals();
    } finally {
      catalog.close();
    }
  } catch (error) {
    if (error instanceof OwnError) return undefined;
    throw error;
  }
}
