/** Where an origin's server is and how to log in there: its settings, then OpenSSH's configuration. */

import { readFileSync, statSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { dirname } from "node:path";
import type { SftpOriginSettings } from "../../config/config.ts";
import { shellWord } from "../../shell_word.ts";
import { SftpFault } from "./errors.ts";
import { SSH_PORT } from "./known_hosts.ts";
import { type ConfigFiles, resolveSshHost } from "./ssh_config.ts";

export interface SshTarget {
  /** The command that records a host key for the origin, but for `--accept-host-key`. */
  readonly acceptCommand: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  readonly usualFiles: readonly string[];
  readonly agentSocket: string | undefined;
  /** The first is the one that accepted keys are written to. */
  readonly knownHostsFiles: readonly string[];
}

/** What of this machine matters, as a parameter. */
export interface SshSurroundings {
  readonly home: string;
  readonly localUser: string;
  /** SSH_AUTH_SOCK. */
  readonly agentSocket: string | undefined;
  readonly files: ConfigFiles;
}

const SYSTEM_CONFIG = "/etc/ssh/ssh_config";
const SYSTEM_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts";
/** In ssh(1)'s order of preference. */
const USUAL_KEYS = ["id_ed25519", "id_ecdsa", "id_rsa"];
const WRITABLE_BY_OTHERS = 0o022;

export const systemFiles: ConfigFiles = {
  read(path) {
    try {
      const { mode, uid } = statSync(path);
      const own = process.getuid?.() ?? 0;
      if ((uid !== own && uid !== 0) || (mode & WRITABLE_BY_OTHERS) !== 0) {
        const advice = "it must belong to you or root and be writable by its owner only";
        throw new SftpFault("misconfigured", `${path} is not used: ${advice}`);
      }
      return readFileSync(path, "utf8");
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  },
  glob(pattern) {
    if (!/[*?[{]/.test(pattern)) return [pattern];
    try {
      return [...new Bun.Glob(pattern).scanSync({ cwd: "/", absolute: true })].toSorted();
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  },
};

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

export function systemSurroundings(): SshSurroundings {
  const { HOME, SSH_AUTH_SOCK } = process.env;
  return {
    home: HOME || homedir(),
    localUser: userInfo().username,
    agentSocket: SSH_AUTH_SOCK,
    files: systemFiles,
  };
}

/**
 * Throws `SftpFault` `misconfigured` where OpenSSH's configuration of the host asks for what is not
 * supported, or cannot be trusted.
 */
export function resolveTarget(
  settings: SftpOriginSettings,
  { home, localUser, agentSocket, files }: SshSurroundings,
  /** A user name that came with the credentials; the setting is preferred. */
  credentialUser?: string,
): SshTarget {
  const ownKnownHosts = `${home}/.ssh/known_hosts`;
  const usual = settings.knownHosts === ownKnownHosts;
  const overridden = new Set<string>();
  if (settings.port !== undefined) overridden.add("port");
  if (settings.user !== undefined) overridden.add("user");
  if (settings.identityFile !== undefined) overridden.add("identityfile");
  if (!usual)
    for (const name of ["userknownhostsfile", "globalknownhostsfile"]) overridden.add(name);
  const configured = resolveSshHost({
    alias: settings.host,
    sources: [`${home}/.ssh/config`, SYSTEM_CONFIG].map((path) => ({
      path,
      directory: dirname(path),
    })),
    files,
    home,
    localUser,
    overridden,
  });
  return {
    acceptCommand: setCommand(settings),
    host: configured.hostName,
    port: settings.port ?? configured.port ?? SSH_PORT,
    user: settings.user ?? credentialUser ?? configured.user ?? localUser,
    identityFiles:
      settings.identityFile === undefined ? configured.identityFiles : [settings.identityFile],
    usualFiles: USUAL_KEYS.map((name) => `${home}/.ssh/${name}`),
    agentSocket,
    knownHostsFiles: usual ? [ownKnownHosts, SYSTEM_KNOWN_HOSTS] : [settings.knownHosts],
  };
}

/** What changes the origin in the configuration that it is from. */
function setCommand({ id, configFile }: SftpOriginSettings): string {
  const chosen = configFile === undefined ? "" : `--config ${shellWord(configFile)} `;
  return `musicfs ${chosen}origins set ${id}`;
}
