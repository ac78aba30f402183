/** What is removed or disabled is left alone, and leaves nothing behind (F-9). */

import type { Clock } from "../../src/core/clock.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { OperationKind } from "../../src/core/origins/wrappers/wrapped.ts";
import type { Life } from "./life.ts";
import type { Violate } from "./promises.ts";
import type { ReadLog } from "./read_log.ts";
import type { OriginRequest } from "./storage.ts";
import type { Watch } from "./watch.ts";

export interface RemovalWatchPorts {
  readonly clock: Clock;
  readonly settings: readonly OriginSettings[];
  readonly isEnabled: (id: OriginId) => boolean;
  readonly reads: ReadLog;
  readonly life: Life;
  readonly fail: Violate;
}

/** What is being listed or looked at when the origin is disabled may end, page after slow page. */
const LISTING_MS = 200_000;

export class RemovalWatch implements Watch {
  /** Disabled ones that got the one read in the background that waited for its turn there. */
  readonly #waited = new Set<OriginId>();
  /** When an origin was last enabled. */
  readonly #enabledMs = new Map<OriginId, number>();

  constructor(readonly ports: RemovalWatchPorts) {}

  request({ origin, kind, path, late, startMs }: OriginRequest): void {
    const { settings, isEnabled, fail } = this.ports;
    const what = `${kind} of "${path}" at ${origin}`;
    if (late || !settings.some(({ id }) => id === origin)) fail("no request after removal", what);
    else if (isEnabled(origin)) {
      this.#enabledMs.set(origin, startMs);
      this.#waited.delete(origin);
    } else {
      if (!this.#mayEnd(kind, origin, startMs)) fail("a disabled origin is not asked", what);
      if (kind === "read") this.#waited.add(origin);
    }
  }

  /** Whether it may be part of something that was under way when the origin was disabled. */
  #mayEnd(kind: OperationKind, origin: OriginId, nowMs: number): boolean {
    const enabledMs = this.#enabledMs.get(origin) ?? Number.NEGATIVE_INFINITY;
    if (kind === "probe") return false;
    if (kind === "read") {
      return this.ports.reads.oldestSentMs <= enabledMs || !this.#waited.has(origin);
    }
    return enabledMs + LISTING_MS >= nowMs;
  }

  look(): void {
    const { settings, life, fail, clock } = this.ports;
    for (const { id, enabled } of settings) {
      if (enabled) this.#enabledMs.set(id, clock.monotonicMs());
    }
    const { registry, router, health } = life.assembly.federation;
    const enabled = settings.filter((each) => each.enabled).length;
    const counts = {
      "origins registered": [registry.size, settings.length],
      "origins with a priority": [router.size, settings.length],
      "origins with a health": [health.size, enabled],
    } as const;
    for (const [what, [is, ought]] of Object.entries(counts)) {
      if (is !== ought) fail("a removed origin leaves nothing", `${is} ${what}, not ${ought}`);
    }
  }
}
