/** Work that takes a while, told of as lines of JSON: how far it has come, and how it ended. */

import type { Clock } from "../clock.ts";
import { MusicFsError, messageOf } from "../errors.ts";
import { CONTROL_HEARTBEAT_MS } from "../limits.ts";
import { NDJSON } from "./answers.ts";

/** Progress is told this often at most. */
const PROGRESS_INTERVAL_MS = 100;

/**
 * Runs the work and tells of it: `{"kind": "progress", …}` with the latest progress as it comes, at
 * least one line every CONTROL_HEARTBEAT_MS, and at the end `{"kind": "result", "result": …}` or
 * `{"kind": "error", "error": …}`. Whoever stops reading does not stop the work.
 */
export function progressStream<Progress extends object>(
  run: (onProgress: (progress: Progress) => void) => Promise<object>,
  first: Progress,
  clock: Clock,
): Response {
  const encoder = new TextEncoder();
  let progress = first;
  let end: object | undefined;
  let news = Promise.withResolvers<void>();
  let toldMs = Number.NEGATIVE_INFINITY;
  const work = run((latest) => {
    progress = latest;
    if (clock.monotonicMs() - toldMs >= PROGRESS_INTERVAL_MS) news.resolve();
  });
  const finish = (line: object) => {
    end = line;
    news.resolve();
  };
  work.then(
    (result) => finish({ kind: "result", result }),
    (error: unknown) => finish({ kind: "error", error: errorData(error) }),
  );
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (end === undefined) {
        using _heartbeat = clock.schedule(CONTROL_HEARTBEAT_MS, () => news.resolve());
        await news.promise;
        news = Promise.withResolvers();
        toldMs = clock.monotonicMs();
      }
      const line = end ?? { kind: "progress", ...progress };
      controller.enqueue(encoder.encode(`${JSON.stringify(line)}\n`));
      if (end !== undefined) controller.close();
    },
  });
  return new Response(stream, { headers: { "content-type": NDJSON } });
}

function errorData(error: unknown): { readonly code: string; readonly message: string } {
  const code = error instanceof MusicFsError ? error.code : "internal";
  return { code, message: messageOf(error) };
}
