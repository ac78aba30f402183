/**
 * OpenSSH's known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT):
 *
 *     [@marker] patterns keytype base64-key [comment]
 *
 * Patterns are a comma-separated list with `*`, `?` and `!`, or one hashed name `|1|salt|hash`,
 * where hash = HMAC-SHA1(salt, name). A name is `host`, or `[host]:port` for another port than 22.
 * Lines that are none of this are passed over, as OpenSSH does.
 */

import { createHash, createHmac } from "node:crypto";
import { matchesPatternList } from "./host_pattern.ts";

export const SSH_PORT = 22;

export interface KnownHost {
  readonly marker: "cert-authority" | "revoked" | undefined;
  /** The first field, still a list or a hash. */
  readonly hosts: string;
  readonly keyType: string;
  /** The public key as SSH sends it. */
  readonly key: Buffer;
  /** 1-based. */
  readonly line: number;
}

/** What a set of entries says of a key that a host presents. */
export type HostKeyVerdict =
  | { readonly status: "known" }
  /** `otherTypes`: of the keys that are known for the host. `authority`: a CA is, too. */
  | {
      readonly status: "unknown";
      readonly otherTypes: readonly string[];
      readonly authority: boolean;
    }
  /** Another key of the same type is known. */
  | { readonly status: "changed"; readonly known: KnownHost }
  | { readonly status: "revoked"; readonly entry: KnownHost };

/** How known_hosts files name a host. */
export function knownHostName(host: string, port: number): string {
  const name = host.toLowerCase();
  return port === SSH_PORT ? name : `[${name}]:${port}`;
}

/** `SHA256:…` as ssh-keygen -l prints it. */
export function fingerprint(key: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(key).digest("base64").replace(/=+$/, "")}`;
}

/** The type a public key says it has; undefined when it is no public key. */
export function keyTypeOf(key: Buffer): string | undefined {
  if (key.byteLength < 4) return undefined;
  const length = key.readUInt32BE(0);
  if (length === 0 || length > 64 || key.byteLength < 4 + length) return undefined;
  return key.toString("latin1", 4, 4 + length);
}

export function parseKnownHosts(text: string): readonly KnownHost[] {
  return text.split("\n").flatMap((line, index) => {
    const entry = parseKnownHost(line, index + 1);
    return entry === undefined ? [] : [entry];
  });
}

/** One line; undefined for comments and what cannot be understood. */
export function parseKnownHost(line: string, number: number): KnownHost | undefined {
  const fields = line.trim().split(/\s+/);
  const first = fields[0] ?? "";
  if (first === "" || first.startsWith("#")) return undefined;
  const marked = first.startsWith("@");
  if (marked && first !== "@cert-authority" && first !== "@revoked") return undefined;
  const [hosts, keyType, base64] = marked ? fields.slice(1) : fields;
  if (hosts === undefined || keyType === undefined || base64 === undefined) return undefined;
  const key = Buffer.from(base64, "base64");
  if (keyTypeOf(key) !== keyType) return undefined;
  const marker = !marked ? undefined : first === "@revoked" ? "revoked" : "cert-authority";
  return { marker, hosts, keyType, key, line: number };
}

/** Whether the first field of a line names this host (see {@link knownHostName}). */
export function namesHost(hosts: string, name: string): boolean {
  if (!hosts.startsWith("|")) return matchesPatternList(hosts.split(","), name);
  const [, version, salt, hash] = hosts.split("|");
  if (version !== "1" || salt === undefined || hash === undefined) return false;
  const expected = createHmac("sha1", Buffer.from(salt, "base64")).update(name).digest("base64");
  return expected === hash;
}

/** Judges `key`, presented by `host`, as OpenSSH does. */
export function judgeHostKey(
  entries: readonly KnownHost[],
  host: string,
  port: number,
  key: Buffer,
): HostKeyVerdict {
  const own = entries.filter((entry) => namesHost(entry.hosts, knownHostName(host, port)));
  // A key recorded without a port counts for every port that has none of its own.
  const portless =
    port === SSH_PORT
      ? []
      : entries.filter((entry) => namesHost(entry.hosts, knownHostName(host, SSH_PORT)));
  const isKey = (entry: KnownHost) => entry.key.equals(key);
  const revoked = [...own, ...portless].find((e) => e.marker === "revoked" && isKey(e));
  if (revoked !== undefined) return { status: "revoked", entry: revoked };
  const plain = own.filter((entry) => entry.marker === undefined);
  if (plain.some(isKey)) return { status: "known" };
  const keyType = keyTypeOf(key);
  const changed = plain.find((entry) => entry.keyType === keyType);
  if (changed !== undefined) return { status: "changed", known: changed };
  if (plain.length === 0 && portless.some((e) => e.marker === undefined && isKey(e))) {
    return { status: "known" };
  }
  return {
    status: "unknown",
    otherTypes: [...new Set(plain.map((entry) => entry.keyType))],
    authority: own.some((entry) => entry.marker === "cert-authority"),
  };
}

/** The types of the keys known for a host, so that one of these is asked for first. */
export function knownKeyTypes(
  entries: readonly KnownHost[],
  host: string,
  port: number,
): readonly string[] {
  const names = [knownHostName(host, port), knownHostName(host, SSH_PORT)];
  for (const name of names) {
    const types = entries
      .filter((entry) => entry.marker === undefined && namesHost(entry.hosts, name))
      .map((entry) => entry.keyType);
    if (types.length > 0) return [...new Set(types)];
  }
  return [];
}

/**
 * The text with `key` recorded for the host and every other key of its type for exactly this host
 * taken out; wildcard entries, other hosts and other types stay as they are.
 */
export function withHostKey(text: string, host: string, port: number, key: Buffer): string {
  const name = knownHostName(host, port);
  const keyType = keyTypeOf(key);
  const lines = text.split("\n").flatMap((line, index) => {
    const entry = parseKnownHost(line, index + 1);
    if (entry === undefined || entry.marker !== undefined || entry.keyType !== keyType) {
      return [line];
    }
    if (entry.hosts.startsWith("|")) return namesHost(entry.hosts, name) ? [] : [line];
    const patterns = entry.hosts.split(",");
    const kept = patterns.filter((pattern) => pattern.toLowerCase() !== name);
    if (kept.length === patterns.length) return [line];
    return kept.length === 0 ? [] : [line.replace(entry.hosts, () => kept.join(","))];
  });
  while (lines.at(-1) === "") lines.pop();
  return [...lines, `${name} ${keyType} ${key.toString("base64")}`, ""].join("\n");
}
