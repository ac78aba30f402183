/** Figures as tables in Markdown. */

import { OURS } from "./peers.ts";

export interface Figure {
  readonly workload: string;
  readonly unit: "s" | "MB/s" | "MB" | "%" | "ms" | "×";
  readonly peer: string;
  readonly value: number;
}

/** One row a peer, one column a workload; in brackets the value as a multiple of MusicFS's. */
export function figureTable(figures: readonly Figure[]): string {
  const columns = [...new Map(figures.map((f) => [f.workload, f.unit]))];
  const peers = [...new Set(figures.map(({ peer }) => peer))];
  return table(
    ["", ...columns.map(([workload, unit]) => `${workload} (${unit})`)],
    peers.map((peer) => [peer, ...columns.map(([workload]) => cell(figures, peer, workload))]),
  );
}

/** A table of a heading and rows; numbers stand to the right of the first column. */
export function table(heading: readonly string[], rows: readonly (readonly string[])[]): string {
  const rule = heading.map((_, i) => (i === 0 ? "---" : "---:"));
  return [heading, rule, ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** The figure of a peer; undefined when it was not measured. */
export function figureOf(
  figures: readonly Figure[],
  peer: string,
  workload: string,
): number | undefined {
  return figures.find((f) => f.peer === peer && f.workload === workload)?.value;
}

/** Three digits are all that such measurements tell. */
export function rounded(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(2)));
}

function cell(figures: readonly Figure[], peer: string, workload: string): string {
  const value = figureOf(figures, peer, workload);
  if (value === undefined) return "";
  const ours = figureOf(figures, OURS, workload);
  if (peer === OURS || ours === undefined || ours === 0) return rounded(value);
  return `${rounded(value)} (${(value / ours).toFixed(2)}×)`;
}
