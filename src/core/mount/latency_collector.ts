/**
 * What the reader threads measured counts like any other read (F-2): it is handed to the router
 * within a second. Nothing runs while nobody reads, so an idle mount sleeps.
 */

import type { Clock } from "../clock.ts";
import type { Federation } from "../federation/federation.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { LatencyRings } from "../vfs/latency_rings.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";

const COLLECT_MS = 1000;

export class LatencyCollector implements Disposable {
  #timer: Disposable | undefined;

  constructor(
    readonly clock: Clock,
    readonly federation: Pick<Federation, "registry" | "recordLatency">,
    readonly routing: RoutingTable,
    readonly latencies: LatencyRings,
  ) {}

  /** Some origin has the first sample since the last ones were collected. */
  announced(): void {
    this.#timer ??= this.clock.schedule(COLLECT_MS, () => {
      this.#timer = undefined;
      this.#collect();
    });
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  #collect(): void {
    const { federation, routing, latencies } = this;
    for (let row = 0; row < MAX_ORIGINS; row++) {
      const id = routing.idOf(row);
      const origin = id === undefined ? undefined : federation.registry.get(id);
      // Those of an origin that is gone are dropped: its row may become another's.
      latencies.collect(row, (ms) => {
        if (origin !== undefined) federation.recordLatency(origin, ms);
      });
    }
  }
}
