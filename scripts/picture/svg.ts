/** A terminal's screen as a picture. Every run has its place and width, whatever fonts its reader has. */
import { type Colour, type Look, type Run, runsOf } from "./runs.ts";

const CELL_PX = 8.4;
const LINE_PX = 18;
const FONT_PX = 14;
const MARGIN_PX = 14;
const BAR_GAP_PX = 2;
/** From the top of a line to where its letters stand. */
const BASE_PX = 13;
const FONTS =
  "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace";

const BACKGROUND = "#0d1117";
const FOREGROUND = "#e6edf3";
const DIM = "#8b949e";
const SHOWN: Readonly<Record<Colour, string>> = {
  black: "#484f58",
  red: "#ff7b72",
  green: "#3fb950",
  yellow: "#d29922",
  blue: "#58a6ff",
  magenta: "#d2a8ff",
  cyan: "#39c5cf",
  white: "#b1bac4",
};

export interface Picture {
  /** What is seen, for those who do not see it. */
  readonly title: string;
  readonly screen: string;
  readonly columns: number;
}

export function svgOf({ title, screen, columns }: Picture): string {
  const lines = screen.trimEnd().split("\n");
  const width = Math.ceil(columns * CELL_PX + 2 * MARGIN_PX);
  const height = lines.length * LINE_PX + 2 * MARGIN_PX;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>`,
    `<g font-family="${FONTS}" font-size="${FONT_PX}" fill="${FOREGROUND}" xml:space="preserve" style="white-space:pre">`,
    ...lines.flatMap((line, index) => drawnLine(runsOf(line), MARGIN_PX + index * LINE_PX)),
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}

function drawnLine(runs: readonly Run[], topPx: number): readonly string[] {
  const backs = runs.filter(({ inverse }) => inverse).map((run) => drawnBack(run, topPx));
  return [...backs, ...runs.flatMap(pieces).map((run) => drawnPiece(run, topPx))];
}

/** Bars of one length; words in ASCII; other characters, for which another font may have to do. */
const PIECE = /([▁-█░])\1*|[!-~]+(?: [!-~]+)*|[^\s!-~▁-█░]+/g;

/** A run without its blanks, in pieces that each stand where they belong. */
function pieces(run: Run): readonly Run[] {
  return [...run.text.matchAll(PIECE)].map(({ 0: text, index }) => ({
    ...run,
    text,
    column: run.column + Bun.stringWidth(run.text.slice(0, index)),
    cells: Bun.stringWidth(text),
  }));
}

function drawnPiece(run: Run, topPx: number): string {
  const share = shareOf(run.text);
  return share === undefined ? drawnText(run, topPx + BASE_PX) : drawnBar(run, topPx, share);
}

/** How much of its line a bar fills; undefined for text. */
function shareOf(text: string): number | undefined {
  if (text.startsWith("░")) return 1;
  const eighths = (text.codePointAt(0) ?? 0) - 0x2580;
  return eighths >= 1 && eighths <= 8 ? eighths / 8 : undefined;
}

/** As blocks of a font, but for a gap between lines. */
function drawnBar(run: Run, topPx: number, share: number): string {
  const { text, column, cells, inverse } = run;
  const fullPx = LINE_PX - BAR_GAP_PX;
  const highPx = Math.round(fullPx * share * 100) / 100;
  const place = `x="${px(column)}" y="${topPx + BAR_GAP_PX + fullPx - highPx}"`;
  const light = text.startsWith("░") ? ' fill-opacity="0.25"' : "";
  const fill = inverse ? BACKGROUND : inkOf(run);
  return `<rect ${place} width="${length(cells)}" height="${highPx}" fill="${fill}"${light}/>`;
}

function drawnBack(run: Run, topPx: number): string {
  const { column, cells } = run;
  return `<rect x="${px(column)}" y="${topPx}" width="${length(cells)}" height="${LINE_PX}" fill="${inkOf(run)}"/>`;
}

function drawnText(run: Run, basePx: number): string {
  const { text, column, cells, bold, inverse } = run;
  const ink = inverse ? BACKGROUND : inkOf(run);
  const fill = ink === FOREGROUND ? "" : ` fill="${ink}"`;
  const weight = bold ? ' font-weight="bold"' : "";
  const place = `x="${px(column)}" y="${basePx}" textLength="${length(cells)}"`;
  return `<text ${place} lengthAdjust="spacingAndGlyphs"${fill}${weight}>${escaped(text)}</text>`;
}

function inkOf({ colour, dim }: Look): string {
  if (colour !== undefined) return SHOWN[colour];
  return dim ? DIM : FOREGROUND;
}

function px(column: number): string {
  return length(column, MARGIN_PX);
}

function length(cells: number, fromPx = 0): string {
  return String(Math.round((fromPx + cells * CELL_PX) * 100) / 100);
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
