import { Box, Text } from "ink";
import type { LiveOrigin } from "../core/control/live.ts";
import { fit } from "./cells.ts";
import type { LiveView } from "./live_view.ts";
import { columnsFor, idCells } from "./origin_columns.ts";
import { originMark } from "./status_mark.ts";

/** The origins, of which as many are shown as there is room for, the selected one among them. */
export function OriginTable(props: {
  readonly view: LiveView;
  readonly origins: readonly LiveOrigin[];
  readonly selected: number;
  readonly cells: number;
  /** Lines for origins, the heading not counted. */
  readonly lines: number;
  readonly nowMs: number;
}) {
  const { view, origins, selected, cells, lines, nowMs } = props;
  const columns = columnsFor(cells);
  const idWidth = idCells(cells, columns);
  const first = Math.max(0, Math.min(selected - lines + 1, origins.length - lines));
  const hidden = origins.length - Math.min(lines, origins.length);
  const heading = columns.map(({ title, widthCells, align }) => fit(title, widthCells, align));
  return (
    <Box flexDirection="column" flexShrink={0}>
      <Text dimColor wrap="truncate">
        {`  ${fit(hidden > 0 ? `ORIGIN (${origins.length})` : "ORIGIN", idWidth)} ${heading.join(" ")}`}
      </Text>
      {origins.length === 0 && <Text dimColor>{"  none matches"}</Text>}
      {origins.slice(first, first + lines).map((origin, index) => {
        const isSelected = first + index === selected;
        const { colour } = originMark(origin);
        return (
          <Text key={origin.id} wrap="truncate" inverse={isSelected} dimColor={!origin.enabled}>
            {`${isSelected ? "▸" : " "} ${fit(origin.id, idWidth)}`}
            {columns.map(({ title, widthCells, align, text }) => (
              <Text key={title} {...(title === "STATE" ? { color: colour } : {})}>
                {` ${fit(text(origin, view, nowMs), widthCells, align)}`}
              </Text>
            ))}
          </Text>
        );
      })}
    </Box>
  );
}
