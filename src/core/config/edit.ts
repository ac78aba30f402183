/**
 * Changes to the origins of a configuration file's text. Comments, order and layout of everything
 * else stay. What comes out is checked before anyone sees it: it is a valid configuration, and means
 * exactly what was asked for.
 */

import { parse } from "smol-toml";
import { OwnError } from "../errors.ts";
import { noSuchOrigin } from "./find.ts";
import { checkOrigin, parseConfig } from "./parse.ts";
import { appendTable, setValue, unsetValue } from "./toml_edit.ts";
import type { TomlTable, TomlValue } from "./toml_value.ts";

/** Settings by their names in the file; `credentials` is a table. */
export type OriginValues = TomlTable;

export type OriginEdit =
  | { readonly kind: "add"; readonly values: OriginValues }
  | {
      readonly kind: "set";
      readonly id: string;
      readonly values: OriginValues;
      /** Names of settings that go back to their defaults. */
      readonly unset: readonly string[];
    }
  | { readonly kind: "remove"; readonly id: string };

/**
 * The text with one edit made. Rejects with `ConfigError` when the file is not valid as it is, and
 * with `usage` when there is no such origin, the id is taken or would change, or a value is wrong.
 */
export async function editOrigins(text: string, source: string, edit: OriginEdit): Promise<string> {
  const mark = text.startsWith("\ufeff") ? "\ufeff" : "";
  const body = text.slice(mark.length);
  await parseConfig(body, source);
  const before = rawOrigins(body);
  const after = appliedTo(before, edit);
  const edited = editText(body, before, edit);
  await parseConfig(edited, source);
  if (!Bun.deepEquals(rawOrigins(edited), after) || !sameElsewhere(body, edited)) {
    throw new OwnError(
      "config",
      `${source} is laid out in a way that cannot be edited safely; edit it by hand`,
    );
  }
  return mark + edited;
}

interface RawOrigin {
  readonly id?: TomlValue;
  readonly [key: string]: TomlValue | undefined;
}

function rawOrigins(text: string): readonly RawOrigin[] {
  const { origins = [] } = parse(text) as { readonly origins?: readonly RawOrigin[] };
  return origins.map((origin) => structuredClone({ ...origin }));
}

function sameElsewhere(before: string, after: string): boolean {
  const rest = (text: string) => ({ ...parse(text), origins: undefined });
  return Bun.deepEquals(rest(before), rest(after));
}

function indexOf(origins: readonly RawOrigin[], id: string): number {
  const ids = origins.map((origin) => String(origin.id));
  const index = ids.indexOf(id);
  if (index >= 0) return index;
  throw noSuchOrigin(id, ids);
}

/** What the edit means, on values: `editText` must come to the same. */
function appliedTo(origins: readonly RawOrigin[], edit: OriginEdit): readonly RawOrigin[] {
  switch (edit.kind) {
    case "add": {
      const { id } = checkOrigin(edit.values);
      if (origins.some((origin) => origin.id === id)) {
        throw new OwnError(
          "usage",
          `there is an origin "${id}" already; change it with: origins set`,
        );
      }
      return [...origins, edit.values];
    }
    case "remove":
      return origins.toSpliced(indexOf(origins, edit.id), 1);
    case "set": {
      const index = indexOf(origins, edit.id);
      const { id = edit.id } = edit.values;
      if (id !== edit.id) {
        throw new OwnError(
          "usage",
          `origin "${edit.id}" keeps its id, by which its files are known; add another and remove this one`,
        );
      }
      const kept = Object.entries({ ...origins[index] }).filter(
        ([key]) => !edit.unset.includes(key),
      );
      const changed = { ...Object.fromEntries(kept), ...edit.values };
      checkOrigin(changed);
      return origins.with(index, changed);
    }
  }
}

function editText(text: string, origins: readonly RawOrigin[], edit: OriginEdit): string {
  if (edit.kind === "add") return appendTable(text, "origins", edit.values);
  const path = ["origins", indexOf(origins, edit.id)];
  if (edit.kind === "remove") return unsetValue(text, path);
  let edited = text;
  for (const key of edit.unset) edited = unsetValue(edited, [...path, key]);
  for (const [key, value] of Object.entries(edit.values)) {
    const known = origins[indexOf(origins, edit.id)]?.[key];
    // A table keeps the form it has, [origins.credentials] or inline: its keys are set one by one.
    edited =
      isTable(value) && isTable(known)
        ? setTable(edited, [...path, key], known, value)
        : setValue(edited, [...path, key], value);
  }
  return edited;
}

function isTable(value: TomlValue | undefined): value is TomlTable {
  return typeof value === "object" && !Array.isArray(value);
}

function setTable(
  text: string,
  path: readonly (string | number)[],
  before: TomlTable,
  after: TomlTable,
): string {
  let edited = text;
  for (const [key, value] of Object.entries(after))
    edited = setValue(edited, [...path, key], value);
  for (const key of Object.keys(before)) {
    if (!(key in after)) edited = unsetValue(edited, [...path, key]);
  }
  return edited;
}
