/**
 * What the view knows: the latest state, and what of the past it shows. Pure: every update makes a
 * new one, so a pause is keeping the old one, and tests replay recorded updates.
 */

import type { EventAnswer } from "../core/control/event_json.ts";
import type { LiveOrigin, LiveRead, LiveState, LiveUpdate } from "../core/control/live.ts";

/** Lines kept of reads and of events; a screen shows fewer. */
const KEPT_LINES = 200;
/** States kept for trends: two minutes. */
const KEPT_STATES = 120;
/** States over which rates and shares are averaged. */
const RATE_STATES = 10;

/** One origin at one time. */
interface Point {
  readonly timeMs: number;
  readonly reads: number;
  readonly bytes: number;
  readonly latencyMs: number | undefined;
}

export interface LiveView {
  readonly state: LiveState | undefined;
  /** Newest first. */
  readonly reads: readonly LiveRead[];
  /** Newest first. */
  readonly events: readonly EventAnswer[];
  readonly trends: ReadonlyMap<string, readonly Point[]>;
}

export const EMPTY_VIEW: LiveView = {
  state: undefined,
  reads: [],
  events: [],
  trends: new Map(),
};

export function withUpdate(view: LiveView, update: LiveUpdate): LiveView {
  switch (update.kind) {
    case "state":
      return { ...view, state: update, trends: withPoints(view.trends, update) };
    case "read":
      return { ...view, reads: [update, ...view.reads].slice(0, KEPT_LINES) };
    case "event":
      return {
        ...view,
        events: [update.event as EventAnswer, ...view.events].slice(0, KEPT_LINES),
      };
  }
}

/** Whether an update says anything but that time goes by. */
export function isNews({ state }: LiveView, update: LiveUpdate): boolean {
  if (update.kind !== "state" || state === undefined) return true;
  return !Bun.deepEquals({ ...update, time: state.time }, state);
}

function withPoints(trends: LiveView["trends"], { time, origins }: LiveState): LiveView["trends"] {
  const timeMs = Date.parse(time);
  return new Map(
    origins.map((origin) => {
      const { id, reads, bytes, status, enabled, last_latency_ms } = origin;
      const answers = enabled && (status === "healthy" || status === "degraded");
      const latencyMs = answers ? (last_latency_ms ?? undefined) : undefined;
      const before = trends.get(id) ?? [];
      // An origin that was removed and added again counts from 0.
      const kept = (before.at(-1)?.bytes ?? 0) > bytes ? [] : before;
      return [id, [...kept, { timeMs, reads, bytes, latencyMs }].slice(-KEPT_STATES)] as const;
    }),
  );
}

/** The latest latencies of an origin, oldest first; undefined while it did not answer. */
export function latencyTrend(view: LiveView, id: string): readonly (number | undefined)[] {
  return (view.trends.get(id) ?? []).map(({ latencyMs }) => latencyMs);
}

/** Bytes a second over the latest states. */
export function bytesPerSecond(view: LiveView, id: string): number {
  const [first, last] = span(view, id);
  if (first === undefined || last === undefined || last.timeMs <= first.timeMs) return 0;
  return ((last.bytes - first.bytes) * 1000) / (last.timeMs - first.timeMs);
}

/** The part of all reads over the latest states that went to this origin, 0..1. */
export function shareOfReads(view: LiveView, id: string): number {
  const readsOf = (each: string) => {
    const [first, last] = span(view, each);
    return first === undefined || last === undefined ? 0 : last.reads - first.reads;
  };
  const all = [...view.trends.keys()].reduce((sum, each) => sum + readsOf(each), 0);
  return all === 0 ? 0 : readsOf(id) / all;
}

function span(view: LiveView, id: string): readonly [Point | undefined, Point | undefined] {
  const points = (view.trends.get(id) ?? []).slice(-RATE_STATES);
  return [points[0], points.at(-1)];
}

/** The origins whose id, type or state contains the filter, in the order in which they are asked. */
export function filteredOrigins(view: LiveView, filter: string): readonly LiveOrigin[] {
  const wanted = filter.toLowerCase();
  const matches = ({ id, type, status }: LiveOrigin) =>
    [id, type, status].some((text) => text.includes(wanted));
  return [...(view.state?.origins ?? [])]
    .sort((a, b) => Number(b.enabled) - Number(a.enabled) || a.priority - b.priority)
    .filter(matches);
}

/** The share of bytes that the cache answered, 0..1; undefined before the first. */
export function hitRate({
  hit_bytes,
  missed_bytes,
}: {
  readonly hit_bytes: number;
  readonly missed_bytes: number;
}): number | undefined {
  const all = hit_bytes + missed_bytes;
  return all === 0 ? undefined : hit_bytes / all;
}
