/**
 * `mount --daemon`: the program starts itself again in the background, in a session of its own, and
 * waits until that child's mount can be used. What the child writes goes to a log file; how its
 * start went comes through a pipe, one line of JSON.
 */

import { spawn } from "node:child_process";
import { closeSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { displayText } from "../bytes.ts";
import { MusicFsError, messageOf, OWN_ERRORS, OwnError, type OwnErrorCode } from "../errors.ts";

/** Names the descriptor on which the child tells how its start went. */
const READY_VARIABLE = "MUSICFS_READY_FD";
const READY_FD = 3;

/** A log larger than this is set aside as `FILE.1` when the next daemon starts. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;

type Outcome = { readonly ready: true } | { readonly code: string; readonly message: string };

/**
 * Starts `command` and resolves with its process id once it called {@link Starter.ready}. Rejects
 * with the child's own error, or with `mount` when it ended without one; the message says where the
 * log is.
 */
export function startDaemon(command: readonly string[], logFile: string): Promise<number> {
  const [program = "", ...args] = command;
  const log = openLog(logFile);
  const child = spawn(program, args, {
    detached: true,
    stdio: ["ignore", log, log, "pipe"],
    env: { ...process.env, [READY_VARIABLE]: String(READY_FD) },
  });
  closeSync(log);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const fail = (why: string, code: OwnErrorCode = "mount") =>
    reject(new OwnError(code, `${why}; the log is ${displayText(logFile)}`));
  let told = "";
  const pipe = child.stdio[READY_FD];
  pipe?.on("data", (chunk: Buffer) => {
    told += chunk.toString();
    const outcome = outcomeIn(told);
    if (outcome === undefined) return;
    if ("ready" in outcome) resolve(child.pid ?? 0);
    else fail(outcome.message, ownCode(outcome.code));
  });
  // What was told before the end is read before it is acted on.
  child.on("close", (code, signal) => {
    fail(`the daemon ended at once (${signal ?? `exit status ${code}`})`);
  });
  child.on("error", (error) => fail(`the daemon cannot be started: ${error.message}`));
  const settled = () => {
    child.unref();
    if (pipe !== undefined && pipe !== null) pipe.destroy();
  };
  promise.then(settled, settled);
  return promise;
}

function openLog(file: string): number {
  try {
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > MAX_LOG_BYTES) renameSync(file, `${file}.1`);
    return openSync(file, "a", 0o600);
  } catch (error) {
    const message = `cannot open the log ${displayText(file)}: ${messageOf(error)}`;
    throw new OwnError("mount", message, { cause: error });
  }
}

/** An error of the child keeps its code, by which scripts tell `busy` from the rest. */
function ownCode(code: string): OwnErrorCode {
  return code in OWN_ERRORS ? (code as OwnErrorCode) : "mount";
}

function outcomeIn(told: string): Outcome | undefined {
  const end = told.indexOf("\n");
  return end < 0 ? undefined : (JSON.parse(told.slice(0, end)) as Outcome);
}

/** The child's end of the pipe. Only the first word counts. */
export interface Starter {
  ready(): void;
  failed(error: unknown): void;
}

/**
 * Undefined in a process that {@link startDaemon} did not start. The variable is taken out of the
 * environment, so that no child of this process takes itself for the daemon.
 */
export function daemonStarter(env: NodeJS.ProcessEnv = process.env): Starter | undefined {
  if (env[READY_VARIABLE] !== String(READY_FD)) return undefined;
  delete env[READY_VARIABLE];
  let open = true;
  const tell = (outcome: Outcome) => {
    if (!open) return;
    open = false;
    try {
      writeSync(READY_FD, `${JSON.stringify(outcome)}\n`);
    } catch (error) {
      // Whoever waited was ended meanwhile: the daemon goes on, as it would have a moment later.
      if (!(error instanceof Error && "code" in error && error.code === "EPIPE")) throw error;
    } finally {
      closeSync(READY_FD);
    }
  };
  return {
    ready: () => tell({ ready: true }),
    failed(error) {
      const code = error instanceof MusicFsError ? error.code : "internal";
      tell({ code, message: messageOf(error) });
    },
  };
}

/** The command line that starts this program once more, compiled or from its sources. */
export function selfCommand(args: readonly string[]): readonly string[] {
  const compiled = import.meta.url.startsWith("file:///$bunfs/");
  return compiled ? [process.execPath, ...args] : [process.execPath, Bun.main, ...args];
}
