/**
 * The metrics page of a mount, in Prometheus's text format. Everything is asked for when somebody
 * looks; prom-client is loaded then.
 */

import type { Registry } from "prom-client";
import type { ControlledMount } from "./controlled_mount.ts";
import type { EventCounts } from "./event_counts.ts";
import { type Family, families } from "./metric_families.ts";

export interface MetricsPage {
  readonly text: string;
  /** Its media type. */
  readonly type: string;
}

export class Metrics {
  #registry: Promise<Registry> | undefined;

  constructor(
    readonly mount: ControlledMount,
    readonly counts: EventCounts,
  ) {}

  readonly page = async (): Promise<MetricsPage> => {
    this.#registry ??= registryOf(families(this.mount, this.counts));
    const registry = await this.#registry;
    return { text: await registry.metrics(), type: registry.contentType };
  };
}

/** Names end in `_total` exactly where the number only grows. */
async function registryOf(all: readonly Family[]): Promise<Registry> {
  const { Counter, Gauge, Registry } = await import("prom-client");
  const registry = new Registry();
  for (const { name, help, labels = [], samples } of all) {
    const options = { name, help, labelNames: [...labels], registers: [registry] };
    const told = (collect: (labels: Record<string, string | number>, value: number) => void) => {
      for (const [values, value] of samples()) {
        if (value === undefined) continue;
        collect(Object.fromEntries(labels.map((label, at) => [label, values[at] ?? ""])), value);
      }
    };
    if (name.endsWith("_total")) {
      new Counter({
        ...options,
        collect() {
          this.reset();
          told((with_, value) => this.inc(with_, value));
        },
      });
    } else {
      new Gauge({
        ...options,
        collect() {
          this.reset();
          told((with_, value) => this.set(with_, value));
        },
      });
    }
  }
  return registry;
}
