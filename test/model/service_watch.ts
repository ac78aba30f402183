/** A read with a good replica succeeds, in time (F-8, NFR-7.2). */

import type { Clock } from "../../src/core/clock.ts";
import { EBADF, EINTR, errnoName } from "../../src/core/sys/errno.ts";
import type { GoodReplicas, Goods } from "./good_replicas.ts";
import type { Life } from "./life.ts";
import type { Violate } from "./promises.ts";
import type { Read } from "./read_log.ts";
import type { Watch } from "./watch.ts";

export interface ServiceWatchPorts {
  readonly clock: Clock;
  readonly good: GoodReplicas;
  readonly life: Life;
  readonly fail: Violate;
}

export class ServiceWatch implements Watch {
  readonly #good = new WeakMap<Read, Goods>();

  constructor(readonly ports: ServiceWatchPorts) {}

  readSent(read: Read): void {
    this.#good.set(read, this.ports.good.of(read.handle.node.nodeid));
  }

  readAnswered(read: Read): void {
    const { clock, good, life, fail } = this.ports;
    const { result, interrupted, handle, sentMs } = read;
    const goods = this.#good.get(read);
    if (result === undefined || "ok" in result || goods === undefined || life.clock.dead) return;
    if (interrupted && (result.errno === EINTR || result.errno === EBADF)) return;
    if (!good.stillGood(goods)) return;
    const tookMs = clock.monotonicMs() - sentMs;
    const what = `read ${handle.path}: ${errnoName(result.errno)} after ${tookMs} ms`;
    fail("a good replica serves", what);
  }
}
