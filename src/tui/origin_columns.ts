/** The columns of the origins' table, and which of them a terminal has room for. */

import type { LiveOrigin } from "../core/control/live.ts";
import { bytesPerSecond, type LiveView, latencyTrend, shareOfReads } from "./live_view.ts";
import { sparkline } from "./sparkline.ts";
import { originMark } from "./status_mark.ts";
import { shownAge, shownBytes, shownMs, shownShare } from "./units.ts";

export interface OriginColumn {
  readonly title: string;
  readonly widthCells: number;
  readonly align: "left" | "right";
  /** Narrowest terminal that shows it, in cells. */
  readonly fromCells: number;
  readonly text: (origin: LiveOrigin, view: LiveView, nowMs: number) => string;
}

const STATE: OriginColumn = {
  ...{ title: "STATE", widthCells: 11, align: "left", fromCells: 0 },
  text: (origin) => {
    const { symbol, text } = originMark(origin);
    return `${symbol} ${text}`;
  },
};

const COLUMNS: readonly OriginColumn[] = [
  STATE,
  {
    ...{ title: "TYPE", widthCells: 5, align: "left", fromCells: 80 },
    text: ({ type }) => type,
  },
  {
    ...{ title: "PRI", widthCells: 3, align: "right", fromCells: 0 },
    text: ({ priority }) => String(priority),
  },
  {
    ...{ title: "P50", widthCells: 6, align: "right", fromCells: 0 },
    text: ({ latency_p50_ms }) => shownMs(latency_p50_ms === 0 ? null : latency_p50_ms),
  },
  {
    ...{ title: "P99", widthCells: 6, align: "right", fromCells: 80 },
    text: ({ latency_p99_ms }) => shownMs(latency_p99_ms === 0 ? null : latency_p99_ms),
  },
  trend(10, 100, 140),
  trend(24, 140, Number.POSITIVE_INFINITY),
  {
    ...{ title: "FAILS", widthCells: 5, align: "right", fromCells: 70 },
    text: ({ consecutive_failures, threshold }) => `${consecutive_failures}/${threshold}`,
  },
  {
    ...{ title: "LAST", widthCells: 5, align: "right", fromCells: 100 },
    text: ({ last_check }, _view, nowMs) =>
      last_check === null ? "–" : shownAge(nowMs - Date.parse(last_check)),
  },
  {
    ...{ title: "NEXT", widthCells: 5, align: "right", fromCells: 100 },
    text: ({ next_check }, _view, nowMs) =>
      next_check === null ? "–" : shownAge(Date.parse(next_check) - nowMs),
  },
  {
    ...{ title: "FLY", widthCells: 3, align: "right", fromCells: 90 },
    text: ({ in_flight }) => String(in_flight),
  },
  {
    ...{ title: "RATE", widthCells: 7, align: "right", fromCells: 0 },
    text: ({ id }, view) => `${shownBytes(bytesPerSecond(view, id))}/s`,
  },
  {
    ...{ title: "SHARE", widthCells: 5, align: "right", fromCells: 0 },
    text: ({ id }, view) => shownShare(shareOfReads(view, id)),
  },
];

function trend(
  widthCells: number,
  fromCells: number,
  toCells: number,
): OriginColumn & {
  readonly belowCells: number;
} {
  return {
    ...{ title: "LATENCY", widthCells, align: "left", fromCells, belowCells: toCells },
    text: ({ id }, view) => sparkline(latencyTrend(view, id), widthCells),
  };
}

/** The columns behind the origin's id that fit a terminal of so many cells. */
export function columnsFor(cells: number): readonly OriginColumn[] {
  return COLUMNS.filter(
    (column) =>
      cells >= column.fromCells && !("belowCells" in column && cells >= Number(column.belowCells)),
  );
}

/** What is left for the id. */
export function idCells(cells: number, columns: readonly OriginColumn[]): number {
  const rest = columns.reduce((sum, { widthCells }) => sum + widthCells + 1, 0);
  return Math.max(8, Math.min(32, cells - rest - 2));
}
