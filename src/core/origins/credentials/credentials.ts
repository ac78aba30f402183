/** What a source of credentials may give, and how it is written in files and by commands. */

import { Secret } from "../../config/secret.ts";

/** Which of it must be there is the affair of the origin's type. */
export interface Credentials {
  readonly accessKeyId?: string;
  readonly secretAccessKey?: Secret;
  readonly sessionToken?: Secret;
  readonly username?: string;
  readonly password?: Secret;
  readonly passphrase?: Secret;
  /** Wall clock; absent: they do not end by themselves. */
  readonly expiresAtMs?: number;
}

/** The source gives nothing usable. The message holds names and places, never values. */
export class UnusableCredentials extends Error {
  override readonly name = "UnusableCredentials";
}

/** Names in the environment (behind the prefix), in files and in a command's output. */
export const CREDENTIAL_KEYS = [
  "ACCESS_KEY_ID",
  "SECRET_ACCESS_KEY",
  "SESSION_TOKEN",
  "USERNAME",
  "PASSWORD",
  "PASSPHRASE",
] as const;
export type CredentialKey = (typeof CREDENTIAL_KEYS)[number];

/** Longest file or output that is read. */
export const CREDENTIALS_MAX_BYTES = 64 * 1024;

/** Empty values count as absent. `where` names the source for the message when nothing is left. */
export function credentialsOf(
  values: ReadonlyMap<CredentialKey, string>,
  where: string,
): Credentials {
  const text = (key: CredentialKey) => values.get(key) || undefined;
  const secret = (key: CredentialKey) => {
    const value = text(key);
    return value === undefined ? undefined : new Secret(value);
  };
  const found: { readonly [Key in keyof Credentials]: Credentials[Key] | undefined } = {
    accessKeyId: text("ACCESS_KEY_ID"),
    secretAccessKey: secret("SECRET_ACCESS_KEY"),
    sessionToken: secret("SESSION_TOKEN"),
    username: text("USERNAME"),
    password: secret("PASSWORD"),
    passphrase: secret("PASSPHRASE"),
  };
  const present = Object.entries(found).filter(([, value]) => value !== undefined);
  if (present.length === 0) {
    const wanted =
      "give ACCESS_KEY_ID and SECRET_ACCESS_KEY for S3, PASSWORD or PASSPHRASE for SFTP";
    throw new UnusableCredentials(`${where} holds no credentials; ${wanted}`);
  }
  if ((found.accessKeyId === undefined) !== (found.secretAccessKey === undefined)) {
    throw new UnusableCredentials(
      `${where} holds only one of ACCESS_KEY_ID and SECRET_ACCESS_KEY; both are needed`,
    );
  }
  return Object.fromEntries(present);
}

/**
 * Lines `KEY=value`, taken as they are: nothing is unquoted or expanded. Blank lines and those that
 * begin with `#` are left out; `AWS_` before a key is too. Or the JSON of AWS's `credential_process`.
 */
export function parseCredentials(text: string, where: string): Credentials {
  if (text.trimStart().startsWith("{")) return parseJson(text, where);
  const values = new Map<CredentialKey, string>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === "" || line.trimStart().startsWith("#")) continue;
    const equals = line.indexOf("=");
    const key = CREDENTIAL_KEYS.find((known) => known === keyOf(line.slice(0, equals)));
    if (equals < 0 || key === undefined) {
      throw new UnusableCredentials(
        `${where}: line ${index + 1} is not KEY=value with a key of ${CREDENTIAL_KEYS.join(", ")}`,
      );
    }
    values.set(key, line.slice(equals + 1));
  }
  return credentialsOf(values, where);
}

function keyOf(written: string): string {
  return written.trim().replace(/^AWS_/, "");
}

/** https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html */
function parseJson(text: string, where: string): Credentials {
  const json = asObject(text, where);
  const values = new Map<CredentialKey, string>();
  const take = (key: CredentialKey, name: string) => {
    const value = json.get(name);
    if (typeof value === "string") values.set(key, value);
  };
  take("ACCESS_KEY_ID", "AccessKeyId");
  take("SECRET_ACCESS_KEY", "SecretAccessKey");
  take("SESSION_TOKEN", "SessionToken");
  const credentials = credentialsOf(values, where);
  const expiration = json.get("Expiration");
  if (expiration === undefined || expiration === null) return credentials;
  const expiresAtMs = typeof expiration === "string" ? Date.parse(expiration) : Number.NaN;
  if (Number.isNaN(expiresAtMs)) throw new UnusableCredentials(`${where}: Expiration is no date`);
  return { ...credentials, expiresAtMs };
}

function asObject(text: string, where: string): ReadonlyMap<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return new Map(Object.entries(value ?? {}));
  } catch {
    // The parser's own message quotes the text, and with it secrets.
    throw new UnusableCredentials(`${where} is not JSON as of AWS's credential_process`);
  }
}
