/** Tables for people: aligned columns, coloured on a terminal unless `NO_COLOR` is set. */

import { displayText } from "../core/bytes.ts";

export type Colour = "green" | "yellow" | "red" | "dim";

const CODES: Readonly<Record<Colour, number>> = { green: 32, yellow: 33, red: 31, dim: 2 };

export interface Cell {
  readonly text: string;
  readonly colour?: Colour;
  /** Numbers stand right. */
  readonly right?: boolean;
}

/** One line a row below the header, two spaces between columns. Cells may be any text. */
export function table(
  header: readonly string[],
  rows: readonly (readonly (string | Cell)[])[],
  colours: boolean,
): string {
  const cells = rows.map((row) => row.map(toCell));
  const head = header.map((text, column): Cell => {
    return { text, colour: "dim", right: cells[0]?.[column]?.right ?? false };
  });
  const all = [head, ...cells];
  const widths = header.map((_, column) =>
    Math.max(...all.map((row) => Bun.stringWidth(row[column]?.text ?? ""))),
  );
  return all
    .map((row) =>
      row
        .map((cell, column) => padded(cell, column))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");

  function padded({ text, colour, right }: Cell, column: number): string {
    const gap = " ".repeat((widths[column] ?? 0) - Bun.stringWidth(text));
    const shown = colours && colour !== undefined ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;
    if (right) return gap + shown;
    return column === header.length - 1 ? shown : shown + gap;
  }
}

function toCell(cell: string | Cell): Cell {
  return typeof cell === "string"
    ? { text: displayText(cell) }
    : { ...cell, text: displayText(cell.text) };
}

/** Whether standard output shows colours (https://no-color.org). */
export function hasColours(env: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR = "" } = env;
  return process.stdout.isTTY === true && NO_COLOR === "";
}
