/** Text in a grid of terminal cells, where wide characters take two. */

const SEGMENTS = new Intl.Segmenter(undefined, { granularity: "grapheme" });
const ELLIPSIS = "…";

/** The text in exactly `width` cells: padded, or cut short with an ellipsis. */
export function fit(text: string, width: number, align: "left" | "right" = "left"): string {
  const shown = cut(text, width);
  const padding = " ".repeat(Math.max(0, width - Bun.stringWidth(shown)));
  return align === "left" ? shown + padding : padding + shown;
}

/** The text in at most `width` cells; what does not fit ends in an ellipsis. */
export function cut(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  if (width <= 0) return "";
  return takeCells(text, width - 1) + ELLIPSIS;
}

/** As {@link cut}, but what does not fit goes at the beginning: for paths, whose ends tell more. */
export function cutStart(text: string, width: number): string {
  if (Bun.stringWidth(text) <= width) return text;
  if (width <= 0) return "";
  const parts = [...SEGMENTS.segment(text)].map(({ segment }) => segment);
  let shown = "";
  for (const part of parts.reverse()) {
    if (Bun.stringWidth(part) + Bun.stringWidth(shown) > width - 1) break;
    shown = part + shown;
  }
  return ELLIPSIS + shown;
}

function takeCells(text: string, width: number): string {
  let [shown, used] = ["", 0];
  for (const { segment } of SEGMENTS.segment(text)) {
    used += Bun.stringWidth(segment);
    if (used > width) break;
    shown += segment;
  }
  return shown;
}
