import { Box, Text } from "ink";
import { displayText } from "../core/bytes.ts";
import { cutStart } from "./cells.ts";
import type { LiveView } from "./live_view.ts";
import { statusMark } from "./status_mark.ts";
import { shownAge, shownCount } from "./units.ts";

/** What is watched, how it is on the whole, and for how long it runs. */
export function Header(props: {
  readonly view: LiveView;
  readonly cells: number;
  readonly nowMs: number;
  readonly paused: boolean;
  /** Why nothing new comes any more. */
  readonly ended: string | undefined;
}) {
  const { view, cells, nowMs, paused, ended } = props;
  const { state } = view;
  if (state === undefined) return <Text bold>♪ MusicFS</Text>;
  const { symbol, text, colour } = statusMark(state.status);
  const place = state.mount_point === null ? "no mount runs" : displayText(state.mount_point);
  const facts = [
    state.files === null ? "" : `${shownCount(state.files)} files`,
    state.started === null ? "" : `up ${shownAge(nowMs - Date.parse(state.started))}`,
  ].filter((fact) => fact !== "");
  const waiting = state.reads_waiting === 0 ? "" : `  ${state.reads_waiting} waiting`;
  return (
    <Box justifyContent="space-between" width={cells}>
      <Text wrap="truncate">
        <Text bold>♪ MusicFS</Text> <Text>{cutStart(place, Math.max(10, cells - 48))}</Text>{" "}
        <Text color={colour}>
          {symbol} {text}
        </Text>
        <Text color="yellow">{waiting}</Text>
      </Text>
      <Text wrap="truncate">
        {ended !== undefined ? (
          <Text color="red">ended</Text>
        ) : paused ? (
          <Text inverse> paused </Text>
        ) : (
          <Text dimColor>{facts.join(" · ")}</Text>
        )}
      </Text>
    </Box>
  );
}
