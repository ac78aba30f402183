/** Credentials in environment variables: `PREFIX_ACCESS_KEY_ID`, `PREFIX_PASSWORD`, ... */

import { CREDENTIAL_KEYS, type Credentials, credentialsOf } from "./credentials.ts";

export function fromEnvironment(
  prefix: string,
  env: Readonly<Record<string, string | undefined>>,
): Credentials {
  const name = (key: string) => `${prefix}_${key}`;
  const values = CREDENTIAL_KEYS.map((key) => [key, env[name(key)] ?? ""] as const);
  return credentialsOf(new Map(values), `the environment (${name("…")})`);
}
