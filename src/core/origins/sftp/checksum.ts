/**
 * Checksums computed by the server, where its login has a shell with GNU tools. The command is
 * constant and the file's name goes to its standard input, so no name is ever read by a shell.
 */

import type { BytePath } from "../../bytes.ts";
import { SFTP_CHECKSUM_OUTPUT_BYTES } from "../../limits.ts";
import { cancelled } from "../abort.ts";
import type { ContentProof, OriginVersion } from "../origin.ts";
import type { SftpConnection } from "./connection.ts";
import { ObjectError, SftpFault } from "./errors.ts";
import { servedStat } from "./served_root.ts";

type ChecksumKind = "sha256" | "md5";

const COMMANDS: Readonly<Record<ChecksumKind, string>> = {
  md5: "xargs -0 md5sum -z --",
  sha256: "xargs -0 sha256sum -z --",
};
const HEX_DIGITS: Readonly<Record<ChecksumKind, number>> = { md5: 32, sha256: 64 };

/**
 * The checksum of the whole file; undefined where the server lets no command run, has not the
 * tools, or shows another tree to its shell than to SFTP. Rejects with `version_changed` when the
 * file is another before or after it was computed.
 */
export async function serverProof(
  connection: SftpConnection,
  path: BytePath,
  version: OriginVersion,
  signal: AbortSignal | undefined,
): Promise<ContentProof | undefined> {
  const look = async () => {
    const found = await connection.root.find(path, signal);
    const { kind, sizeBytes, token } = servedStat(found, path);
    if (kind !== "file" || sizeBytes !== version.sizeBytes || token !== version.token) {
      throw new ObjectError("version_changed", "was changed");
    }
    return found.realPath;
  };
  const realPath = await look();
  if (realPath?.startsWith("/") !== true) return undefined;
  for (const kind of ["sha256", "md5"] as const) {
    const output = await run(connection, COMMANDS[kind], `${realPath}\0`, signal);
    const hex = output === undefined ? undefined : parseChecksum(output, kind, realPath);
    if (hex === undefined) continue;
    await look();
    return { kind, hex };
  }
  return undefined;
}

/** `hash  name NUL` at the end of the output; a shell's start-up files may print before it. */
export function parseChecksum(
  output: string,
  kind: ChecksumKind,
  path: string,
): string | undefined {
  const tail = `  ${path}\0`;
  if (!output.endsWith(tail)) return undefined;
  const hash = output.slice(0, -tail.length).slice(-HEX_DIGITS[kind]);
  return /^[0-9a-f]+$/.test(hash) && hash.length === HEX_DIGITS[kind] ? hash : undefined;
}

/** Standard output of a command that succeeds, as a byte string. */
async function run(
  connection: SftpConnection,
  command: string,
  input: string,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const channel = await connection.exec(command).catch((error: unknown) => {
    if (error instanceof SftpFault) throw error;
    // The server runs no commands, or opens no second session on a connection.
    return undefined;
  });
  if (channel === undefined) return undefined;
  const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
  let output = "";
  let exitCode: number | null | undefined;
  const abort = () => {
    if (signal !== undefined) reject(cancelled(signal));
    channel.close();
  };
  channel.stderr.resume();
  channel.on("data", (bytes: Buffer) => {
    output += bytes.toString("latin1");
    if (output.length > SFTP_CHECKSUM_OUTPUT_BYTES) channel.close();
  });
  channel.on("exit", (code: number | null) => {
    exitCode = code;
  });
  channel.on("close", () => resolve(exitCode === 0 ? output : undefined));
  connection.onLost(reject);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    if (signal?.aborted) abort();
    else channel.end(Buffer.from(input, "latin1"));
    return await promise;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}
