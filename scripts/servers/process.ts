/**
 * The processes of a test server. A process is known by its id *and* the time the kernel started
 * it, so that a reused id is never signalled, also from another run of the program.
 */

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot: field 22 of /proc/PID/stat. */
  readonly startTicks: string;
}

export interface LaunchOptions {
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** True: the kernel ends the process when this one dies. False: it outlives us (the CLI). */
  readonly tied: boolean;
}

/** Starts a command as leader of its own session; its output is appended to `logFile`. */
export function launch(command: readonly string[], options: LaunchOptions): ProcessId {
  const log = openSync(options.logFile, "a");
  try {
    const tie = options.tied ? ["setpriv", "--pdeathsig", "TERM", "--"] : [];
    const child = Bun.spawn([...tie, ...command], {
      stdin: "ignore",
      stdout: log,
      stderr: log,
      detached: true,
      env: { ...process.env, ...options.env },
    });
    child.unref();
    const id = identify(child.pid);
    if (id === undefined) throw new Error(`${command[0]} ended at once, see ${options.logFile}`);
    return id;
  } finally {
    closeSync(log);
  }
}

/** The fields of /proc/PID/stat after the command's name; undefined for no process or a zombie. */
function statFields(pid: number): readonly string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : fields;
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

function identify(pid: number): ProcessId | undefined {
  const startTicks = statFields(pid)?.[19];
  return startTicks === undefined ? undefined : { pid, startTicks };
}

export function isAlive(id: ProcessId): boolean {
  return identify(id.pid)?.startTicks === id.startTicks;
}

/** A process and everything it forked that is still its descendant; empty when it is gone. */
export function tree(root: ProcessId): readonly ProcessId[] {
  if (!isAlive(root)) return [];
  const found: ProcessId[] = [root];
  for (const parent of found) {
    for (const pid of childrenOf(parent.pid)) {
      const child = identify(pid);
      if (child !== undefined) found.push(child);
    }
  }
  return found;
}

function childrenOf(pid: number): readonly number[] {
  try {
    const list = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1");
    return list.split(" ").filter(Boolean).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Sends a signal to each that still lives. */
export function signal(ids: readonly ProcessId[], name: NodeJS.Signals): void {
  for (const id of ids) {
    if (!isAlive(id)) continue;
    try {
      process.kill(id.pid, name);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
}

/**
 * Ends the trees of `roots`: politely, and after `graceMs` by SIGKILL. Stopped ones too, and what was
 * forked meanwhile or lost its parent, where the server has a mount namespace of its own.
 */
export async function end(roots: readonly ProcessId[], graceMs = 2000): Promise<void> {
  const all = roots.flatMap(tree);
  const spaces = new Set(all.map(mountNamespace).filter((space) => space !== OWN_NAMESPACE));
  spaces.delete(undefined);
  signal(all, "SIGTERM");
  signal(all, "SIGCONT");
  const ended = await gone(all, graceMs);
  const left = () => [...all.filter(isAlive), ...all.flatMap(tree), ...membersOf(spaces)];
  if (ended && left().length === 0) return;
  const killed = () => {
    signal(left(), "SIGKILL");
    return left().length === 0;
  };
  if (!(await until(killed, 10_000))) {
    throw new Error(
      `processes ${left()
        .map((id) => id.pid)
        .join(", ")} outlive SIGKILL`,
    );
  }
}

const OWN_NAMESPACE = mountNamespace({ pid: process.pid, startTicks: "" });

function mountNamespace({ pid }: ProcessId): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch (error) {
    // Another user's process is none of a server that we started.
    if (isGone(error) || isForbidden(error)) return undefined;
    throw error;
  }
}

function membersOf(spaces: ReadonlySet<string | undefined>): readonly ProcessId[] {
  if (spaces.size === 0) return [];
  return readdirSync("/proc")
    .map((name) => (/^\d+$/.test(name) ? identify(Number(name)) : undefined))
    .filter((id) => id !== undefined)
    .filter((id) => spaces.has(mountNamespace(id)));
}

/** Waits until none of `ids` lives; false when some still do after `timeoutMs`. */
export async function gone(ids: readonly ProcessId[], timeoutMs: number): Promise<boolean> {
  return await until(() => !ids.some(isAlive), timeoutMs);
}

/** Asks `condition` every 20 ms; false when it does not hold within `timeoutMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<boolean> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

function isGone(error: unknown): boolean {
  const code = codeOf(error);
  return code === "ENOENT" || code === "ESRCH";
}

function isForbidden(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EACCES" || code === "EPERM";
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
