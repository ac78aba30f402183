/**
 * One setting: how its value is read, what is said when it is wrong, and how help and flags present
 * it. All are valibot schemas that carry a {@link SettingInfo} as metadata.
 */

import * as v from "valibot";
import { isValidName, nameFromText } from "../bytes.ts";
import type { ListenAddress } from "./config.ts";

/** How a value is written: decides how a flag's text becomes a TOML value. */
export type SettingKind = "boolean" | "number" | "string" | "path" | "list";

export interface SettingInfo {
  readonly kind: SettingKind;
  /** What help shows in place of the value, e.g. `MS`. */
  readonly placeholder: string;
  /** One line for help. */
  readonly help: string;
}

export type Setting<T> = v.GenericSchema<unknown, T>;

/**
 * A setting whose value `parse` turns into what the program uses; undefined says that the value is
 * wrong. `right` completes "must be …". With `secret` the value is not repeated in the message.
 */
function setting<T>(
  info: SettingInfo,
  right: string,
  parse: (input: unknown) => T | undefined,
  options: { readonly secret?: boolean } = {},
): Setting<T> {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const value = parse(dataset.value);
      if (value !== undefined) return value;
      const given = options.secret ? "" : `, not ${showValue(dataset.value)}`;
      addIssue({ message: `must be ${right}${given}` });
      return NEVER;
    }),
    v.metadata({ ...info }),
  );
}

/** What help and flags know of a setting, optional or not; undefined for a table of settings. */
export function settingInfo(schema: v.ObjectEntries[string] | undefined): SettingInfo | undefined {
  if (schema === undefined) return undefined;
  if ("wrapped" in schema) return settingInfo(schema.wrapped as v.GenericSchema);
  if (!("pipe" in schema)) return undefined;
  for (const step of schema.pipe as readonly v.PipeItem<unknown, unknown, v.BaseIssue<unknown>>[]) {
    if (step.kind === "metadata" && "metadata" in step) return step.metadata as SettingInfo;
  }
  return undefined;
}

const SHOWN_VALUE_CHARS = 60;

/** A value as a message repeats it: TOML's notation, short, and harmless to a terminal. */
export function showValue(value: unknown): string {
  if (typeof value === "string") {
    const shown =
      value.length > SHOWN_VALUE_CHARS ? `${value.slice(0, SHOWN_VALUE_CHARS)}…` : value;
    return JSON.stringify(shown).replace(
      /[\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    );
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (value instanceof Date) return "a date";
  return Array.isArray(value) ? "a list" : "a table";
}

export function flag(help: string): Setting<boolean> {
  return setting({ kind: "boolean", placeholder: "", help }, "true or false", (input) =>
    typeof input === "boolean" ? input : undefined,
  );
}

export function wholeNumber(
  min: number,
  max: number,
  placeholder: string,
  help: string,
): Setting<number> {
  const right = `a whole number from ${min} to ${max}`;
  return setting({ kind: "number", placeholder, help }, right, (input) =>
    typeof input === "number" && Number.isInteger(input) && input >= min && input <= max
      ? input
      : undefined,
  );
}

/** A number, fractions allowed. */
export function amount(
  min: number,
  max: number,
  placeholder: string,
  help: string,
): Setting<number> {
  const right = `a number from ${min} to ${max}`;
  return setting({ kind: "number", placeholder, help }, right, (input) =>
    typeof input === "number" && input >= min && input <= max ? input : undefined,
  );
}

export function oneOf<const T extends string>(values: readonly T[], help: string): Setting<T> {
  const right = values.map((value) => `"${value}"`).join(" or ");
  return setting({ kind: "string", placeholder: values.join("|"), help }, right, (input) =>
    values.find((value) => value === input),
  );
}

/** Text that `pattern` allows; `right` describes it. */
export function text(
  pattern: RegExp,
  right: string,
  placeholder: string,
  help: string,
  options: { readonly secret?: boolean } = {},
): Setting<string> {
  return setting(
    { kind: "string", placeholder, help },
    right,
    (input) => (typeof input === "string" && pattern.test(input) ? input : undefined),
    options,
  );
}

/** An absolute path, or one below the home directory, which `resolve.ts` puts in. */
export function filePath(help: string): Setting<string> {
  const right = 'an absolute path or begin with "~/"';
  return setting({ kind: "path", placeholder: "PATH", help }, right, (input) =>
    typeof input === "string" && isFilePath(input) ? input : undefined,
  );
}

export function isFilePath(path: string): boolean {
  return (path === "~" || path.startsWith("~/") || path.startsWith("/")) && !path.includes("\0");
}

/** A path of the tree or of a bucket: names joined by `/`; outer slashes do not count. */
export function relativePath(placeholder: string, help: string): Setting<string> {
  const right = 'names joined by "/", each of 1 to 255 bytes and not "." or ".."';
  return setting({ kind: "string", placeholder, help }, right, (input) => {
    if (typeof input !== "string" || input.includes("\0")) return undefined;
    const path = input.replace(/^\/+|\/+$/g, "");
    const names = path === "" ? [] : path.split("/");
    return names.every((name) => isValidName(nameFromText(name))) ? path : undefined;
  });
}

export function textList(placeholder: string, help: string): Setting<readonly string[]> {
  const right = "a list of non-empty strings";
  return setting({ kind: "list", placeholder, help }, right, (input) =>
    Array.isArray(input) && input.every((item) => typeof item === "string" && item !== "")
      ? input
      : undefined,
  );
}

const UNIT_BYTES: Readonly<Record<string, number>> = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3 };

/** Bytes a second: a number with K, M or G (powers of 1024), at least 1K. */
export function bandwidth(help: string): Setting<number> {
  const right = 'a rate in bytes a second such as "512K", "10M" or "1.5G", at least "1K"';
  return setting({ kind: "string", placeholder: "RATE", help }, right, (input) => {
    const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,3})?)([KMG]?)$/.exec(String(input)) ?? [];
    const rate = Math.round(Number(digits) * (UNIT_BYTES[unit ?? ""] ?? Number.NaN));
    return typeof input === "string" && rate >= 1024 ? rate : undefined;
  });
}

/** `HOST:PORT`, an IPv6 address in brackets; a port alone is one of this machine's own. */
export function listenAddress(help: string): Setting<ListenAddress> {
  const right = 'an address and a port such as "127.0.0.1:9464", "[::1]:9464" or "9464"';
  return setting({ kind: "string", placeholder: "HOST:PORT", help }, right, (input) => {
    const [, ipv6, name, digits] =
      /^(?:(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/]+)):)?(\d{1,5})$/.exec(String(input)) ?? [];
    const port = Number(digits);
    const host = ipv6 ?? name ?? "127.0.0.1";
    return port >= 1 && port <= 65_535 ? { host, port } : undefined;
  });
}

/** A URL of http or https, without user, password, query or fragment. */
export function serverUrl(help: string): Setting<string> {
  const right = 'a URL such as "https://s3.example.com", without user, password or query';
  return setting(
    { kind: "string", placeholder: "URL", help },
    right,
    (input) => {
      if (typeof input !== "string" || !URL.canParse(input)) return undefined;
      const url = new URL(input);
      const plain = url.username + url.password + url.search + url.hash === "";
      return plain && /^https?:$/.test(url.protocol) && url.hostname !== "" ? input : undefined;
    },
    { secret: true },
  );
}
