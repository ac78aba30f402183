/** Replaces a configuration file as a whole or not at all. */

import {
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { displayText } from "../bytes.ts";
import { type Clock, sleep } from "../clock.ts";
import { messageOf, OwnError } from "../errors.ts";
import { LOCK_EX, LOCK_NB } from "../sys/arch.ts";
import { libc } from "../sys/libc.ts";
import { readOwnFile } from "./own_file.ts";

const LOCK_RETRY_MS = 20;
const LOCK_PATIENCE_MS = 5000;
const MAX_LINKS = 40;

export interface EditFileOptions {
  /** Effective user id: the file is that user's own. */
  readonly uid: number;
  readonly clock: Clock;
}

/**
 * Reads the file (`""` when there is none), has `edit` make its new text, and puts that in its
 * place: written to `.NAME.new` beside it, synced, and renamed, with the old one's mode (0600 for a
 * new one). A symbolic link stays and its target is replaced. Edits of several processes follow
 * one another; an editor that saves meanwhile is noticed and wins. Nothing is written when the text
 * stays the same. Rejects with `config`, with `busy` when others edit for more than 5 s or saved
 * meanwhile, and with what `edit` rejects with.
 */
export async function editFile(
  path: string,
  options: EditFileOptions,
  edit: (text: string) => Promise<string>,
): Promise<void> {
  const target = followLinks(path);
  const directory = dirname(target);
  makeDirectory(directory);
  const read = () => readOwnFile(target, { what: "configuration file", uid: options.uid });
  using _lock = await lockDirectory(directory, options.clock);
  const before = read();
  const after = await edit(before ?? "");
  if (after === before) return;
  const temporary = join(directory, `.${basename(target)}.new`);
  try {
    // Whoever wrote it held the lock, and was killed.
    rmSync(temporary, { force: true });
    writeNew(temporary, after, before === undefined ? undefined : target);
    if (read() !== before) {
      throw new OwnError("busy", `${displayText(path)} was changed meanwhile; nothing was written`);
    }
    renameSync(temporary, target);
    syncDirectory(directory);
  } catch (error) {
    rmSync(temporary, { force: true });
    if (error instanceof OwnError) throw error;
    throw cannotWrite(target, error);
  }
}

/** The file that a chain of symbolic links ends in, which need not exist. */
function followLinks(path: string): string {
  let current = path;
  for (let links = 0; links <= MAX_LINKS; links++) {
    const stat = lstatSync(current, { throwIfNoEntry: false });
    if (!stat?.isSymbolicLink()) return current;
    current = resolve(dirname(current), readlinkSync(current));
  }
  throw new OwnError("config", `${displayText(path)}: too many symbolic links`);
}

function makeDirectory(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw cannotWrite(directory, error);
  }
}

/** Held on the directory: the file itself is replaced, and a lock file would be left behind. */
async function lockDirectory(directory: string, clock: Clock): Promise<Disposable> {
  let fd: number;
  try {
    fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    throw cannotWrite(directory, error);
  }
  const deadlineMs = clock.monotonicMs() + LOCK_PATIENCE_MS;
  while (libc().flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (clock.monotonicMs() >= deadlineMs) {
      closeSync(fd);
      throw new OwnError("busy", `another program is editing files in ${displayText(directory)}`);
    }
    await sleep(clock, LOCK_RETRY_MS);
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}

function writeNew(path: string, text: string, like: string | undefined): void {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  const fd = openSync(path, flags, 0o600);
  try {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
    if (like !== undefined) {
      const { mode, uid, gid } = statSync(like);
      if (statSync(path).gid !== gid) chownSync(path, uid, gid);
      fchmodSync(fd, mode & 0o7777);
    }
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function syncDirectory(directory: string): void {
  const fd = openSync(directory, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function cannotWrite(path: string, cause: unknown): OwnError {
  return new OwnError("config", `cannot write ${displayText(path)}: ${messageOf(cause)}`, {
    cause,
  });
}
