/** What is wrong with a configuration, as data and as the lines a person reads. */

import { displayText } from "../bytes.ts";
import { OwnError } from "../errors.ts";

export interface ConfigProblem {
  /** The file's path, or what else the value came from (an environment variable, a flag). */
  readonly source: string;
  /** From 1; absent where the problem has no place in the text. */
  readonly line?: number;
  /** From 1, in UTF-16 units. */
  readonly column?: number;
  /** Dotted, as `origins[0].priority`; absent for what is no valid TOML. */
  readonly key?: string;
  /** Continues the key ("must be …"), or stands alone without one. */
  readonly message: string;
  /** The line in question with a caret below. */
  readonly excerpt?: string;
}

/** Every problem of one configuration; the message has them all, one a line. */
export class ConfigError extends OwnError {
  constructor(readonly problems: readonly ConfigProblem[]) {
    super("config", problems.map(problemText).join("\n"));
  }
}

function problemText(problem: ConfigProblem): string {
  const { source, line, column, key, message, excerpt } = problem;
  const place = line === undefined ? "" : `:${line}:${column ?? 1}`;
  const what = key === undefined ? message : `${key} ${message}`;
  const text = `${displayText(source)}${place}: ${displayText(what)}`;
  return excerpt === undefined ? text : `${text}\n${excerpt}`;
}

const EXCERPT_CHARS = 100;
const MAY_HOLD_SECRET = /pass|secret|token|key|credential|command/i;

/**
 * Line `line` of `text` with a caret at `column`, both from 1; undefined for a line that may hold a
 * secret, or does not exist.
 */
export function excerptOf(text: string, line: number, column: number): string | undefined {
  const source = text.split(/\r?\n/)[line - 1];
  if (source === undefined || MAY_HOLD_SECRET.test(source)) return undefined;
  const from = Math.max(0, column - 1 - EXCERPT_CHARS / 2);
  const before = displayText(source.slice(from, column - 1).replaceAll("\t", " "));
  const after = displayText(source.slice(column - 1, from + EXCERPT_CHARS).replaceAll("\t", " "));
  const margin = `  ${line} | `;
  return `${margin}${before}${after}\n${" ".repeat(margin.length - 2)}| ${" ".repeat(before.length)}^`;
}
