/** Origins by the ids that people type. */

import { OwnError } from "../errors.ts";
import type { Config, OriginSettings } from "./config.ts";
import { suggest } from "./suggest.ts";

/** Throws `usage` when there is none, with the id that was probably meant. */
export function findOrigin({ origins }: Config, id: string): OriginSettings {
  const found = origins.find((origin) => origin.id === id);
  if (found !== undefined) return found;
  throw noSuchOrigin(
    id,
    origins.map((origin) => origin.id),
  );
}

export function noSuchOrigin(id: string, known: readonly string[]): OwnError {
  const near = suggest(id, known);
  const others = known.length === 0 ? "; none is configured" : `; there are ${known.join(", ")}`;
  return new OwnError(
    "usage",
    `there is no origin "${id}"${near === undefined ? others : `; did you mean "${near}"?`}`,
  );
}
