/** What `health --watch` shows without a mount: the configured origins, watched from here. */

import type { Clock } from "../clock.ts";
import type { Config, OriginSettings } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { EventBus } from "../events.ts";
import { Federation } from "../federation/federation.ts";
import { overallStatus } from "../federation/survey.ts";
import { LIVE_STATE_MS } from "../limits.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import { EventHistory } from "./event_history.ts";
import { eventJson } from "./event_json.ts";
import type { LiveState, LiveUpdate } from "./live.ts";
import { originLiveJson } from "./live_state.ts";

export interface StandalonePorts {
  readonly clock: Clock;
  readonly open: (settings: OriginSettings) => Promise<Origin>;
  /** An origin that cannot be opened as it is configured, and is left out. */
  readonly onRefused: (id: OriginId, reason: string) => void;
}

export class StandaloneWatch implements AsyncDisposable {
  readonly #federation: Federation;
  readonly #history: EventHistory;

  private constructor(
    config: Pick<Config, "health" | "read">,
    readonly ports: StandalonePorts,
  ) {
    const events = new EventBus();
    const { clock } = ports;
    this.#history = new EventHistory(events, clock);
    const nothing = () => Promise.resolve();
    this.#federation = new Federation({
      ...{ clock, events, health: config.health, read: config.read },
      // Nothing is read here, so nothing is found out of replicas.
      findings: { setFingerprint: nothing, setSha256: nothing, setDifferent: nothing },
      onError: () => undefined,
    });
  }

  /** Opens the origins; checks of them begin at once. */
  static async open(
    config: Pick<Config, "health" | "read" | "origins">,
    ports: StandalonePorts,
  ): Promise<StandaloneWatch> {
    const watch = new StandaloneWatch(config, ports);
    for (const settings of config.origins) {
      const { id, priority, enabled } = settings;
      try {
        watch.#federation.add(await ports.open(settings), { priority, enabled });
      } catch (error) {
        ports.onRefused(id, messageOf(error));
      }
    }
    return watch;
  }

  /** Checks an origin now; rejects with `usage` for one that is not there or disabled. */
  check(id: string): Promise<void> {
    return this.#federation.checkNow(id as OriginId);
  }

  /** States, and events as they happen, until the signal aborts. */
  async *live(signal: AbortSignal): AsyncGenerator<LiveUpdate> {
    const events = this.#history.read();
    while (!signal.aborted) {
      yield this.#state();
      for (let item = events.next(); item !== undefined; item = events.next()) {
        if (item !== "missed") {
          yield { kind: "event", event: eventJson(String(item.serial), item) };
        }
      }
      await this.#history.changed(LIVE_STATE_MS, signal);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#federation.close();
    this.#history[Symbol.dispose]();
  }

  #state(): LiveState {
    const reports = this.#federation.report();
    return {
      kind: "state",
      time: new Date(this.ports.clock.wallMs()).toISOString(),
      ...{
        mount_point: null,
        started: null,
        files: null,
        reads_waiting: 0,
        scans: [],
        cache: null,
      },
      status: overallStatus(reports),
      origins: reports.map((report) =>
        originLiveJson(report, { operations: 0, traffic: { reads: 0, bytes: 0 } }),
      ),
    };
  }
}
