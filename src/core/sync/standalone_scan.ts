/** A scan of one origin by a command that runs without a mount: the origin is opened for it. */

import type { CatalogWriter } from "../catalog/catalog.ts";
import type { Clock } from "../clock.ts";
import type { OriginSettings } from "../config/config.ts";
import { EventBus } from "../events.ts";
import { type OriginPorts, tellSkipped } from "../origins/build.ts";
import type { Origin } from "../origins/origin.ts";
import { Exclusion } from "./exclusion.ts";
import { type ScanOptions, type ScanResult, scan } from "./scan.ts";

export interface StandaloneScanPorts {
  readonly clock: Clock;
  readonly catalog: CatalogWriter;
  /** Where the locks are. */
  readonly lockDirectory: string;
  readonly open: (
    settings: OriginSettings,
    ports: Pick<OriginPorts, "onSkipped">,
  ) => Promise<Origin>;
}

/** Rejects as `scan`, and with what the origin cannot be opened for. */
export async function standaloneScan(
  settings: OriginSettings,
  { catalog, clock, lockDirectory, open }: StandaloneScanPorts,
  options: Omit<ScanOptions, "exclusion">,
): Promise<ScanResult> {
  const events = new EventBus();
  const origin = await open(settings, { onSkipped: tellSkipped(events) });
  try {
    const ports = { catalog, clock, events, lockDirectory, onChanges: () => undefined };
    const exclusion = new Exclusion(settings.exclude);
    return await scan(origin, ports, { ...options, exclusion });
  } finally {
    await origin.close();
  }
}
