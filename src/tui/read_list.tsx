import { Box, Text } from "ink";
import { displayText } from "../core/bytes.ts";
import type { LiveRead } from "../core/control/live.ts";
import { cutStart, fit } from "./cells.ts";
import { readMark } from "./status_mark.ts";
import { shownBytes, shownMs } from "./units.ts";

const ORIGIN_CELLS = 12;
const NUMBER_CELLS = 6;
const CLOCK_CELLS = 8;

/** The latest reads, newest first: who served them, how fast, and what was special. */
export function ReadList(props: {
  readonly reads: readonly LiveRead[];
  readonly cells: number;
  readonly lines: number;
}) {
  const { reads, cells, lines } = props;
  return (
    <Box flexDirection="column">
      <Text dimColor>ROUTING</Text>
      {reads.length === 0 && <Text dimColor>{"  no read yet"}</Text>}
      {reads.slice(0, lines).map((read) => (
        <ReadLine
          key={`${read.time} ${read.path} ${read.bytes} ${read.latency_ms}`}
          {...{ read, cells }}
        />
      ))}
    </Box>
  );
}

function ReadLine({ read, cells }: { readonly read: LiveRead; readonly cells: number }) {
  const marks = read.marks.map(readMark);
  const marked = marks.map(({ symbol, text }) => ` ${symbol} ${text}`).join("");
  const numbers = cells >= 80 ? CLOCK_CELLS + 1 + NUMBER_CELLS + 1 : 0;
  const pathCells =
    cells - 2 - numbers - ORIGIN_CELLS - 1 - NUMBER_CELLS - 2 - Bun.stringWidth(marked);
  return (
    <Text wrap="truncate">
      {"  "}
      {numbers > 0 && <Text dimColor>{`${clockTime(read.time)} `}</Text>}
      <Text bold>{fit(servedBy(read), ORIGIN_CELLS)}</Text>
      {` ${fit(shownMs(read.latency_ms), NUMBER_CELLS, "right")}`}
      {numbers > 0 && ` ${fit(shownBytes(read.bytes), NUMBER_CELLS, "right")}`}
      {`  ${cutStart(displayText(read.path), Math.max(8, pathCells))}`}
      {marks.map(({ symbol, text, colour }) => (
        <Text key={text} color={colour}>{` ${symbol} ${text}`}</Text>
      ))}
    </Text>
  );
}

/** What is kept on disk needs no origin. */
function servedBy({ origin, marks }: LiveRead): string {
  return origin ?? (marks.includes("cache") ? "the cache" : "nobody");
}

/** Hours, minutes and seconds of the machine's own time zone. */
export function clockTime(time: string): string {
  return new Date(time).toTimeString().slice(0, CLOCK_CELLS);
}
