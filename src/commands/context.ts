/** What a command knows besides its own flags: the global ones, and the process it runs in. */

import { homedir } from "node:os";
import type { Command } from "commander";
import type { ConfigFlags } from "../core/config/load.ts";
import type { Surroundings } from "../core/config/paths.ts";
import type { LogLevel } from "../core/log.ts";
import { EXIT, type ExitCode } from "./exit_code.ts";

/** Options of the program itself, which may stand before or after the command's name. */
interface GlobalOptions {
  readonly config?: string;
  readonly cacheDir?: string;
  readonly logLevel?: LogLevel;
  readonly json?: boolean;
}

export interface CommandContext {
  readonly around: Surroundings;
  /** `--config`, `--cache-dir` and `--log-level`. */
  readonly flags: Pick<ConfigFlags, "config" | "cacheDir" | "logLevel">;
  readonly json: boolean;
}

export function contextOf(command: Command): CommandContext {
  const { config, cacheDir, logLevel, json = false } = command.optsWithGlobals<GlobalOptions>();
  return { around: surroundings(), flags: { config, cacheDir, logLevel }, json };
}

export function surroundings(): Surroundings {
  const { HOME } = process.env;
  const home = HOME?.startsWith("/") ? HOME : homedir();
  return {
    env: process.env,
    uid: process.geteuid?.() ?? 0,
    home: home.startsWith("/") ? home : undefined,
    workingDirectory: workingDirectory(),
  };
}

/** The root when the working directory was removed. */
function workingDirectory(): string {
  try {
    return process.cwd();
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return "/";
    throw error;
  }
}

/** Makes an action of a function that answers the exit code; nothing means done. */
export function action<A extends readonly unknown[]>(
  run: (...args: A) => Promise<ExitCode | undefined>,
): (...args: A) => Promise<void> {
  return async (...args) => {
    process.exitCode = (await run(...args)) ?? EXIT.done;
  };
}
