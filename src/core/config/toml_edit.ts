/**
 * Edits of TOML text that touch only what they must: every other byte stays, comments, order, line
 * ends and all. Each takes valid TOML without a byte order mark and gives the new text.
 *
 * Which comments belong to a table: those on its lines and between its pairs, those right below its
 * last pair, and those right above its header, unless they begin the file. Comments with an empty
 * line around them belong to nobody and stay.
 */

import { OwnError } from "../errors.ts";
import type { KeyPath } from "./position.ts";
import {
  lineStart,
  locate,
  nextLine,
  type Pair,
  type Range,
  type Scope,
  samePath,
  startsWith,
  type TomlDocument,
} from "./toml_document.ts";
import { type TomlTable, type TomlValue, tomlKey, tomlValue } from "./toml_value.ts";

/** Gives the key at `path` a value, where it stands or at the end of its table. */
export function setValue(text: string, path: KeyPath, value: TomlValue): string {
  const document = locate(text);
  const known = allPairs(document).find((pair) => samePath(pair.path, path));
  if (known) return splice(text, known.value, tomlValue(value));

  const parent = path.slice(0, -1);
  const scope = document.scopes.find(({ base }) => samePath(base, parent));
  if (scope) return insertPair(document, scope, scope.pairs.at(-1), path, value);
  for (const dotted of document.scopes) {
    const sibling = dotted.pairs.findLast((pair) => startsWith(pair.path, parent));
    if (sibling) return insertPair(document, dotted, sibling, path, value);
  }
  const key = path.at(-1);
  if (parent.length === 0 || typeof key !== "string") {
    throw new OwnError("internal", `there is no place for ${path.join(".")}`);
  }
  return setValue(text, parent, { [key]: value });
}

/** Removes the key, table or element of an array at `path`, however it is written. */
export function unsetValue(text: string, path: KeyPath): string {
  if (typeof path.at(-1) === "number") return removeElementAt(text, path);
  let current = text;
  for (;;) {
    const next = unsetFirst(current, path);
    if (next === undefined) return current;
    current = next;
  }
}

/** In one pass: what follows moves up and then has the same path. */
function removeElementAt(text: string, path: KeyPath): string {
  const document = locate(text);
  const array = document.arrays.find((place) => samePath(place.path, path.slice(0, -1)));
  const element = array?.elements[Number(path.at(-1))];
  if (element) return removeElement(document, element);
  let left = text;
  let end = text.length;
  for (const table of document.scopes.toReversed()) {
    if (table.kind !== "table" || !startsWith(table.base, path)) continue;
    const [from, to] = withGap(text, blockOf(document, table));
    left = splice(left, [from, Math.min(to, end)], "");
    end = from;
  }
  return left;
}

/** Removes the first of the places that make up `path`; undefined when there is none. */
function unsetFirst(text: string, path: KeyPath): string | undefined {
  const document = locate(text);
  for (const { kind, base, pairs } of document.scopes) {
    const pair = pairs.find((candidate) => startsWith(candidate.path, path));
    if (pair === undefined || startsWith(base, path)) continue;
    if (kind === "inline") return removeElement(document, pair.range);
    return splice(text, [lineStart(text, pair.range[0]), nextLine(text, pair.range[1])], "");
  }
  const table = document.scopes.find(
    ({ kind, base }) => kind === "table" && startsWith(base, path),
  );
  return table && splice(text, withGap(text, blockOf(document, table)), "");
}

/** Adds a table to the array of tables `name`, in the way the array is written. */
export function appendTable(text: string, name: string, table: TomlTable): string {
  const document = locate(text);
  const array = document.arrays.find(({ path }) => samePath(path, [name]));
  if (array) return appendElement(document, array.range, array.elements, tomlValue(table));
  const last = document.scopes.findLast(({ kind, base }) => kind === "table" && base[0] === name);
  const eol = lineEnd(text);
  const lines = Object.entries(table).map(
    ([key, value]) => `${tomlKey(key)} = ${tomlValue(value)}`,
  );
  const block = [`[[${tomlKey(name)}]]`, ...lines, ""].join(eol);
  const at = last === undefined ? text.length : blockOf(document, last)[1];
  const before = text.slice(0, at);
  const after = text.slice(at);
  const open = before === "" || before.endsWith("\n") ? "" : eol;
  const gapBefore = before === "" || /\n\r?\n$/.test(before) ? "" : eol;
  const gapAfter = after === "" || /^\r?\n/.test(after) ? "" : eol;
  return before + open + gapBefore + block + gapAfter + after;
}

function allPairs(document: TomlDocument): readonly Pair[] {
  return document.scopes.flatMap(({ pairs }) => pairs);
}

function splice(text: string, [from, to]: Range, replacement: string): string {
  return text.slice(0, from) + replacement + text.slice(to);
}

/** The file's own line end: that of its first line. */
function lineEnd(text: string): string {
  return /^[^\n]*\r\n/.test(text) ? "\r\n" : "\n";
}

