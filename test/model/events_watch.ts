/** What the program tells of single files (F-4, F-10). */

import type { Clock } from "../../src/core/clock.ts";
import type { MusicFsEvent } from "../../src/core/events.ts";
import { UNAVAILABLE_EVENT_INTERVAL_MS } from "../../src/core/limits.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface EventsWatchPorts {
  readonly clock: Clock;
  readonly fail: Violate;
}

export class EventsWatch implements Watch {
  readonly #toldMs = new Map<string, number>();

  constructor(readonly ports: EventsWatchPorts) {}

  event(event: MusicFsEvent): void {
    if (event.type !== "file_unavailable") return;
    const nowMs = this.ports.clock.monotonicMs();
    const beforeMs = nowMs - (this.#toldMs.get(event.path) ?? Number.NEGATIVE_INFINITY);
    this.#toldMs.set(event.path, nowMs);
    if (beforeMs >= UNAVAILABLE_EVENT_INTERVAL_MS) return;
    this.ports.fail("file_unavailable now and then", `${event.path} again after ${beforeMs} ms`);
  }

  lifeEnded(): void {
    this.#toldMs.clear();
  }
}
