/** From TOML text to a checked configuration, or to a list of what is wrong and where. */

import { parse, TomlError } from "smol-toml";
import * as v from "valibot";
import { OwnError } from "../errors.ts";
import { originTable } from "./origin_schema.ts";
import type { KeyPath } from "./position.ts";
import { ConfigError, type ConfigProblem, excerptOf } from "./problem.ts";
import { configSchema, type WrittenConfig, type WrittenOrigin } from "./schema.ts";

/**
 * Checks the text of a configuration file; `source` names it in messages. Rejects with
 * `ConfigError`. Positions are looked up only when something is wrong: their parser is not loaded
 * otherwise.
 */
export async function parseConfig(text: string, source: string): Promise<WrittenConfig> {
  const body = text.startsWith("\ufeff") ? text.slice(1) : text;
  const checked = v.safeParse(configSchema, parseToml(body, source));
  if (checked.success) return checked.output;
  const { positionOf } = await import("./position.ts");
  const problems = withoutEchoes(checked.issues).map((issue): ConfigProblem => {
    const path = keyPathOf(issue);
    return { source, ...positionOf(body, path), key: dotted(path), message: issue.message };
  });
  throw new ConfigError(problems.sort((a, b) => (a.line ?? 0) - (b.line ?? 0)));
}

/** Checks values that come from elsewhere than a file, as flags; `source` names where. */
export function checkConfig(values: unknown, source: string): WrittenConfig {
  const checked = v.safeParse(configSchema, values);
  if (checked.success) return checked.output;
  throw new ConfigError(
    checked.issues.map((issue) => ({
      source,
      key: dotted(keyPathOf(issue)),
      message: issue.message,
    })),
  );
}

/**
 * Checks one origin given by flags: throws `usage`, naming each setting as its flag and `id` as the
 * argument that it is.
 */
export function checkOrigin(values: unknown): WrittenOrigin {
  const checked = v.safeParse(originTable, values);
  if (checked.success) return checked.output;
  const problems = withoutEchoes(checked.issues).map((issue) => {
    const path = keyPathOf(issue);
    const name = path[0] === "origin_type" ? "type" : path.join("_");
    const shown = name === "id" ? "ID" : `--${name.replaceAll("_", "-")}`;
    return `${path.length === 0 ? "the origin" : shown} ${issue.message}`;
  });
  throw new OwnError("usage", problems.join("; "));
}

function parseToml(text: string, source: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [line = ""] = error.message.split("\n");
    const reason = line.replace(/^Invalid TOML document: /, "");
    const excerpt = excerptOf(text, error.line, error.column);
    const place = { source, line: error.line, column: error.column };
    const message = `is not valid TOML: ${reason}`;
    throw new ConfigError([{ ...place, message, ...(excerpt === undefined ? {} : { excerpt }) }]);
  }
}

type Issue = v.BaseIssue<unknown>;

function keyPathOf(issue: Issue): KeyPath {
  return (issue.path ?? []).map((item) =>
    typeof item.key === "number" ? item.key : String(item.key),
  );
}

const BARE_KEY = /^[A-Za-z0-9_-]+$/;

/** `origins[0].credentials.env`; keys that need quotes have them. */
function dotted(path: KeyPath): string {
  return path
    .map((part, index) => {
      if (typeof part === "number") return `[${part}]`;
      const key = BARE_KEY.test(part) ? part : JSON.stringify(part);
      return index === 0 ? key : `.${key}`;
    })
    .join("");
}

/** A mistyped key is not also reported as missing under its right name. */
function withoutEchoes(issues: readonly Issue[]): readonly Issue[] {
  const unknown = issues.filter((issue) => issue.expected === "never");
  return issues.filter((issue) => {
    if (issue.received !== "undefined") return true;
    const table = dotted(keyPathOf(issue).slice(0, -1));
    const name = String(issue.path?.at(-1)?.key);
    return !unknown.some(
      (other) =>
        dotted(keyPathOf(other).slice(0, -1)) === table &&
        other.message.includes(`did you mean "${name}"`),
    );
  });
}
