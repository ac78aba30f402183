/** Programs that only write down how they were called, for tests of shell scripts. */
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export class Stubs {
  /** The directory with the stubs: the whole PATH of the script under test. */
  readonly path: string;
  readonly #log: string;

  /** `tools` are the machine's own programs that the script may use. */
  constructor(root: string, tools: readonly string[]) {
    this.path = join(root, "stubs");
    this.#log = join(root, "calls");
    mkdirSync(this.path);
    writeFileSync(this.#log, "");
    for (const tool of tools) {
      const target = Bun.which(tool);
      if (target !== null) symlinkSync(target, join(this.path, tool));
    }
  }

  /** Adds a program that logs its name and arguments and then runs `body`, a piece of shell. */
  add(name: string, body = ""): this {
    const file = join(this.path, name);
    writeFileSync(file, `#!/bin/sh\necho "${name} $*" >>'${this.#log}'\n${body}\n`);
    chmodSync(file, 0o755);
    return this;
  }

  /** The calls so far, `NAME ARGUMENTS` each. */
  calls(): readonly string[] {
    return readFileSync(this.#log, "utf8")
      .split("\n")
      .filter((line) => line !== "");
  }
}

export interface ScriptResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a shell script with `PATH` leading to the stubs only. */
export function runScript(
  command: readonly string[],
  stubs: Stubs,
  env: Readonly<Record<string, string>> = {},
): ScriptResult {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], {
    env: { PATH: stubs.path, ...env },
    stdin: "ignore",
  });
  return { status: exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
}
