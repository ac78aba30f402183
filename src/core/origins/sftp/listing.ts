/**
 * Listing a directory: READDIRs side by side, symbolic links looked up in batches, and bounds on
 * what a server can make us read.
 */

import { type ByteName, type BytePath, isValidName, joinPath } from "../../bytes.ts";
import { MAX_DIRECTORY_ENTRIES, SFTP_LIST_PIPELINE, SFTP_STAT_PIPELINE } from "../../limits.ts";
import { S_IFLNK, S_IFMT } from "../../sys/arch.ts";
import type { DirEntry } from "../origin.ts";
import type { SftpConnection } from "./connection.ts";
import { hasStatus, ignoreLateFailure, ObjectError } from "./errors.ts";
import { type NamedAttributes, ProtocolViolation, Status } from "./packet.ts";
import { type Found, fileStat, type ServedRoot } from "./served_root.ts";
import type { Handle, SftpSession } from "./session.ts";

/** Told of a name that no file can have; the entry is left out. */
export type SkippedListener = (directory: BytePath, name: ByteName, reason: string) => void;

const NO_NAME = "no file can have this name";

/** As `Origin.list`; throws this directory's errors. */
export async function* listDirectory(
  connection: SftpConnection,
  directory: BytePath,
  signal: AbortSignal | undefined,
  onSkipped: SkippedListener,
): AsyncGenerator<readonly DirEntry[], void, void> {
  const { session, root } = connection;
  const { handle, realPath } = await openDirectory(connection, directory, signal);
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const seen = new Set<string>();
    for await (const names of namePages(session, handle, stop.signal)) {
      const fresh = names.filter(({ name }) => !seen.has(name));
      for (const { name } of fresh) seen.add(name);
      if (fresh.length === 0) throw new ProtocolViolation("the listing repeats itself");
      if (seen.size > MAX_DIRECTORY_ENTRIES) {
        throw new ProtocolViolation(`a directory has more than ${MAX_DIRECTORY_ENTRIES} entries`);
      }
      const entries = fresh.filter(({ name }) => {
        if (isValidName(name)) return true;
        if (name !== "." && name !== "..") onSkipped(directory, name, NO_NAME);
        return false;
      });
      const page = await toEntries(root, directory, realPath ?? directory, entries, stop.signal);
      if (page.length > 0) yield page;
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    stop.abort();
    session.close(handle);
  }
}

async function openDirectory(
  { session, root }: SftpConnection,
  directory: BytePath,
  signal: AbortSignal | undefined,
): Promise<{ readonly handle: Handle; readonly realPath: string | undefined }> {
  const [opened, found] = await Promise.allSettled([
    session.opendir(root.serverPath(directory), signal),
    root.find(directory, signal),
  ]);
  try {
    if (found.status === "rejected") throw found.reason;
    const { attributes, realPath } = found.value;
    if (fileStat(attributes, "")?.kind !== "directory") {
      throw new ObjectError("not_a_directory", "is not a directory");
    }
    if (opened.status === "rejected") throw opened.reason;
    return { handle: opened.value, realPath };
  } catch (error) {
    if (opened.status === "fulfilled") session.close(opened.value);
    throw error;
  }
}

/**
 * Names as the server gives them. The second request is on its way before the first is answered, so
 * that a small directory costs no extra round trip; long ones get more.
 */
async function* namePages(
  session: SftpSession,
  handle: Handle,
  signal: AbortSignal,
): AsyncGenerator<readonly NamedAttributes[], void, void> {
  const asked: Promise<readonly NamedAttributes[] | undefined>[] = [];
  let ended = false;
  for (let depth = 2; ; depth = Math.min(depth * 2, SFTP_LIST_PIPELINE)) {
    while (!ended && asked.length < depth) {
      const page = session.readdir(handle, signal);
      page.catch(ignoreLateFailure);
      asked.push(page);
    }
    const next = asked.shift();
    if (next === undefined) return;
    const names = await next;
    if (names === undefined) ended = true;
    else if (names.length === 0) throw new ProtocolViolation("a listing goes on with no names");
    else yield names;
  }
}

async function toEntries(
  root: ServedRoot,
  directory: BytePath,
  identityOfDirectory: string,
  names: readonly NamedAttributes[],
  signal: AbortSignal,
): Promise<readonly DirEntry[]> {
  const entries: DirEntry[] = [];
  const unresolved: ByteName[] = [];
  for (const { name, attributes } of names) {
    const known = attributes.mode !== undefined && attributes.mtimeSec !== undefined;
    if (!known || ((attributes.mode ?? 0) & S_IFMT) === S_IFLNK) unresolved.push(name);
    else {
      const stat = fileStat(attributes, `${identityOfDirectory}/${name}`);
      if (stat !== undefined) entries.push({ name, ...stat });
    }
  }
  for (let at = 0; at < unresolved.length; at += SFTP_STAT_PIPELINE) {
    const batch = unresolved.slice(at, at + SFTP_STAT_PIPELINE);
    const resolved = await Promise.all(
      batch.map((name) => resolveEntry(root, directory, name, signal)),
    );
    entries.push(...resolved.filter((entry) => entry !== undefined));
  }
  return entries;
}

async function resolveEntry(
  root: ServedRoot,
  directory: BytePath,
  name: ByteName,
  signal: AbortSignal,
): Promise<DirEntry | undefined> {
  const path = joinPath(directory, name);
  let found: Found;
  try {
    found = await root.find(path, signal);
  } catch (error) {
    if (leadsNowhere(error)) return undefined;
    throw error;
  }
  const stat = fileStat(found.attributes, found.realPath ?? path);
  return stat && { name, ...stat };
}

/** Why a symbolic link is not listed. OpenSSH says of a loop that there is no such file. */
function leadsNowhere(error: unknown): boolean {
  if (error instanceof ObjectError) return error.code !== "device_gone";
  return hasStatus(error, Status.noSuchFile) || hasStatus(error, Status.permissionDenied);
}
