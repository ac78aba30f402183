/** What makes a running mount observable: events kept, metrics, and the server that shows them. */

import type { Clock } from "../clock.ts";
import type { MetricsSettings } from "../config/config.ts";
import type { ControlledMount } from "../control/controlled_mount.ts";
import { EventCounts } from "../control/event_counts.ts";
import { EventHistory } from "../control/event_history.ts";
import { Metrics } from "../control/metrics.ts";
import { serveMetrics } from "../control/metrics_server.ts";
import { ReadLog, type ReadSource } from "../control/read_log.ts";
import { ControlServer } from "../control/server.ts";
import { messageOf } from "../errors.ts";
import type { EventBus } from "../events.ts";
import type { Logger } from "../log.ts";
import type { LibraryOptions } from "./library.ts";
import { loggedRead } from "./logged_read.ts";

export interface ControlPorts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Where the socket is made. */
  readonly directory: string;
  readonly uid: number;
  readonly metrics: MetricsSettings;
}

/** Listens to what happens from its making on; serves once the mount can be used. */
export class Control implements AsyncDisposable {
  readonly #history: EventHistory;
  readonly #reads = new ReadLog();
  readonly #counts: EventCounts;
  readonly #cleanUp = new AsyncDisposableStack();

  constructor(
    events: EventBus,
    readonly ports: ControlPorts,
  ) {
    this.#history = this.#cleanUp.use(new EventHistory(events, ports.clock));
    this.#counts = this.#cleanUp.use(new EventCounts(events));
  }

  /** Takes down a read that the mount answered, if anybody looks. */
  readonly onOutcome: NonNullable<LibraryOptions["onOutcome"]> = (file, outcome, latencyMs) => {
    if (!this.#reads.isRead) return;
    this.#reads.add(loggedRead(file, outcome, { timeMs: this.ports.clock.wallMs(), latencyMs }));
  };

  /**
   * Nothing that goes wrong here ends the mount: it is logged, and the mount is used without what
   * could not be had.
   */
  serve(mount: ControlledMount, threadReads: ReadSource): void {
    this.#reads.connect(threadReads);
    const { clock, log, directory, uid, metrics: settings } = this.ports;
    const metrics = new Metrics(mount, this.#counts);
    const onFault = (message: string) => log.error(message);
    const { listen } = settings;
    this.#unlessFailing("commands cannot talk to this mount", () => {
      const shown = { mount, history: this.#history, reads: this.#reads, metrics: metrics.page };
      return new ControlServer({ ...shown, clock, directory, uid, onFault });
    });
    if (listen === undefined) return;
    this.#unlessFailing("metrics are not served", () => serveMetrics(listen, metrics, onFault));
  }

  /** Idempotent. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#cleanUp.disposeAsync();
  }

  #unlessFailing(without: string, start: () => AsyncDisposable): void {
    try {
      this.#cleanUp.use(start());
    } catch (error) {
      this.ports.log.error(without, { reason: messageOf(error) });
    }
  }
}