function insertPair(
  document: TomlDocument,
  scope: Scope,
  after: Pair | undefined,
  path: KeyPath,
  value: TomlValue,
): string {
  const { text } = document;
  const key = path
    .slice(scope.base.length)
    .map((part) => tomlKey(String(part)))
    .join(".");
  const pair = `${key} = ${tomlValue(value)}`;
  if (scope.kind === "inline") {
    if (after) return splice(text, [after.range[1], after.range[1]], `, ${pair}`);
    return splice(text, [scope.bodyStart, scope.bodyStart], ` ${pair} `);
  }
  if (scope.kind === "file" && after === undefined) return insertFirst(document, pair);
  const neighbour = after?.range ?? ([scope.range[0], scope.bodyStart] as const);
  const indent = /^[ \t]*/.exec(text.slice(lineStart(text, neighbour[0])))?.[0] ?? "";
  const at = nextLine(text, neighbour[1]);
  const eol = lineEnd(text);
  const open = text.slice(0, at).endsWith("\n") ? "" : eol;
  return splice(text, [at, at], `${open}${indent}${pair}${open === "" ? eol : ""}`);
}

/** The first pair of a file that has none: before its first table. */
function insertFirst(document: TomlDocument, pair: string): string {
  const { text } = document;
  const table = document.scopes.find(({ kind }) => kind === "table");
  const at = table === undefined ? text.length : leadStart(document, table.range[0]);
  const eol = lineEnd(text);
  const open = at === 0 || text[at - 1] === "\n" ? "" : eol;
  return splice(text, [at, at], `${open}${pair}${eol}${table === undefined ? "" : eol}`);
}

/** The whole lines that belong to a table; see the top of the file. */
function blockOf(document: TomlDocument, table: Scope): Range {
  const { text } = document;
  const tables = document.scopes.filter(({ kind }) => kind === "table");
  const following = tables[tables.indexOf(table) + 1];
  const limit = following === undefined ? text.length : leadStart(document, following.range[0]);
  let end = nextLine(text, table.pairs.at(-1)?.range[1] ?? table.bodyStart);
  while (end < limit && isCommentLine(text, end)) end = nextLine(text, end);
  return [leadStart(document, table.range[0]), end];
}

/** Start of the comment lines right above `offset`, or of its own line without such. */
function leadStart({ text }: TomlDocument, offset: number): number {
  const own = lineStart(text, offset);
  let start = own;
  while (start > 0 && isCommentLine(text, lineStart(text, start - 1))) {
    start = lineStart(text, start - 1);
  }
  return start === 0 ? own : start;
}

function isCommentLine(text: string, start: number): boolean {
  return /^[ \t]*#/.test(text.slice(start, nextLine(text, start)));
}

/**
 * With the empty lines before it, where others follow that part the rest; at the start of the file
 * with those after it.
 */
function withGap(text: string, block: Range): Range {
  let [from, to] = block;
  const isEmpty = (start: number) =>
    /^[ \t]*\r?\n?$/.test(text.slice(start, nextLine(text, start)));
  if (isEmpty(to)) {
    while (from > 0 && isEmpty(lineStart(text, from - 1))) from = lineStart(text, from - 1);
  }
  while (from === 0 && to < text.length && isEmpty(to)) to = nextLine(text, to);
  return [from, to];
}

/** Removes one element of an array or pair of an inline table, with its comma. */
function removeElement(document: TomlDocument, element: Range): string {
  const { text, commas } = document;
  const [from, to] = element;
  const firstLine = lineStart(text, from);
  const after = text.slice(to, nextLine(text, to));
  if (text.slice(firstLine, from).trim() === "" && /^[ \t]*,?[ \t]*(#.*)?\r?\n$/.test(after)) {
    return splice(text, [leadStart(document, from), nextLine(text, to)], "");
  }
  const isBlank = (a: number, b: number) => withoutComments(document, a, b).trim() === "";
  const next = commas.find((comma) => comma >= to && isBlank(to, comma));
  if (next !== undefined) {
    const gap = /^[ \t]*/.exec(text.slice(next + 1))?.[0].length ?? 0;
    return splice(text, [from, next + 1 + gap], "");
  }
  const previous = commas.findLast((comma) => comma < from && isBlank(comma + 1, from));
  return splice(text, [previous ?? from, to], "");
}

function withoutComments({ text, comments }: TomlDocument, from: number, to: number): string {
  let out = "";
  let at = from;
  for (const [start, end] of comments) {
    if (start < at || start >= to) continue;
    out += text.slice(at, start);
    at = end;
  }
  return out + text.slice(at, to);
}

function appendElement(
  document: TomlDocument,
  array: Range,
  elements: readonly Range[],
  value: string,
): string {
  const { text, commas } = document;
  const last = elements.at(-1);
  if (last === undefined) return splice(text, [array[0] + 1, array[0] + 1], value);
  const comma = commas.find((offset) => offset >= last[1] && offset < array[1]);
  const end = comma === undefined ? last[1] : comma + 1;
  const line = lineStart(text, last[0]);
  const indent = text.slice(line, last[0]);
  const lineBreak = nextLine(text, end);
  if (indent.trim() !== "" || lineBreak >= array[1]) {
    const separator = comma === undefined ? ", " : " ";
    return splice(text, [end, end], `${separator}${value}${comma === undefined ? "" : ","}`);
  }
  const added = `${indent}${value}${comma === undefined ? "" : ","}${lineEnd(text)}`;
  const withElement = splice(text, [lineBreak, lineBreak], added);
  return comma === undefined ? splice(withElement, [end, end], ",") : withElement;
}
