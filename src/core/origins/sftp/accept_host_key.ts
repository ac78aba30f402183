/**
 * Records a server's host key after its owner has compared the fingerprint:
 * `musicfs origins add|set … --accept-host-key SHA256:…`. The server is asked for its keys, and only
 * one with exactly this fingerprint is written to known_hosts.
 */

import { chmodSync, existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { dirname } from "node:path";
import type { Client, ServerHostKeyAlgorithm } from "ssh2";
import type { BytePath } from "../../bytes.ts";
import { type Clock, systemClock } from "../../clock.ts";
import type { SftpOriginSettings } from "../../config/config.ts";
import { SFTP_CONNECT_MS } from "../../limits.ts";
import { asOriginError, SftpFault } from "./errors.ts";
import { algorithmsFor, HOST_KEY_TYPES, HostKeyCheck, readKnownHosts } from "./host_key_check.ts";
import { fingerprint, keyTypeOf, withHostKey } from "./known_hosts.ts";
import { addressOf, asFault, closed, timedOut } from "./ssh_fault.ts";
import {
  resolveTarget,
  type SshSurroundings,
  type SshTarget,
  systemSurroundings,
} from "./target.ts";

export interface AcceptedHostKey {
  readonly keyType: string;
  readonly fingerprint: string;
  /** The known_hosts file that has it. */
  readonly file: string;
  /** False: the key was trusted already, nothing was written. */
  readonly recorded: boolean;
}

export interface AcceptPorts {
  readonly clock?: Clock;
  readonly surroundings?: SshSurroundings;
}

/**
 * Rejects with `OriginError`: `host_key` when the server has no key of this fingerprint or the key
 * is marked `@revoked`, `connection` and the like when it cannot be asked.
 */
export async function acceptHostKey(
  settings: SftpOriginSettings,
  wanted: string,
  ports: AcceptPorts = {},
): Promise<AcceptedHostKey> {
  try {
    const target = resolveTarget(settings, ports.surroundings ?? systemSurroundings());
    return await accept(target, wanted.replace(/=+$/, ""), ports.clock ?? systemClock);
  } catch (error) {
    throw asOriginError(error, settings.id, "" as BytePath);
  }
}

async function accept(target: SshTarget, wanted: string, clock: Clock): Promise<AcceptedHostKey> {
  const check = new HostKeyCheck(target);
  const key = await findKey(target, check, wanted, clock);
  const keyType = keyTypeOf(key) ?? "";
  const [file = ""] = target.knownHostsFiles;
  const done = { keyType, fingerprint: wanted, file };
  const verdict = check.verdict(key);
  if (verdict.status === "known") return { ...done, recorded: false };
  if (verdict.status === "revoked") throw check.refusal(key);
  await replaceFile(file, withHostKey(readKnownHosts(file), target.host, target.port, key));
  return { ...done, recorded: true };
}

/** The key that a connection would be shown, else any other that the server has. */
async function findKey(
  target: SshTarget,
  check: HostKeyCheck,
  wanted: string,
  clock: Clock,
): Promise<Buffer> {
  const shown = new Set<string>();
  for (const algorithms of [
    check.algorithms,
    ...HOST_KEY_TYPES.map((type) => algorithmsFor([type])),
  ]) {
    const key = await presentedKey(target, algorithms, clock);
    if (key === undefined) continue;
    if (fingerprint(key) === wanted) return key;
    shown.add(`${keyTypeOf(key)} ${fingerprint(key)}`);
  }
  throw new SftpFault(
    "host_key",
    `${addressOf(target)} has no host key ${wanted}, it presents ${[...shown].join(", ")}; nothing was recorded`,
  );
}

/** The key a server presents when asked for these algorithms; undefined when it has none of them. */
async function presentedKey(
  target: SshTarget,
  algorithms: readonly ServerHostKeyAlgorithm[],
  clock: Clock,
): Promise<Buffer | undefined> {
  const { Client } = await import("ssh2");
  const { host, port, user } = target;
  const { promise, resolve, reject } = Promise.withResolvers<Buffer | undefined>();
  const socket = connectSocket({ host, port, autoSelectFamily: true });
  const client: Client = new Client();
  using _deadline = clock.schedule(SFTP_CONNECT_MS, () =>
    reject(timedOut("handshake", target, SFTP_CONNECT_MS)),
  );
  const fail = (error: Error) => {
    if (/no matching host key/i.test(error.message)) resolve(undefined);
    else reject(asFault(error, "handshake", target));
  };
  socket.on("error", (error) => reject(asFault(error, "connect", target)));
  client.on("error", fail);
  client.on("close", () => reject(closed("handshake", target)));
  client.connect({
    sock: socket,
    username: user,
    algorithms: { serverHostKey: [...algorithms] },
    // Refusing ends the connection before any login.
    hostVerifier: (key: Buffer) => {
      resolve(Buffer.from(key));
      return false;
    },
    readyTimeout: 0,
  });
  try {
    return await promise;
  } finally {
    client.end();
    socket.destroy();
  }
}

/** Replaces a file at once or not at all, keeping its mode; a link stays a link. */
async function replaceFile(path: string, text: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const exists = existsSync(path);
  const file = exists ? realpathSync(path) : path;
  const mode = exists ? statSync(file).mode & 0o777 : 0o600;
  const temporary = `${file}.musicfs-${process.pid}`;
  try {
    await using handle = await open(temporary, "wx", mode);
    await handle.writeFile(text);
    await handle.sync();
    chmodSync(temporary, mode);
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
