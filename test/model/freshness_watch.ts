/** What changes on an origin that is watched is seen within a second, without a scan or an open. */

import type { Clock } from "../../src/core/clock.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { MusicFsEvent } from "../../src/core/events.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { Node } from "./fuse_replies.ts";
import type { HealthWatch } from "./health_watch.ts";
import { mergedTree } from "./merge.ts";
import type { Outcome } from "./outcome.ts";
import type { Violate } from "./promises.ts";
import type { Storage } from "./storage.ts";
import type { Watch } from "./watch.ts";

export interface FreshnessWatchPorts {
  readonly clock: Clock;
  readonly settings: readonly OriginSettings[];
  readonly storages: ReadonlyMap<OriginId, Storage>;
  readonly health: HealthWatch;
  /** Monotonic: the latest change of anything but time. */
  readonly disturbedMs: number;
  readonly fail: Violate;
}

/** The promise, and time for the store to write it. */
const SEEN_MS = 1000 + 3000;
/** What could not be listed is listed again a minute later, which may take a while. */
const LISTED_AGAIN_MS = 60_000 + 31_000;
/** A scan's interval varies by so much. */
const JITTER = 1.1;

export class FreshnessWatch implements Watch {
  /** Origins whose latest scan left something out. */
  readonly #incomplete = new Set<OriginId>();

  constructor(readonly ports: FreshnessWatchPorts) {}

  event(event: MusicFsEvent): void {
    if (event.type !== "scan_finished") return;
    if (event.outcome === "complete") this.#incomplete.delete(event.origin);
    else this.#incomplete.add(event.origin);
  }

  /** True while a look at the mount shows what is, and nothing older. */
  get isDue(): boolean {
    const { clock, settings, storages, health, disturbedMs } = this.ports;
    if (clock.monotonicMs() - disturbedMs < SEEN_MS) return false;
    return settings
      .filter(({ enabled }) => enabled)
      .every(({ id, pollIntervalSecs }) => {
        const storage = storages.get(id);
        if (storage === undefined || health.status(id) !== "healthy") return false;
        const calmMs = clock.monotonicMs() - storage.calmSinceMs;
        const scannedAgainMs = pollIntervalSecs * 1000 * JITTER + LISTED_AGAIN_MS;
        const isListed = this.#incomplete.has(id)
          ? calmMs > scannedAgainMs
          : calmMs > LISTED_AGAIN_MS;
        // What is removed may be held back.
        return isListed && storage.isWatched && !storage.hasLost;
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
