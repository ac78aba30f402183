/** Text with the escape sequences that set its looks (ECMA-48, SGR), taken apart. */

/** The colours 30 to 37 of SGR, in their order. */
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"] as const;
export type Colour = (typeof COLOURS)[number];

export interface Look {
  readonly bold: boolean;
  readonly dim: boolean;
  readonly inverse: boolean;
  /** Undefined: the terminal's own. */
  readonly colour: Colour | undefined;
}

/** Text of one look in one line. */
export interface Run extends Look {
  readonly text: string;
  /** Cells left of it. */
  readonly column: number;
  readonly cells: number;
}

const PLAIN: Look = { bold: false, dim: false, inverse: false, colour: undefined };

const ESCAPE = "\x1b";
const SEQUENCE = new RegExp(`(${ESCAPE}\\[[\\d;]*m)`);

/** The runs of a line that begins without a look. Throws for a sequence that sets other than what `Look` has. */
export function runsOf(line: string): readonly Run[] {
  const runs: Run[] = [];
  let look = PLAIN;
  let column = 0;
  for (const part of line.split(SEQUENCE)) {
    if (part.startsWith(ESCAPE)) {
      for (const code of part.slice(2, -1).split(";")) look = changed(look, Number(code));
    } else if (part !== "") {
      const cells = Bun.stringWidth(part);
      runs.push({ ...look, text: part, column, cells });
      column += cells;
    }
  }
  return runs;
}

function changed(look: Look, code: number): Look {
  const colour = COLOURS[code - 30];
  if (colour !== undefined) return { ...look, colour };
  switch (code) {
    case 0:
      return PLAIN;
    case 1:
      return { ...look, bold: true };
    case 2:
      return { ...look, dim: true };
    case 7:
      return { ...look, inverse: true };
    case 22:
      return { ...look, bold: false, dim: false };
    case 27:
      return { ...look, inverse: false };
    case 39:
      return { ...look, colour: undefined };
    default:
      throw new Error(`the picture does not know the look ${code}`);
  }
}
