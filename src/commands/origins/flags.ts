/** An origin's settings as flags: the same names in kebab-case, made from the schema. */

import { type Command, Option } from "commander";
import type { OriginValues } from "../../core/config/edit.ts";
import { fromHere } from "../../core/config/load.ts";
import { CREDENTIAL_SETTINGS, ORIGIN_SETTINGS } from "../../core/config/origin_schema.ts";
import type { Surroundings } from "../../core/config/paths.ts";
import { type SettingInfo, settingInfo } from "../../core/config/setting.ts";
import type { TomlValue } from "../../core/config/toml_value.ts";
import { OwnError } from "../../core/errors.ts";
import { type ConfiguredOriginType, ORIGIN_TYPES } from "../../core/origins/origin.ts";
import { repeatable } from "../repeatable.ts";

/** By the attribute that commander gives a flag's value. */
type GivenFlags = Readonly<Record<string, unknown>>;

interface SettingFlag {
  readonly key: string;
  readonly option: Option;
}

/** The setting of a type; undefined when it has none of that name. */
function infoOf(type: ConfiguredOriginType, key: string): SettingInfo | undefined {
  const entry = Object.entries(ORIGIN_SETTINGS[type]).find(([name]) => name === key);
  return settingInfo(entry?.[1]);
}

/** Every setting that some type has, once. */
function settingFlags(): readonly SettingFlag[] {
  const keys = new Set(ORIGIN_TYPES.flatMap((type) => Object.keys(ORIGIN_SETTINGS[type])));
  return [...keys].map((key) => ({ key, option: optionFor(key) }));
}

function optionFor(key: string): Option {
  const infos = ORIGIN_TYPES.flatMap((type) => {
    const info = infoOf(type, key);
    return info === undefined ? [] : [{ type, info }];
  });
  const helps = [...new Set(infos.map(({ info }) => info.help))].map((help) => {
    const types = infos.filter(({ info }) => info.help === help).map(({ type }) => type);
    return types.length === ORIGIN_TYPES.length ? help : `${types.join(", ")}: ${help}`;
  });
  const [first] = infos;
  const kind = first?.info.kind;
  const value = kind === "boolean" ? "[true|false]" : `<${first?.info.placeholder ?? "value"}>`;
  const option = new Option(`--${key.replaceAll("_", "-")} ${value}`, helps.join("; "));
  if (kind === "list") option.argParser(repeatable);
  return option.helpGroup("Settings:");
}

const CREDENTIALS = ["env", "file", "command"] as const;

/** Declares a flag for every setting of every type, for credentials, and `--accept-host-key`. */
export function declareSettings(command: Command): void {
  for (const { option } of settingFlags()) command.addOption(option);
  for (const key of CREDENTIALS) {
    const info = settingInfo(CREDENTIAL_SETTINGS[key]);
    const option = new Option(`--credentials-${key} <${info?.placeholder}>`, info?.help);
    command.addOption(option.helpGroup("Credentials (never the secrets themselves):"));
  }
  const accept = "trust the server's host key, sftp only; compare the fingerprint first";
  command.addOption(
    new Option("--accept-host-key <FINGERPRINT>", accept).helpGroup(
      "Credentials (never the secrets themselves):",
    ),
  );
}

/** The settings that were given, as the file has them. Text that is no number stays text. */
export function settingValues(
  given: GivenFlags,
  type: ConfiguredOriginType,
  around: Surroundings,
): OriginValues {
  const values: Record<string, TomlValue> = {};
  for (const { key, option } of settingFlags()) {
    const value = given[option.attributeName()];
    if (value !== undefined) values[key] = tomlOf(value, infoOf(type, key)?.kind, around);
  }
  const credentials = CREDENTIALS.flatMap((key): [string, string][] => {
    const value = given[`credentials${key.charAt(0).toUpperCase()}${key.slice(1)}`];
    return typeof value === "string" ? [[key, value]] : [];
  });
  if (credentials.length > 0) values["credentials"] = Object.fromEntries(credentials);
  return values;
}

function tomlOf(
  value: unknown,
  kind: SettingInfo["kind"] | undefined,
  around: Surroundings,
): TomlValue {
  if (Array.isArray(value)) return value.map(String);
  if (typeof value === "boolean") return value;
  const text = String(value);
  if (kind === "number" && /^-?\d+(\.\d+)?$/.test(text)) return Number(text);
  if (kind === "boolean" && (text === "true" || text === "false")) return text === "true";
  if (kind === "path" && !text.startsWith("~/")) return fromHere(text, around);
  return text;
}

/** A type as `--type` has it. Throws `usage` for one that there is not. */
export function typeOf(text: string): ConfiguredOriginType {
  const type = ORIGIN_TYPES.find((known) => known === text);
  if (type !== undefined) return type;
  throw new OwnError("usage", `--type must be one of ${ORIGIN_TYPES.join(", ")}, not "${text}"`);
}
