/** `musicfs __complete WORD...`: what shells ask while a command line is typed (scripts.ts). */

import type { Command } from "commander";
import { loadConfig } from "../../core/config/load.ts";
import { OwnError } from "../../core/errors.ts";
import { surroundings } from "../context.ts";
import { print } from "../output.ts";
import { complete } from "./complete.ts";

export async function printCompletion(program: Command, words: readonly string[]): Promise<void> {
  const { candidates, paths } = await complete(program, words, { originIds });
  for (const { text, description } of candidates) {
    if (!print(`${text}\t${description.replaceAll(/\s+/g, " ")}`)) return;
  }
  print(`:${paths}`);
}

/** None where the configuration cannot be read: somebody is typing and wants no explanation. */
async function originIds(config: string | undefined): Promise<readonly string[]> {
  try {
    const loaded = await loadConfig({ config }, surroundings(), { mayBeMissing: true });
    return loaded.config.origins.map(({ id }) => id);
  } catch (error) {
    if (error instanceof OwnError) return [];
    throw error;
  }
}
