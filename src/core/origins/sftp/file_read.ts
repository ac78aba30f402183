/**
 * Reading a stretch of a file: one handle per path and version, READs side by side, and an FSTAT
 * behind them that says whether the bytes are of the version that was asked for.
 *
 * Round trips to the first byte: one with the handle at hand, two with a version (OPEN and REALPATH
 * go together), three without (opening a FIFO would hang the server's session, so what is
 * not known to be a file is looked at first).
 */

import type { BytePath } from "../../bytes.ts";
import { cancelled } from "../abort.ts";
import type { OriginVersion } from "../origin.ts";
import type { SftpConnection } from "./connection.ts";
import { ObjectError, StatusError } from "./errors.ts";
import type { OpenedFile } from "./open_files.ts";
import { fileStat, servedStat } from "./served_root.ts";
import type { Handle, ReadCaller, SftpSession } from "./session.ts";

/** Names a version of a file among the open ones. */
export function openFileKey(path: BytePath, version: OriginVersion): string {
  return `${version.sizeBytes} ${version.token} ${path}`;
}

/** The bytes to read. */
export interface Stretch extends ReadCaller {
  readonly offsetBytes: number;
  readonly into: Uint8Array;
}

/** As `Origin.read`; rejects with this directory's errors. */
export async function readFile(
  connection: SftpConnection,
  path: BytePath,
  asked: OriginVersion | undefined,
  stretch: Stretch,
): Promise<number> {
  const version = asked ?? (await currentVersion(connection, path, stretch.signal));
  const attempt = () => readVersion(connection, path, version, stretch);
  try {
    return await attempt().catch((error: unknown) => {
      // The server may have dropped the handle, or lost what is behind it (a remounted share).
      if (error instanceof StaleHandle) return attempt();
      throw error;
    });
  } catch (error) {
    if (error instanceof StaleHandle) throw error.cause;
    const changed = error instanceof ObjectError && error.code === "version_changed";
    if (!changed || asked !== undefined) throw error;
    throw new ObjectError("io", "the file changes while it is read");
  }
}

/** A handle that was open before no longer works. */
class StaleHandle extends Error {
  override readonly name = "StaleHandle";
}

async function currentVersion(
  { root }: Pick<SftpConnection, "root">,
  path: BytePath,
  signal: AbortSignal | undefined,
): Promise<OriginVersion> {
  const stat = servedStat(await root.find(path, signal), path);
  if (stat.kind === "directory") throw isADirectory();
  return stat;
}

function readVersion(
  connection: SftpConnection,
  path: BytePath,
  version: OriginVersion,
  stretch: Stretch,
): Promise<number> {
  const { session, files } = connection;
  return files.use(
    openFileKey(path, version),
    () => openVersion(connection, path, version),
    async ({ handle }, reused) => {
      try {
        return await readRange(session, handle, version, stretch);
      } catch (error) {
        if (!reused || !(error instanceof StatusError)) throw error;
        throw new StaleHandle("the handle is stale", { cause: error });
      }
    },
    stretch.signal,
  );
}

/** Others may come to share the handle, so no caller's signal ends this. */
async function openVersion(
  { session, root }: SftpConnection,
  path: BytePath,
  version: OriginVersion,
): Promise<OpenedFile> {
  const [opened, inside] = await Promise.allSettled([
    session.open(root.serverPath(path)),
    root.requireInside(path),
  ]);
  if (opened.status === "fulfilled" && inside.status === "fulfilled") {
    return { handle: opened.value };
  }
  if (opened.status === "fulfilled") session.close(opened.value);
  // What the server refuses to open it may still tell about, and that says more.
  requireVersion(await currentVersion({ root }, path, undefined), version);
  throw opened.status === "rejected" ? opened.reason : (inside as PromiseRejectedResult).reason;
}

async function readRange(
  session: SftpSession,
  handle: Handle,
  version: OriginVersion,
  { offsetBytes, into, signal, onProgress }: Stretch,
): Promise<number> {
  const wanted = Math.max(0, Math.min(into.byteLength, version.sizeBytes - offsetBytes));
  // One failure ends the rest, so that nothing is written into `into` once the caller was told.
  const stop = new AbortController();
  const abort = () => stop.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  if (signal?.aborted) abort();
  try {
    const pieceBytes = session.maxReadBytes;
    const pieces: Promise<Piece>[] = [];
    for (let at = 0; at < wanted; at += pieceBytes) {
      const part = {
        offsetBytes: offsetBytes + at,
        into: into.subarray(at, Math.min(at + pieceBytes, wanted)),
        signal: stop.signal,
        onProgress,
      };
      pieces.push(readPiece(session, handle, part));
    }
    const behind = session.fstat(handle, stop.signal);
    const [attributes, ...read] = await Promise.all([behind, ...pieces]);
    const late = read.some(({ requests }) => requests > 1);
    const after = late ? await session.fstat(handle, stop.signal) : attributes;
    requireVersion(fileStat(after, ""), version);
    if (read.every(({ complete }) => complete)) return wanted;
    throw new ObjectError("short_read", "the server ends the file before its size");
  } catch (error) {
    stop.abort();
    if (signal?.aborted) throw cancelled(signal);
    throw error;
  } finally {
    signal?.removeEventListener("abort", abort);
  }
}

interface Piece {
  /** False: the file ended before the piece did. */
  readonly complete: boolean;
  readonly requests: number;
}

/** Servers may answer less than was asked for: the rest is asked for again, until the file ends. */
async function readPiece(
  session: SftpSession,
  handle: Handle,
  { offsetBytes, into, signal, onProgress }: Stretch,
): Promise<Piece> {
  let filled = 0;
  let requests = 0;
  while (filled < into.byteLength) {
    requests++;
    const rest = into.subarray(filled);
    const got = await session.read(handle, offsetBytes + filled, rest, { signal, onProgress });
    if (got === 0) return { complete: false, requests };
    filled += got;
  }
  return { complete: true, requests };
}

function requireVersion(stat: OriginVersion | undefined, version: OriginVersion): void {
  if (stat?.sizeBytes !== version.sizeBytes || stat.token !== version.token) {
    throw new ObjectError("version_changed", "the file is another version than was asked for");
  }
}

function isADirectory(): ObjectError {
  return new ObjectError("is_a_directory", "is a directory");
}
