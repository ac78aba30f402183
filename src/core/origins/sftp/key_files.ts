/**
 * Private key files of one origin. Opening an encrypted one takes a fifth of a second of computing,
 * so what was opened is kept for the next connection while the file stays as it is.
 */

import { readFileSync, statSync } from "node:fs";
import type { Secret } from "../../config/secret.ts";
import { messageOf } from "../../errors.ts";

/** ssh2's parser, as a parameter because ssh2 is loaded late. */
export type ParseKey = typeof import("ssh2").utils.parseKey;
export type PrivateKey = Exclude<ReturnType<ParseKey>, Error>;

/** A key, or why the file gives none; `missing`: there is no such file. */
export type ReadKey =
  | { readonly key: PrivateKey }
  | { readonly reason: string; readonly missing: boolean };

interface Kept {
  readonly state: string;
  readonly passphrase: string | undefined;
  readonly read: ReadKey;
}

/** Group or others may do something with the file. */
const OPEN_TO_OTHERS = 0o077;

export class KeyFiles {
  readonly #kept = new Map<string, Kept>();

  read(file: string, secret: Secret | undefined, parseKey: ParseKey): ReadKey {
    const passphrase = secret?.reveal();
    let state: string;
    try {
      const { mode, uid, ino, mtimeMs, size } = statSync(file);
      if ((mode & OPEN_TO_OTHERS) !== 0 && uid === process.getuid?.()) {
        return unusable(`${file} is open to other users: chmod 600 it`);
      }
      state = `${ino} ${mtimeMs} ${size}`;
      const kept = this.#kept.get(file);
      if (kept?.state === state && kept.passphrase === passphrase) return kept.read;
      const read = parse(file, readFileSync(file), passphrase, parseKey);
      this.#kept.set(file, { state, passphrase, read });
      return read;
    } catch (error) {
      const missing = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (missing) return { reason: `${file} does not exist`, missing };
      return unusable(`${file} cannot be read: ${messageOf(error)}`);
    }
  }
}

function parse(
  file: string,
  text: Buffer,
  passphrase: string | undefined,
  parseKey: ParseKey,
): ReadKey {
  // ssh2 answers several keys for formats that may hold more than one.
  const parsed: unknown = parseKey(text, passphrase);
  const key: unknown = Array.isArray(parsed) ? parsed[0] : parsed;
  if (isPrivateKey(key)) return { key };
  const encrypted = key instanceof Error && /encrypted|passphrase|integrity/i.test(key.message);
  if (!encrypted) return unusable(`${file} holds no private key that is supported`);
  return unusable(
    passphrase === undefined
      ? `${file} is encrypted: give its passphrase under credentials or load it into the agent`
      : `${file} is encrypted: the passphrase under credentials does not open it`,
  );
}

function unusable(reason: string): ReadKey {
  return { reason, missing: false };
}

function isPrivateKey(key: unknown): key is PrivateKey {
  return (
    typeof key === "object" &&
    key !== null &&
    "isPrivateKey" in key &&
    typeof key.isPrivateKey === "function" &&
    key.isPrivateKey() === true
  );
}
