import { Box, Text } from "ink";
import { displayText } from "../core/bytes.ts";
import type { LiveOrigin } from "../core/control/live.ts";
import { bytesPerSecond, type LiveView, latencyTrend, shareOfReads } from "./live_view.ts";
import { sparkline } from "./sparkline.ts";
import { originMark } from "./status_mark.ts";
import { shownAge, shownBytes, shownCount, shownMs, shownShare } from "./units.ts";

/** Everything known of one origin. */
export function OriginDetails(props: {
  readonly view: LiveView;
  readonly origin: LiveOrigin;
  readonly cells: number;
  readonly nowMs: number;
}) {
  const { view, origin, cells, nowMs } = props;
  const { symbol, text, colour } = originMark(origin);
  const ago = (time: string | null) =>
    time === null ? "never" : `${shownAge(nowMs - Date.parse(time))} ago`;
  const next =
    origin.next_check === null ? "none" : `in ${shownAge(Date.parse(origin.next_check) - nowMs)}`;
  const p50 = shownMs(origin.latency_p50_ms);
  const p99 = shownMs(origin.latency_p99_ms);
  const rows: readonly (readonly [string, string])[] = [
    ["type", origin.type],
    ["priority", String(origin.priority)],
    ["failures", `${origin.consecutive_failures} of ${origin.threshold} in a row`],
    ["latency", `p50 ${p50} · p99 ${p99} · last ${shownMs(origin.last_latency_ms)}`],
    ["checked", `${ago(origin.last_check)} · next ${next}`],
    ["under way", `${origin.in_flight} operations`],
    ["served", `${shownCount(origin.reads)} reads · ${shownBytes(origin.bytes)}`],
    [
      "now",
      `${shownBytes(bytesPerSecond(view, origin.id))}/s · ${shownShare(shareOfReads(view, origin.id))} of reads`,
    ],
  ];
  return (
    <Box flexDirection="column" borderStyle="round" paddingX={1} width={cells} flexShrink={0}>
      <Text>
        <Text bold>{origin.id}</Text>{" "}
        <Text color={colour}>
          {symbol} {text}
        </Text>
      </Text>
      {rows.map(([name, value]) => (
        <Text key={name} wrap="truncate">
          <Text dimColor>{name.padEnd(11)}</Text>
          {value}
        </Text>
      ))}
      <Text wrap="truncate">
        <Text dimColor>{"trend".padEnd(11)}</Text>
        {sparkline(latencyTrend(view, origin.id), Math.max(10, Math.min(60, cells - 17)))}
      </Text>
      {origin.last_error !== null && (
        <Text color="red" wrap="wrap">
          {displayText(origin.last_error)}
        </Text>
      )}
    </Box>
  );
}
