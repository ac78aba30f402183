/** Figures as a table in Markdown, with each peer's ratio to MusicFS. */

export interface Figure {
  readonly workload: string;
  readonly unit: "s" | "MB/s" | "MB" | "%";
  readonly peer: string;
  readonly value: number;
}

const OURS = "musicfs";

/** One row a peer, one column a workload; in brackets the value as a multiple of MusicFS's. */
export function formatFigures(figures: readonly Figure[]): string {
  const workloads = [...new Set(figures.map(({ workload, unit }) => `${workload} (${unit})`))];
  const peers = [...new Set(figures.map(({ peer }) => peer))];
  const rows = peers.map((peer) => [peer, ...workloads.map((w) => cell(figures, peer, w))]);
  const lines = [["", ...workloads], ["---", ...workloads.map(() => "---:")], ...rows];
  return lines.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

export function printFigures(figures: readonly Figure[]): void {
  console.log(formatFigures(figures));
}

function cell(figures: readonly Figure[], peer: string, column: string): string {
  const mine = (name: string) =>
    figures.find((f) => f.peer === name && `${f.workload} (${f.unit})` === column)?.value;
  const value = mine(peer);
  if (value === undefined) return "";
  const ours = mine(OURS);
  const shown = value >= 100 ? value.toFixed(0) : value.toPrecision(2);
  if (peer === OURS || ours === undefined || ours === 0) return shown;
  return `${shown} (${(value / ours).toFixed(2)}×)`;
}
