/**
 * Events as server-sent events (HTML Living Standard, 9.2): a browser, curl and `musicfs events` can
 * follow them, and go on where they were after a connection was lost.
 */

import { CONTROL_HEARTBEAT_MS } from "../limits.ts";
import type { EventHistory } from "./event_history.ts";
import { eventJson } from "./event_json.ts";

export interface EventStreamOptions {
  /** Begin after this event; undefined: with the oldest that is kept. */
  readonly after: number | undefined;
  /** Only events of these types; undefined: all. */
  readonly types: ReadonlySet<string> | undefined;
  /** Go on with what happens; otherwise the stream ends with the latest event. */
  readonly follow: boolean;
  /** Names the event of that number. */
  readonly idOf: (serial: number) => string;
  /** Ends the stream. */
  readonly signal: AbortSignal;
  /** Called once when the stream has ended, however. */
  readonly onEnd: () => void;
}

/** Events handed over in one piece. */
const MAX_BATCH = 64;
const NOTHING = ": nothing\n\n";
const MISSED = "event: missed\ndata: {}\n\n";

export function eventStream(
  history: EventHistory,
  options: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const { after, types, follow, idOf } = options;
  const reader = history.read(after);
  const encoder = new TextEncoder();
  const gone = new AbortController();
  const signal = AbortSignal.any([options.signal, gone.signal]);
  return new ReadableStream<Uint8Array>({
    start(controller) {
      // Whoever waits for the answer's beginning need not wait for an event.
      controller.enqueue(encoder.encode(NOTHING));
    },
    async pull(controller) {
      const silentAtMs = history.clock.monotonicMs() + CONTROL_HEARTBEAT_MS;
      let batch = nextBatch();
      while (batch === "" && follow && !signal.aborted) {
        const leftMs = silentAtMs - history.clock.monotonicMs();
        if (leftMs > 0 && (await history.changed(leftMs, signal))) batch = nextBatch();
        else batch = NOTHING;
      }
      if (gone.signal.aborted) return;
      if (batch === "" || signal.aborted) {
        options.onEnd();
        controller.close();
      } else controller.enqueue(encoder.encode(batch));
    },
    cancel() {
      gone.abort();
      options.onEnd();
    },
  });

  function nextBatch(): string {
    let [text, count] = ["", 0];
    while (count < MAX_BATCH) {
      const item = reader.next();
      if (item === undefined) break;
      if (item !== "missed" && types !== undefined && !types.has(item.event.type)) continue;
      text += item === "missed" ? MISSED : sse(idOf(item.serial), item);
      count++;
    }
    return text;
  }
}

/** JSON has no line breaks of its own, so that one `data` line holds it. */
function sse(id: string, item: Parameters<typeof eventJson>[1]): string {
  const json = JSON.stringify(eventJson(id, item));
  return `id: ${id}\nevent: ${item.event.type}\ndata: ${json}\n\n`;
}
