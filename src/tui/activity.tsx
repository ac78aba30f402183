import { Box, Text } from "ink";
import type { LiveCache, LiveScan } from "../core/control/live.ts";
import { fit } from "./cells.ts";
import { hitRate } from "./live_view.ts";
import { gauge } from "./sparkline.ts";
import { shownAge, shownBytes, shownCount, shownShare } from "./units.ts";

const LABEL_CELLS = 14;

/** How full the cache is and how much of what is read it answers. */
export function CacheGauge(props: { readonly cache: LiveCache; readonly cells: number }) {
  const { cache, cells } = props;
  const { used_bytes, limit_bytes, state } = cache;
  const share = limit_bytes === 0 ? 0 : used_bytes / limit_bytes;
  const hits = hitRate(cache);
  const isDegraded = state === "degraded";
  return (
    <Text wrap="truncate">
      <Text dimColor>{fit("CACHE", LABEL_CELLS)}</Text>
      <Text color={isDegraded ? "yellow" : "cyan"}>{gauge(share, barCells(cells))}</Text>
      {` ${shownBytes(used_bytes)} of ${shownBytes(limit_bytes)}`}
      {hits !== undefined && ` · ${shownShare(hits)} hits`}
      {isDegraded && <Text color="yellow"> ◐ not caching</Text>}
    </Text>
  );
}

/** How far a scan has come: of the directories that it knows by now, so the bar may fall back. */
export function ScanBar(props: {
  readonly scan: LiveScan;
  readonly cells: number;
  readonly nowMs: number;
}) {
  const { scan, cells, nowMs } = props;
  const { origin, directories, pending, files, started } = scan;
  const known = directories + pending;
  return (
    <Text wrap="truncate">
      <Text dimColor>{fit(`SCAN ${origin}`, LABEL_CELLS)}</Text>
      <Text color="magenta">{gauge(known === 0 ? 0 : directories / known, barCells(cells))}</Text>
      {` ${shownCount(files)} files · ${shownAge(nowMs - Date.parse(started))}`}
    </Text>
  );
}

/** Cache and scans; nothing where there is neither. */
export function Activity(props: {
  readonly cache: LiveCache | null;
  readonly scans: readonly LiveScan[];
  readonly cells: number;
  readonly lines: number;
  readonly nowMs: number;
}) {
  const { cache, scans, cells, lines, nowMs } = props;
  const room = lines - (cache === null ? 0 : 1);
  return (
    <Box flexDirection="column">
      {cache !== null && <CacheGauge cache={cache} cells={cells} />}
      {scans.slice(0, room).map((scan) => (
        <ScanBar key={scan.origin} {...{ scan, cells, nowMs }} />
      ))}
    </Box>
  );
}

function barCells(cells: number): number {
  return Math.max(8, Math.min(40, cells - LABEL_CELLS - 34));
}
