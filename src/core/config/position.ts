/** Where a key stands in the text of a TOML file. */

import { type AST, getStaticTOMLValue, parseTOML } from "toml-eslint-parser";

export type KeyPath = readonly (string | number)[];

/** From 1, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/**
 * The position of the key at `path`, or of the innermost table around it that is written out: what
 * is missing is reported at the table that lacks it. `text` is valid TOML.
 */
export function positionOf(text: string, path: KeyPath): Position {
  const found: Found = { depth: 0, position: { line: 1, column: 1 } };
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === "TOMLTable") {
      visit(node.key, node.resolvedKey, path, found);
      for (const pair of node.body) visitPair(pair, node.resolvedKey, path, found);
    } else visitPair(node, [], path, found);
  }
  return found.position;
}

interface Found {
  depth: number;
  position: Position;
}

function visitPair(pair: AST.TOMLKeyValue, base: KeyPath, path: KeyPath, found: Found): void {
  const key = [...base, ...getStaticTOMLValue(pair.key)];
  visit(pair.key, key, path, found);
  visitValue(pair.value, key, path, found);
}

function visitValue(value: AST.TOMLContentNode, key: KeyPath, path: KeyPath, found: Found): void {
  if (value.type === "TOMLInlineTable") {
    for (const pair of value.body) visitPair(pair, key, path, found);
  } else if (value.type === "TOMLArray") {
    for (const [index, element] of value.elements.entries()) {
      visit(element, [...key, index], path, found);
      visitValue(element, [...key, index], path, found);
    }
  }
}

/** Keeps the first node that shares most of `path` and either ends on it or goes on from it. */
function visit(shown: AST.TOMLNode, key: KeyPath, path: KeyPath, found: Found): void {
  const depth = Math.min(key.length, path.length);
  const onTheWay = path.slice(0, depth).every((part, index) => part === key[index]);
  if (!onTheWay || depth <= found.depth) return;
  found.depth = depth;
  found.position = { line: shown.loc.start.line, column: shown.loc.start.column + 1 };
}
