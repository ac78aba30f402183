/** A TOML file as places in its text: which pair, table and element stands where. */

import { type AST, getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import type { KeyPath } from "./position.ts";

/** Offsets into the text, UTF-16 units, end exclusive. */
export type Range = readonly [from: number, to: number];

export interface Pair {
  /** From the root of the file. */
  readonly path: KeyPath;
  readonly range: Range;
  readonly value: Range;
}

/** What pairs are written in: the file itself, a `[table]`, or an inline table. */
export interface Scope {
  readonly kind: "file" | "table" | "inline";
  /** What the keys written in it continue. */
  readonly base: KeyPath;
  /** Of a table: its header and pairs. */
  readonly range: Range;
  /** Where the header ends; 0 for the file; after the brace for an inline table. */
  readonly bodyStart: number;
  readonly pairs: readonly Pair[];
}

export interface ArrayPlace {
  readonly path: KeyPath;
  readonly range: Range;
  readonly elements: readonly Range[];
}

export interface TomlDocument {
  readonly text: string;
  readonly scopes: readonly Scope[];
  readonly arrays: readonly ArrayPlace[];
  /** Offsets of commas, comments left out. */
  readonly commas: readonly number[];
  readonly comments: readonly Range[];
}

/** Finds every place; `text` is valid TOML without a byte order mark. */
export function locate(text: string): TomlDocument {
  const program = parseTOML(text);
  const top = program.body[0];
  const scopes: Scope[] = [];
  const arrays: ArrayPlace[] = [];

  const scopeOf = (
    kind: Scope["kind"],
    node: AST.TOMLNode,
    base: KeyPath,
    bodyStart: number,
    body: readonly AST.TOMLKeyValue[],
  ) => {
    const pairs = body.map((pair) => {
      const path = [...base, ...getStaticTOMLValue(pair.key)];
      return { path, range: pair.range, value: pair.value.range, node: pair.value };
    });
    scopes.push({ kind, base, range: node.range, bodyStart, pairs });
    for (const pair of pairs) visitValue(pair.node, pair.path);
  };

  const visitValue = (value: AST.TOMLContentNode, path: KeyPath) => {
    if (value.type === "TOMLInlineTable") {
      scopeOf("inline", value, path, value.range[0] + 1, value.body);
    } else if (value.type === "TOMLArray") {
      const elements = value.elements.map((element) => element.range);
      arrays.push({ path, range: value.range, elements });
      for (const [index, element] of value.elements.entries())
        visitValue(element, [...path, index]);
    }
  };

  scopeOf(
    "file",
    top,
    [],
    0,
    top.body.filter((node) => node.type === "TOMLKeyValue"),
  );
  for (const table of top.body) {
    if (table.type !== "TOMLTable") continue;
    const closing = text.indexOf("]", table.key.range[1]) + (table.kind === "array" ? 2 : 1);
    scopeOf("table", table, table.resolvedKey, closing, table.body);
  }
  const commas = program.tokens.filter(({ type, value }) => type === "Punctuator" && value === ",");
  return {
    text,
    scopes,
    arrays,
    commas: commas.map(({ range }) => range[0]),
    comments: program.comments.map(({ range }) => range),
  };
}

/** Offset of the first character of the line that `offset` lies in. */
export function lineStart(text: string, offset: number): number {
  return offset === 0 ? 0 : text.lastIndexOf("\n", offset - 1) + 1;
}

/** Offset after the line end of the line that `offset` lies in. */
export function nextLine(text: string, offset: number): number {
  const end = text.indexOf("\n", offset);
  return end < 0 ? text.length : end + 1;
}

export function startsWith(path: KeyPath, beginning: KeyPath): boolean {
  return beginning.every((part, index) => part === path[index]);
}

export function samePath(a: KeyPath, b: KeyPath): boolean {
  return a.length === b.length && startsWith(a, b);
}
