/** A line of bars in the cells of one text line, the newest at the right. */

const BARS = "▁▂▃▄▅▆▇█";
const NOTHING = " ";

/** The latest `width` values, scaled to the largest of them; undefined leaves a gap. */
export function sparkline(values: readonly (number | undefined)[], width: number): string {
  const shown = values.slice(-width);
  const largest = Math.max(0, ...shown.filter((value) => value !== undefined));
  const bars = shown.map((value) => {
    if (value === undefined) return NOTHING;
    const height = largest === 0 ? 0 : Math.ceil((value / largest) * BARS.length) - 1;
    return BARS[Math.max(0, height)] ?? NOTHING;
  });
  return bars.join("").padStart(width, NOTHING);
}

/** A horizontal bar of `width` cells, of which `share` (0..1) is filled. */
export function gauge(share: number, width: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, share)) * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}
