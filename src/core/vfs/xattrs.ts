/** `user.musicfs.*`: where a file's bytes come from, for getfattr and scripts. */

import type { CatalogReader, Replica } from "../catalog/catalog.ts";

const PREFIX = "user.musicfs.";

interface Attribute {
  readonly name: string;
  /** The value as text; undefined when this file has none. */
  readonly value: (version: number, replicas: readonly Replica[]) => string | undefined;
}

/** The table that names, values and listing all come from. */
const ATTRIBUTES: readonly Attribute[] = [
  {
    name: `${PREFIX}origin`,
    value: (_, replicas) => replicas.find((replica) => replica.match === "proved")?.origin,
  },
  {
    // "nas:proved,backup:probable", by priority.
    name: `${PREFIX}replicas`,
    value: (_, replicas) =>
      replicas.map((replica) => `${replica.origin}:${replica.match}`).join(","),
  },
  {
    name: `${PREFIX}version`,
    value: (version, replicas) => {
      const visible = replicas.find((replica) => replica.version === version);
      return visible === undefined ? String(version) : `${version}:${visible.originVersion.token}`;
    },
  },
];

const NAMES = new TextEncoder().encode(
  ATTRIBUTES.map((attribute) => `${attribute.name}\0`).join(""),
);
const BY_NAME = new Map(ATTRIBUTES.map((attribute) => [attribute.name, attribute]));
const PREFIX_BYTES = new TextEncoder().encode(PREFIX);

/** NUL-terminated names, as listxattr(2) gives them. */
export function xattrNames(): Uint8Array {
  return NAMES;
}

/** True for names this module answers for; all others are not supported at all. */
export function isOurs(name: Uint8Array): boolean {
  for (let i = 0; i < PREFIX_BYTES.byteLength; i++) {
    if (name[i] !== PREFIX_BYTES[i]) return false;
  }
  return true;
}

/** The value of an attribute of a file version; undefined when it has none of that name. */
export function xattrValue(
  catalog: CatalogReader,
  version: number,
  name: Uint8Array,
): Uint8Array | undefined {
  const attribute = BY_NAME.get(new TextDecoder().decode(name));
  const value = attribute?.value(version, catalog.replicas(version));
  return value === undefined ? undefined : new TextEncoder().encode(value);
}
