import { Box, Text, useApp, useWindowSize } from "ink";
import { useRef } from "react";
import { displayText } from "../core/bytes.ts";
import { Activity } from "./activity.tsx";
import { EventList } from "./event_list.tsx";
import { Header } from "./header.tsx";
import { Help } from "./help.tsx";
import { shareLines } from "./layout.ts";
import { EMPTY_VIEW, filteredOrigins } from "./live_view.ts";
import { OriginDetails } from "./origin_details.tsx";
import { OriginTable } from "./origin_table.tsx";
import { ReadList } from "./read_list.tsx";
import { type KeyState, type OriginActions, useKeys } from "./use_keys.ts";
import { type LiveUpdates, useLiveView } from "./use_live_view.ts";
import { useNow } from "./use_now.ts";

const KEYS = "↑↓ select  ⏎ details  c check  e enable/disable  / filter  p pause  ? help  q quit";
const FEW_KEYS = "↑↓ ⏎ details  c check  e on/off  ? help  q quit";

export interface DashboardProps {
  readonly updates: LiveUpdates;
  readonly actions: OriginActions;
  /** Wall clock, milliseconds since the epoch. Default: the system's. */
  readonly wallMs?: () => number;
}

/** The whole screen of `health --watch`. */
export function Dashboard({ updates, actions, wallMs = Date.now }: DashboardProps) {
  const { columns: cells, rows } = useWindowSize();
  const { exit } = useApp();
  const live = useLiveView(updates);
  const latestMs = useNow(wallMs);
  const frozen = useRef({ view: EMPTY_VIEW, nowMs: latestMs });
  const keys = useKeys((filter) => filteredOrigins(live.view, filter), actions, exit);
  if (!keys.paused) frozen.current = { view: live.view, nowMs: latestMs };
  const { view, nowMs } = frozen.current;
  const { panel, selected, filter, paused } = keys;
  const origins = filteredOrigins(view, filter);
  const { scans = [], cache = null } = view.state ?? {};
  const activity = scans.length + (cache === null ? 0 : 1);
  const lines = shareLines(rows, { origins: origins.length, activity });
  const origin = origins[selected];
  if (view.state === undefined && live.ended === undefined) {
    return <Text dimColor>♪ MusicFS waits for the first answer… q quits</Text>;
  }
  return (
    <Box flexDirection="column" width={cells} height={Math.max(1, rows - 1)}>
      <Header {...{ view, cells, nowMs, paused, ended: live.ended }} />
      {panel !== "help" && (
        <OriginTable {...{ view, origins, selected, cells, lines: lines.origins, nowMs }} />
      )}
      <Box flexDirection="column" flexGrow={1} overflow="hidden">
        {panel === "help" ? (
          <Help cells={cells} />
        ) : panel === "details" && origin !== undefined ? (
          <OriginDetails {...{ view, origin, cells, nowMs }} />
        ) : (
          <>
            {lines.activity > 0 && (
              <Box marginTop={1}>
                <Activity {...{ cache, scans, cells, lines: lines.activity, nowMs }} />
              </Box>
            )}
            {lines.reads > 0 && view.state?.mount_point !== null && (
              <Box marginTop={1}>
                <ReadList reads={view.reads} cells={cells} lines={lines.reads} />
              </Box>
            )}
            {lines.events > 0 && (
              <Box marginTop={1}>
                <EventList events={view.events} cells={cells} lines={lines.events} />
              </Box>
            )}
          </>
        )}
      </Box>
      <Footer {...{ keys, cells, ended: live.ended }} />
    </Box>
  );
}

/** What is asked, typed, has happened, or which keys there are; the first of these that there is. */
function Footer(props: {
  readonly keys: KeyState;
  readonly cells: number;
  readonly ended: string | undefined;
}) {
  const { keys, cells, ended } = props;
  const { asked, isTyping, filter, message } = keys;
  if (asked !== undefined) {
    const verb = asked.enabled ? "Disable" : "Enable";
    return <Text bold>{`${verb} ${asked.id}? y: yes, any other key: no`}</Text>;
  }
  if (isTyping) return <Text>{`/${displayText(filter)}▏`}</Text>;
  if (ended !== undefined) {
    return <Text color="red" wrap="truncate">{`${displayText(ended)} — q quits`}</Text>;
  }
  if (message !== undefined) return <Text wrap="truncate">{displayText(message)}</Text>;
  const shown = filter === "" ? "" : `/${displayText(filter)}  esc clears  `;
  return (
    <Text dimColor wrap="truncate">
      {shown + (cells < KEYS.length ? FEW_KEYS : KEYS)}
    </Text>
  );
}
