/** The reads that threads answered by themselves, as the live view shows them: a line for each file. */

import type { CatalogReader } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import type { Clock } from "../clock.ts";
import type { LoggedRead, ReadSource } from "../control/read_log.ts";
import type { SharedState } from "../threads/shared_state.ts";

export interface ThreadReadsPorts {
  readonly clock: Clock;
  readonly catalog: CatalogReader;
  readonly state: Pick<SharedState, "served" | "routing">;
}

export class ThreadReads implements ReadSource {
  readonly #node = emptyNode();

  constructor(readonly ports: ThreadReadsPorts) {}

  watch(isWatched: boolean): void {
    this.ports.state.served.watch(isWatched);
  }

  take(): readonly LoggedRead[] {
    const { clock, state } = this.ports;
    const timeMs = clock.wallMs();
    const lines = new Map<string, LoggedRead>();
    for (const { version, origin: row, bytes } of state.served.take()) {
      const key = `${version} ${row}`;
      const known = lines.get(key);
      if (known !== undefined) {
        lines.set(key, { ...known, bytes: known.bytes + bytes });
        continue;
      }
      const path = this.#pathOf(version);
      const origin = state.routing.idOf(row);
      if (path === undefined || origin === undefined) continue;
      lines.set(key, { timeMs, path, origin, bytes, latencyMs: undefined, marks: [] });
    }
    return [...lines.values()];
  }

  #pathOf(version: number) {
    const { catalog } = this.ports;
    return catalog.version(version, this.#node) ? catalog.pathOf(this.#node.entry) : undefined;
  }
}
