/** What changes on an origin that is watched is seen within a second, without a scan or an open. */

import type { Clock } from "../../src/core/clock.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { Node } from "./fuse_replies.ts";
import type { GoodReplicas } from "./good_replicas.ts";
import type { HealthWatch } from "./health_watch.ts";
import { mergedTree } from "./merge.ts";
import type { Outcome } from "./outcome.ts";
import type { Violate } from "./promises.ts";
import type { Storage } from "./storage.ts";

export interface FreshnessWatchPorts {
  readonly clock: Clock;
  readonly settings: readonly OriginSettings[];
  readonly storages: ReadonlyMap<OriginId, Storage>;
  readonly health: HealthWatch;
  readonly good: GoodReplicas;
  /** Monotonic: the latest change of anything but time. */
  readonly disturbedMs: number;
  readonly fail: Violate;
}

/** The promise, and time for the store to write it. */
const SEEN_MS = 1000 + 3000;

export class FreshnessWatch {
  constructor(readonly ports: FreshnessWatchPorts) {}

  /** True while a look at the mount shows what is, and nothing older. */
  get isDue(): boolean {
    const { clock, settings, storages, health, good, disturbedMs } = this.ports;
    if (clock.monotonicMs() - disturbedMs < SEEN_MS || !good.allCalm) return false;
    return settings
      .filter(({ enabled }) => enabled)
      .every(({ id }) => {
        const storage = storages.get(id);
        // What is removed may be held back.
        return storage?.isWatched && !storage.hasLost && health.status(id) === "healthy";
      });
  }

  /** Looks at what a stat answered that began when `isDue`. */
  async seen(path: string, found: Outcome<Node>): Promise<void> {
    const should = (await mergedTree(this.ports)).get(path);
    if (!this.isDue) return;
    if ("errno" in found) {
      if (should !== undefined) this.#fail(`${path} is a ${should.kind}, and not there`);
      return;
    }
    const { isDirectory, sizeBytes, mtimeSec, mtimeNsec } = found.ok;
    const kind = isDirectory ? "directory" : "file";
    if (should?.kind !== kind) this.#fail(`${path} is ${should?.kind ?? "nothing"}, not a ${kind}`);
    else if (should.kind === "file") {
      const is = `${sizeBytes} bytes of ${mtimeSec}.${mtimeNsec}`;
      const ought = `${should.sizeBytes} bytes of ${should.mtimeSec}.${should.mtimeNsec}`;
      if (is !== ought) this.#fail(`${path}: ${is}, not ${ought}`);
    }
  }

  #fail(detail: string): void {
    this.ports.fail("a watched change is seen", detail);
  }
}
