/**
 * What happens in a mount, line by line as JSON, for `health --watch`: its state once a second, and in
 * between events and reads in the order in which they came, a fraction of a second late at most.
 */

import type { Clock } from "../clock.ts";
import { LIVE_PAST_EVENTS, LIVE_STATE_MS, LIVE_TICK_MS } from "../limits.ts";
import type { ControlledMount } from "./controlled_mount.ts";
import type { EventHistory, HistoryReader } from "./event_history.ts";
import { eventJson, shownPath } from "./event_json.ts";
import type { LiveRead, LiveUpdate } from "./live.ts";
import { liveState } from "./live_state.ts";
import type { LoggedRead, ReadLog } from "./read_log.ts";

export interface LiveStreamPorts {
  readonly mount: ControlledMount;
  readonly history: EventHistory;
  readonly reads: ReadLog;
  readonly clock: Clock;
  /** Names the event of that number. */
  readonly idOf: (serial: number) => string;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Called once when the stream has ended, however. */
  readonly onEnd: () => void;
}

/** Begins with the latest events and the state. Whoever reads slowly gets less, and the latest. */
export function liveStream(ports: LiveStreamPorts): ReadableStream<Uint8Array> {
  const { mount, history, clock, signal, idOf } = ports;
  const events = history.read(Math.max(0, history.latest - LIVE_PAST_EVENTS));
  const reads = ports.reads.follow();
  const encoder = new TextEncoder();
  let stateDueMs = clock.monotonicMs();
  let gone = false;
  let wake: (() => void) | undefined;
  const stop = () => wake?.();
  signal.addEventListener("abort", stop, { once: true });
  const end = () => {
    signal.removeEventListener("abort", stop);
    reads[Symbol.dispose]();
    ports.onEnd();
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      let updates: readonly LiveUpdate[] = [];
      while (!signal.aborted && !gone) {
        updates = news();
        if (updates.length > 0) break;
        await tick();
      }
      if (gone) return;
      if (signal.aborted) {
        end();
        controller.close();
        return;
      }
      controller.enqueue(
        encoder.encode(updates.map((each) => `${JSON.stringify(each)}\n`).join("")),
      );
    },
    cancel() {
      gone = true;
      stop();
      end();
    },
  });

  function news(): readonly LiveUpdate[] {
    const updates: LiveUpdate[] = [...newEvents(events, idOf), ...reads.take().map(readJson)];
    const nowMs = clock.monotonicMs();
    if (nowMs >= stateDueMs) {
      stateDueMs = nowMs + LIVE_STATE_MS;
      updates.push(liveState(mount, clock.wallMs()));
    }
    return updates;
  }

  async function tick(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    wake = resolve;
    using _tick = clock.schedule(LIVE_TICK_MS, resolve);
    await promise;
  }
}

function* newEvents(
  reader: HistoryReader,
  idOf: (serial: number) => string,
): Generator<LiveUpdate> {
  for (;;) {
    const item = reader.next();
    if (item === undefined) return;
    if (item !== "missed") yield { kind: "event", event: eventJson(idOf(item.serial), item) };
  }
}

function readJson({ timeMs, path, origin, bytes, latencyMs, marks }: LoggedRead): LiveRead {
  return {
    kind: "read",
    time: new Date(timeMs).toISOString(),
    path: shownPath(path),
    origin: origin ?? null,
    bytes,
    latency_ms: latencyMs === undefined ? null : Math.round(latencyMs * 1000) / 1000,
    marks: [...marks],
  };
}
