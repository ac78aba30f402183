/**
 * What all test servers share: a directory that holds everything, the processes recorded in it,
 * and stopping from that record alone, so that another process can do it.
 */

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { end, gone, isAlive, launch, type ProcessId, signal, tree } from "./process.ts";

export interface ServerOptions {
  /** Where everything lies. Given: it is kept on stop, with its data. Default: temporary. */
  readonly root?: string;
  /** True (default): the kernel ends the server when this process dies. */
  readonly tied?: boolean;
}

interface Recorded extends ProcessId {
  readonly name: string;
}

const RECORD = "server.json";
const KILL_TIMEOUT_MS = 10_000;

export class ServerRoot {
  readonly path: string;
  readonly #temporary: boolean;
  readonly #tied: boolean;
  #processes: readonly Recorded[] = [];
  #env: Readonly<Record<string, string>> = {};

  constructor(kind: string, options: ServerOptions) {
    this.#temporary = options.root === undefined;
    this.#tied = options.tied ?? true;
    this.path = resolve(options.root ?? mkdtempSync(join(tmpdir(), `musicfs-${kind}-`)));
    mkdirSync(join(this.path, "log"), { recursive: true, mode: 0o755 });
  }

  /** A directory below the root, made when missing. */
  directory(name: string, mode = 0o755): string {
    const path = join(this.path, name);
    mkdirSync(path, { recursive: true, mode });
    return path;
  }

  /** Writes a file below the root and answers its path. */
  file(name: string, content: string, mode = 0o644): string {
    const path = join(this.path, name);
    writeFileSync(path, content, { mode });
    return path;
  }

  logFile(name: string): string {
    return join(this.path, "log", `${name}.log`);
  }

  launch(name: string, command: readonly string[], env?: Readonly<Record<string, string>>): void {
    const started = launch(command, {
      logFile: this.logFile(name),
      tied: this.#tied,
      ...(env === undefined ? {} : { env }),
    });
    this.#processes = [...this.#processes.filter(isAlive), { name, ...started }];
    this.#save();
  }

  /** What shell scripts and other processes need to use the server. */
  publish(env: Readonly<Record<string, string>>): void {
    this.#env = env;
    this.#save();
  }

  get env(): Readonly<Record<string, string>> {
    return this.#env;
  }

  /** The processes started, by name or all, with what they forked. */
  processes(name?: string): readonly ProcessId[] {
    return this.#processes.filter((one) => name === undefined || one.name === name).flatMap(tree);
  }

  /** True while everything that was launched lives. */
  get running(): boolean {
    return this.#processes.length > 0 && this.#processes.every(isAlive);
  }

  pause(name?: string): void {
    signal(this.processes(name), "SIGSTOP");
  }

  resume(name?: string): void {
    signal(this.processes(name), "SIGCONT");
  }

  /** SIGKILL to processes and all they forked, as a crash or power cut would end them. */
  async kill(name?: string): Promise<void> {
    // Stopped first, so that none forks while its children are counted.
    signal(this.processes(name), "SIGSTOP");
    const all = this.processes(name);
    signal(all, "SIGKILL");
    if (!(await gone(all, KILL_TIMEOUT_MS))) throw new Error("a server outlives SIGKILL");
  }

  async stop(): Promise<void> {
    await end(this.#processes);
    this.#processes = [];
    if (this.#temporary) rmSync(this.path, { recursive: true, force: true });
    else rmSync(join(this.path, RECORD), { force: true });
  }

  /** The last lines of every log named, for the message of a failed start. */
  tail(...names: readonly string[]): string {
    return names
      .map((name) => {
        const text = readFileSync(this.logFile(name), { encoding: "utf8", flag: "a+" });
        return `--- ${name}\n${text.trimEnd().split("\n").slice(-15).join("\n")}`;
      })
      .join("\n");
  }

  #save(): void {
    const record = { env: this.#env, processes: this.#processes };
    this.file(RECORD, `${JSON.stringify(record, undefined, 2)}\n`, 0o600);
  }
}

interface ServerRecord {
  readonly env: Readonly<Record<string, string>>;
  readonly processes: readonly ProcessId[];
}

/** The server recorded under `root`; undefined when none runs there. */
export function recorded(root: string): ServerRecord | undefined {
  const file = join(root, RECORD);
  if (!existsSync(file)) return undefined;
  const record: ServerRecord = JSON.parse(readFileSync(file, "utf8"));
  return record.processes.some(isAlive) ? record : undefined;
}

/** Ends the server that any process recorded under `root`. */
export async function stopRecorded(root: string): Promise<void> {
  const record = recorded(root);
  if (record !== undefined) await end(record.processes);
  rmSync(join(root, RECORD), { force: true });
}

/** Tries `start` with new ports while it fails because another process was faster. */
export async function withRetries<T>(tries: number, start: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await start();
    } catch (error) {
      if (attempt === tries || !(error instanceof PortTaken)) throw error;
    }
  }
}

export class PortTaken extends Error {
  override readonly name = "PortTaken";
}
