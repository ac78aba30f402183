import { Box, Text } from "ink";
import type { EventAnswer } from "../core/control/event_json.ts";
import { cut } from "./cells.ts";
import { eventLine } from "./event_line.ts";
import { clockTime } from "./read_list.tsx";

const CLOCK_AND_MARGIN_CELLS = 11;

/** The latest events, newest first. */
export function EventList(props: {
  readonly events: readonly EventAnswer[];
  readonly cells: number;
  readonly lines: number;
}) {
  const { events, cells, lines } = props;
  return (
    <Box flexDirection="column">
      <Text dimColor>EVENTS</Text>
      {events.length === 0 && <Text dimColor>{"  nothing happened yet"}</Text>}
      {events.slice(0, lines).map((event) => {
        const { text, colour } = eventLine(event);
        return (
          <Text key={event.id} wrap="truncate">
            <Text dimColor>{`  ${clockTime(event.time)} `}</Text>
            <Text {...(colour === undefined ? {} : { color: colour })}>
              {cut(text, cells - CLOCK_AND_MARGIN_CELLS)}
            </Text>
          </Text>
        );
      })}
    </Box>
  );
}
