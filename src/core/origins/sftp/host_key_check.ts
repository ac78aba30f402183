/**
 * The host key of one origin against its known_hosts files. Nothing unknown is ever accepted;
 * the message says what to compare and which command records the key.
 */

import { readFileSync } from "node:fs";
import type { ServerHostKeyAlgorithm } from "ssh2";
import { messageOf } from "../../errors.ts";
import { SftpFault, shownServerText } from "./errors.ts";
import {
  fingerprint,
  type HostKeyVerdict,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownKeyTypes,
  parseKnownHosts,
  SSH_PORT,
} from "./known_hosts.ts";

/** Signature algorithms by the type of key they need, best first. SHA-1 and DSA are not offered. */
const ALGORITHMS: ReadonlyMap<string, readonly ServerHostKeyAlgorithm[]> = new Map<
  string,
  readonly ServerHostKeyAlgorithm[]
>([
  ["ssh-ed25519", ["ssh-ed25519"]],
  ["ecdsa-sha2-nistp256", ["ecdsa-sha2-nistp256"]],
  ["ecdsa-sha2-nistp384", ["ecdsa-sha2-nistp384"]],
  ["ecdsa-sha2-nistp521", ["ecdsa-sha2-nistp521"]],
  ["ssh-rsa", ["rsa-sha2-512", "rsa-sha2-256"]],
]);

/** Types of host keys that can be verified, best first. */
export const HOST_KEY_TYPES: readonly string[] = [...ALGORITHMS.keys()];

/** The algorithms that make a server present one of these types of key, in this order. */
export function algorithmsFor(keyTypes: readonly string[]): readonly ServerHostKeyAlgorithm[] {
  return keyTypes.flatMap((type) => ALGORITHMS.get(type) ?? []);
}

export interface HostKeyCheckOptions {
  /** The command that records a key, but for `--accept-host-key`. */
  readonly acceptCommand: string;
  readonly host: string;
  readonly port: number;
  /** In order; ones that do not exist are passed over. */
  readonly knownHostsFiles: readonly string[];
}

export class HostKeyCheck {
  readonly #options: HostKeyCheckOptions;
  readonly #entries: readonly (KnownHost & { readonly file: string })[];

  /** Reads the files; throws {@link SftpFault} `host_key` for one that cannot be read. */
  constructor(options: HostKeyCheckOptions) {
    this.#options = options;
    this.#entries = options.knownHostsFiles.flatMap((file) =>
      parseKnownHosts(readKnownHosts(file)).map((entry) => ({ ...entry, file })),
    );
  }

  /**
   * What to ask the server for: types that are known for the host first, so that one of its other
   * keys is not taken for a change.
   */
  get algorithms(): readonly ServerHostKeyAlgorithm[] {
    const { host, port } = this.#options;
    const known = knownKeyTypes(this.#entries, host, port);
    return [...new Set(algorithmsFor([...known, ...HOST_KEY_TYPES]))];
  }

  verdict(key: Buffer): HostKeyVerdict {
    return judgeHostKey(this.#entries, this.#options.host, this.#options.port, key);
  }

  /** Undefined when the key is trusted, else why it is not. */
  refusal(key: Buffer): SftpFault | undefined {
    const { host, port } = this.#options;
    const verdict = this.verdict(key);
    if (verdict.status === "known") return undefined;
    const shown = `${shownServerText(keyTypeOf(key) ?? "no")} key ${fingerprint(key)}`;
    const at = port === SSH_PORT ? host : `${host}:${port}`;
    switch (verdict.status) {
      case "revoked":
        return refusal(`${at} presents the ${shown}, which ${this.#where(verdict.entry)} revokes`);
      case "changed":
        return refusal(
          `the host key of ${at} has CHANGED: it presents the ${shown}, ` +
            `${this.#where(verdict.known)} has ${fingerprint(verdict.known.key)}. ` +
            `Someone may be listening in, or the server was set up anew. ${this.#advice(key)}`,
        );
      case "unknown": {
        const others = verdict.otherTypes.filter((type) => HOST_KEY_TYPES.includes(type));
        const known = others.length === 0 ? "" : `; known of it are only ${others.join(", ")}`;
        const authority = verdict.authority
          ? "; a @cert-authority is recorded for it, which is not supported"
          : "";
        return refusal(
          `the host key of ${at} is not known${known}${authority}: ` +
            `it presents the ${shown}. ${this.#advice(key)}`,
        );
      }
    }
  }

  #where(entry: KnownHost): string {
    const file = this.#entries.find((one) => one === entry)?.file ?? "known_hosts";
    return `${file}:${entry.line}`;
  }

  #advice(key: Buffer): string {
    const { host, port, acceptCommand } = this.#options;
    const portFlag = port === SSH_PORT ? "" : `-p ${port} `;
    return (
      `Compare it with what the server's owner tells you or, over a network you trust, with ` +
      `\`ssh-keyscan ${portFlag}${host} | ssh-keygen -lf -\`; if it is right, accept it: ` +
      `\`${acceptCommand} --accept-host-key ${fingerprint(key)}\``
    );
  }
}

function refusal(message: string): SftpFault {
  return new SftpFault("host_key", message);
}

/** The text of a known_hosts file; empty when there is none. */
export function readKnownHosts(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "";
    throw new SftpFault("host_key", `${file} cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
