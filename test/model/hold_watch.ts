/** An origin that suddenly looks empty loses nothing, until somebody says that it may. */

import type { MusicFsEvent } from "../../src/core/events.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { AbsenceWatch } from "./absence_watch.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface HoldWatchPorts {
  readonly absence: AbsenceWatch;
  readonly fail: Violate;
}

export class HoldWatch implements Watch {
  readonly #allowed = new Set<{ readonly origin: OriginId }>();

  constructor(readonly ports: HoldWatchPorts) {}

  /** A scan with `allowEmpty` is asked for, until the result is disposed. */
  allow(origin: OriginId): Disposable {
    const allowance = { origin };
    this.#allowed.add(allowance);
    return { [Symbol.dispose]: () => void this.#allowed.delete(allowance) };
  }

  event(event: MusicFsEvent): void {
    if (event.type !== "file_removed") return;
    const { origin, path } = event;
    const { absence, fail } = this.ports;
    if ([...this.#allowed].some((each) => each.origin === origin)) return;
    if (absence.wentWithAll(origin, path)) {
      fail("a sudden emptiness is held", `${path} of ${origin} went`);
    }
  }
}
