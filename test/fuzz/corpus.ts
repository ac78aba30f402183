/** Inputs kept in files, `corpus/TARGET/NAME`: examples to start from, and whatever once failed. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface KeptInput {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function keptInputs(target: string): readonly KeptInput[] {
  const directory = join(import.meta.dir, "corpus", target);
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).sort();
  return names.map((name) => ({ name, bytes: readFileSync(join(directory, name)) }));
}
