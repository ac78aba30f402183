/** `POST /v1/scan`: which origins are asked for. */

import { noSuchOrigin } from "../config/find.ts";
import { OwnError } from "../errors.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ControlledMount } from "./controlled_mount.ts";

/** The origins to scan; throws `usage` for one that is not there or disabled. */
export function originsToScan(
  mount: ControlledMount,
  wanted: readonly OriginId[] | undefined,
): readonly OriginId[] {
  const known = mount.origins().map(({ settings }) => settings);
  const enabled = known.filter((settings) => settings.enabled).map(({ id }) => id);
  if (wanted === undefined) return enabled;
  const all = known.map(({ id }) => id);
  for (const id of wanted) if (!all.includes(id)) throw noSuchOrigin(id, all);
  const disabled = wanted.filter((id) => !enabled.includes(id));
  if (disabled.length === 0) return wanted;
  throw new OwnError("usage", `disabled: ${disabled.join(", ")}; see musicfs origins enable`);
}
