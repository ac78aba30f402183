/** The endpoints of the control API: one row each (docs/control-api.md). */

import type { Clock } from "../clock.ts";
import { noSuchOrigin } from "../config/find.ts";
import { OwnError } from "../errors.ts";
import { overallStatus } from "../federation/survey.ts";
import { CONTROL_STREAMS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import { NO_SUMS } from "../sync/scan_origins.ts";
import { NDJSON, type ReloadAnswer, type ScanProgressAnswer } from "./answers.ts";
import { cacheEndpoints } from "./cache_endpoints.ts";
import type { ControlledMount, ControlledOrigin } from "./controlled_mount.ts";
import { type Endpoint, withBody, withNothing } from "./endpoint.ts";
import type { EventHistory } from "./event_history.ts";
import { eventStream } from "./event_stream.ts";
import { liveStream } from "./live_stream.ts";
import { configuredOriginJson, originJson } from "./origin_json.ts";
import { progressStream } from "./progress_stream.ts";
import type { ReadLog } from "./read_log.ts";
import {
  addRequest,
  changeRequest,
  checkRequest,
  emptyRequest,
  eventsQuery,
  scanRequest,
} from "./requests.ts";
import { originsToScan } from "./scan_endpoint.ts";
import { scanJson, scanProgressJson } from "./scan_json.ts";
import { statusJson } from "./status_json.ts";

export interface EndpointPorts {
  readonly mount: ControlledMount;
  readonly history: EventHistory;
  readonly reads: ReadLog;
  readonly clock: Clock;
  /** Distinguishes this run's events from those of others: 8 hexadecimal digits. */
  readonly run: string;
  /** The metrics page. */
  readonly metrics: () => Promise<{ readonly text: string; readonly type: string }>;
  /** Ends the streams. */
  readonly closing: AbortSignal;
}

export function endpoints(ports: EndpointPorts): readonly Endpoint[] {
  const { mount, history, clock, run, metrics } = ports;
  const idOf = (serial: number) => `${run}-${serial}`;
  let streams = 0;

  const find = (id: OriginId): ControlledOrigin => {
    const known = mount.origins();
    const found = known.find(({ settings }) => settings.id === id);
    if (found !== undefined) return found;
    throw noSuchOrigin(
      id,
      known.map(({ settings }) => settings.id),
    );
  };
  const file = () => mount.identity.configFile ?? "";
  const changed = (id: OriginId, isChanged: boolean) => {
    const { report, settings } = find(id);
    const origin = configuredOriginJson(report, settings);
    return { changed: isChanged, file: file(), origin };
  };

  return [
    {
      method: "GET",
      path: "/v1/status",
      handle: withNothing(() =>
        statusJson(mount, { latestEvent: idOf(history.latest), nowMs: clock.wallMs() }),
      ),
    },
    {
      method: "GET",
      path: "/v1/origins",
      handle: withNothing(() => {
        const origins = mount.origins();
        return {
          status: overallStatus(origins.map(({ report }) => report)),
          file: mount.identity.configFile ?? null,
          origins: origins.map(({ report, settings }) => configuredOriginJson(report, settings)),
        };
      }),
    },
    {
      method: "POST",
      path: "/v1/origins",
      handle: withBody(addRequest, async ({ settings }) => {
        const { id } = settings;
        const isChanged = await mount.changeOrigins({ kind: "add", values: settings });
        return changed(String(id) as OriginId, isChanged);
      }),
    },
    {
      method: "PATCH",
      path: "/v1/origins/ID",
      handle: withBody(changeRequest, async ({ settings: values, unset }, { id }) => {
        find(id);
        return changed(id, await mount.changeOrigins({ kind: "set", id, values, unset }));
      }),
    },
    {
      method: "DELETE",
      path: "/v1/origins/ID",
      handle: withNothing(async ({ id }) => {
        find(id);
        const isChanged = await mount.changeOrigins({ kind: "remove", id });
        return { changed: isChanged, file: file(), id };
      }),
    },
    {
      method: "POST",
      path: "/v1/origins/ID/check",
      handle: withNothing(async ({ id }) => {
        find(id);
        await mount.check(id);
        return { origin: originJson(find(id).report) };
      }),
    },
    {
      method: "POST",
      path: "/v1/scan",
      handle: withBody(scanRequest, async (wish, { headers }) => {
        const origins = originsToScan(mount, wish.origins);
        const { allow_empty: allowEmpty, wait, full } = wish;
        const scan = async (onProgress: (progress: ScanProgressAnswer) => void) =>
          scanJson(
            await mount.scan({
              ...{ origins, allowEmpty, wait, full },
              onProgress: (sums) => onProgress(scanProgressJson(sums)),
            }),
          );
        if (headers.get("accept") !== NDJSON) return scan(() => undefined);
        return progressStream(scan, scanProgressJson(NO_SUMS), clock);
      }),
    },
    {
      method: "POST",
      path: "/v1/reload",
      handle: withNothing(async (): Promise<ReloadAnswer> => {
        const { file: read, changed: isChanged, needsRemount } = await mount.reload();
        const origins = mount.origins().length;
        return {
          ...{ file: read ?? null, changed: isChanged, origins },
          needs_remount: [...needsRemount],
        };
      }),
    },
    ...cacheEndpoints(mount, clock),
    {
      method: "GET",
      path: "/v1/events",
      handle({ query, body, headers }) {
        checkRequest(emptyRequest, body);
        const asked = checkRequest(eventsQuery, query);
        const after = serialOf(headers.get("last-event-id") ?? asked.after);
        const stream = eventStream(history, {
          after,
          types: asked.type && new Set(asked.type),
          follow: asked.follow,
          ...streamed(),
        });
        return new Response(stream, {
          headers: { "content-type": "text/event-stream", "cache-control": "no-store" },
        });
      },
    },
    {
      method: "GET",
      path: "/v1/live",
      handle: withNothing(() => {
        const stream = liveStream({ mount, history, reads: ports.reads, clock, ...streamed() });
        return new Response(stream, { headers: { "content-type": NDJSON } });
      }),
    },
    {
      method: "GET",
      path: "/metrics",
      handle: withNothing(async () => {
        const { text, type } = await metrics();
        return new Response(text, { headers: { "content-type": type } });
      }),
    },
  ];

  /** Counts a stream until it ends. */
  function streamed() {
    if (streams >= CONTROL_STREAMS) {
      throw new OwnError("busy", `${CONTROL_STREAMS} streams are read already`);
    }
    streams++;
    return { idOf, signal: ports.closing, onEnd: () => void streams-- };
  }

  /** What comes after an event of another run is everything. */
  function serialOf(after: string | undefined): number | undefined {
    if (after === undefined) return undefined;
    if (after === "latest") return history.latest;
    const [ofRun, serial] = after.split("-");
    return ofRun === run ? Number(serial) : undefined;
  }
}
