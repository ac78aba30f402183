/** `POST /v1/scan`: what is asked for, and a scan's progress as lines of JSON. */

import type { Clock } from "../clock.ts";
import { noSuchOrigin } from "../config/find.ts";
import { MusicFsError, messageOf, OwnError } from "../errors.ts";
import { CONTROL_HEARTBEAT_MS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import type { ScanSummary } from "../sync/scan_origins.ts";
import type { ScanLine } from "./answers.ts";
import type { ControlledMount } from "./controlled_mount.ts";
import { scanJson } from "./scan_json.ts";

/** Progress is told this often at most. */
const PROGRESS_INTERVAL_MS = 100;

/** The origins to scan; throws `usage` for one that is not there or disabled. */
export function originsToScan(
  mount: ControlledMount,
  wanted: readonly OriginId[] | undefined,
): readonly OriginId[] {
  const known = mount.origins().map(({ settings }) => settings);
  const enabled = known.filter((settings) => settings.enabled).map(({ id }) => id);
  if (wanted === undefined) return enabled;
  const all = known.map(({ id }) => id);
  for (const id of wanted) if (!all.includes(id)) throw noSuchOrigin(id, all);
  const disabled = wanted.filter((id) => !enabled.includes(id));
  if (disabled.length === 0) return wanted;
  throw new OwnError("usage", `disabled: ${disabled.join(", ")}; see musicfs origins enable`);
}

/**
 * Runs a scan and tells of it: progress as it comes, at least one line every CONTROL_HEARTBEAT_MS,
 * and at the end the result or the error. Whoever stops reading does not stop the scan.
 */
export function scanStream(
  run: (onProgress: (files: number, directories: number) => void) => Promise<ScanSummary>,
  clock: Clock,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let progress: ScanLine = { kind: "progress", files: 0, directories: 0 };
  let end: ScanLine | undefined;
  let news = Promise.withResolvers<void>();
  let toldMs = Number.NEGATIVE_INFINITY;
  const scan = run((files, directories) => {
    progress = { kind: "progress", files, directories };
    if (clock.monotonicMs() - toldMs >= PROGRESS_INTERVAL_MS) news.resolve();
  });
  const finish = (line: ScanLine) => {
    end = line;
    news.resolve();
  };
  scan.then(
    (summary) => finish({ kind: "result", result: scanJson(summary) }),
    (error: unknown) => finish({ kind: "error", error: errorData(error) }),
  );
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (end === undefined) {
        using _heartbeat = clock.schedule(CONTROL_HEARTBEAT_MS, () => news.resolve());
        await news.promise;
        news = Promise.withResolvers();
        toldMs = clock.monotonicMs();
      }
      controller.enqueue(encoder.encode(`${JSON.stringify(end ?? progress)}\n`));
      if (end !== undefined) controller.close();
    },
  });
}

function errorData(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof MusicFsError ? error.code : "internal";
  return { code, message: messageOf(error) };
}
