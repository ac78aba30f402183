/** Whether each origin's secrets can be had, before a server is asked what it thinks of them. */

import type { Config, CredentialsSource, OriginSettings } from "../config/config.ts";
import { messageOf, OriginError } from "../errors.ts";
import { type Credentials, CredentialsProvider } from "../origins/credentials.ts";
import { KeyFiles } from "../origins/sftp/key_files.ts";
import { type Finding, Findings } from "./finding.ts";
import type { Machine } from "./machine.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export async function checkCredentials(
  { clock }: Machine,
  { origins }: Config,
  env: Environment,
): Promise<readonly Finding[]> {
  const enabled = origins.filter((origin) => origin.enabled);
  const found = await Promise.all(enabled.map((origin) => checkOrigin(origin)));
  return found.flat();

  async function checkOrigin(origin: OriginSettings): Promise<readonly Finding[]> {
    const { id, credentials: source, originType } = origin;
    if (originType !== "s3" && originType !== "sftp") return [];
    const findings = new Findings("credentials", id);
    if (source === undefined && identityOf(origin) === undefined) return [];
    let given: Credentials = {};
    try {
      if (source !== undefined)
        given = await new CredentialsProvider(id, source, { env, clock }).get();
    } catch (error) {
      if (!(error instanceof OriginError) || source === undefined) throw error;
      findings.problem(messageOf(error.cause ?? error), remedyFor(source));
      return findings.elseOk("");
    }
    if (originType === "s3" && given.accessKeyId === undefined) {
      findings.problem("there is no access key for S3", "give ACCESS_KEY_ID and SECRET_ACCESS_KEY");
    }
    await checkIdentity(origin, given, findings);
    return findings.elseOk("can be had");
  }
}

function identityOf(origin: OriginSettings): string | undefined {
  return origin.originType === "sftp" ? origin.identityFile : undefined;
}

async function checkIdentity(
  origin: OriginSettings,
  { passphrase }: Credentials,
  findings: Findings,
): Promise<void> {
  const file = identityOf(origin);
  if (file === undefined) return;
  const { utils } = await import("ssh2");
  const read = new KeyFiles().read(file, passphrase, utils.parseKey);
  if ("key" in read) return;
  findings.problem(
    read.reason,
    `name the private key with: musicfs origins set ${origin.id} --identity-file FILE`,
  );
}

function remedyFor(source: CredentialsSource): string {
  switch (source.from) {
    case "env":
      return `set ${source.prefix}_… where musicfs runs; a service gets them by EnvironmentFile=, not from your shell`;
    case "file":
      return "write lines KEY=value into it, and make it readable by its user alone";
    case "command":
      return "run it by hand as the user who runs musicfs, and see what it prints";
  }
}
