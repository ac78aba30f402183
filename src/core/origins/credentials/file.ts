/** Credentials in a file that nobody else can read. */

import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { displayPath, nameFromText } from "../../bytes.ts";
import {
  CREDENTIALS_MAX_BYTES,
  type Credentials,
  parseCredentials,
  UnusableCredentials,
} from "./credentials.ts";

/** Permissions that let others than the owner touch the file. */
const OPEN_TO_OTHERS = 0o077;
/** systemd opens a credential to its service by an ACL, which shows in the group's bits. */
const OPEN_TO_EVERYONE = 0o007;

/**
 * `path` is absolute, or a name without `/` in `credentialsDirectory` (systemd's
 * `$CREDENTIALS_DIRECTORY`).
 */
export async function fromFile(
  path: string,
  credentialsDirectory: string | undefined,
): Promise<Credentials> {
  const fromSystemd = !path.includes("/");
  if (fromSystemd && credentialsDirectory === undefined) {
    throw new UnusableCredentials(
      `credential ${shown(path)}: systemd has given none ($CREDENTIALS_DIRECTORY is not set); ` +
        "use LoadCredential= in the unit, or an absolute path",
    );
  }
  const file = fromSystemd ? join(credentialsDirectory ?? "", path) : path;
  const where = `the file ${shown(file)}`;
  await using handle = await openFile(file, where);
  await checkAccess(handle, where, fromSystemd);
  const buffer = Buffer.alloc(CREDENTIALS_MAX_BYTES + 1);
  const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, 0);
  if (bytesRead > CREDENTIALS_MAX_BYTES) throw new UnusableCredentials(`${where} is too long`);
  return parseCredentials(buffer.toString("utf8", 0, bytesRead), where);
}

async function openFile(file: string, where: string): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a FIFO would keep us waiting for its writer.
    return await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown error";
    throw new UnusableCredentials(`${where} cannot be read (${code})`, { cause: error });
  }
}

async function checkAccess(handle: FileHandle, where: string, fromSystemd: boolean): Promise<void> {
  const stat = await handle.stat();
  if (!stat.isFile()) throw new UnusableCredentials(`${where} is not a regular file`);
  const us = process.getuid?.();
  if (stat.uid !== 0 && stat.uid !== us) {
    throw new UnusableCredentials(`${where} belongs to another user; make it your own`);
  }
  if ((stat.mode & (fromSystemd ? OPEN_TO_EVERYONE : OPEN_TO_OTHERS)) !== 0) {
    const mode = (stat.mode & 0o777).toString(8).padStart(4, "0");
    throw new UnusableCredentials(`${where} is open to others (mode ${mode}); run chmod 600 on it`);
  }
}

function shown(path: string): string {
  return displayPath(nameFromText(path));
}
