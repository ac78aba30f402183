/** What goes on under the live view: music is played over and over while the preferred origin comes and goes. */
import { once } from "node:events";
import { join } from "node:path";
import { readAtPace } from "./files.ts";
import type { MortalServer } from "./origin.ts";

/** Long enough to see it, short enough to wait for it. */
const UP_MS = 8000;
const DOWN_MS = 8000;
const PACE = { chunkBytes: 65_536, pauseMs: 40 };
/** After a file that could not be played. */
const NEXT_MS = 500;

export interface Scene {
  /** What the preferred origin lives by. */
  readonly server: Pick<MortalServer, "kill" | "restart">;
  readonly mountPoint: string;
  /** Paths below the mount point. */
  readonly files: readonly string[];
}

/** Goes on until it is disposed; then everything of it has ended, and the server runs. */
export function playScene({ server, mountPoint, files }: Scene): AsyncDisposable {
  const stop = new AbortController();
  const { signal } = stop;
  const paths = files.map((file) => join(mountPoint, file));
  const acts = Promise.allSettled([comeAndGo(server, signal), playFiles(paths, signal)]);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      for (const act of await acts) if (act.status === "rejected") throw act.reason;
    },
  };
}

async function comeAndGo(server: Scene["server"], signal: AbortSignal): Promise<void> {
  while (await waited(UP_MS, signal)) {
    await server.kill();
    await waited(DOWN_MS, signal);
    await server.restart();
  }
}

async function playFiles(paths: readonly string[], signal: AbortSignal): Promise<void> {
  for (let n = 0; !signal.aborted; n = (n + 1) % paths.length) {
    try {
      const path = paths[n] ?? "";
      await readAtPace(path, PACE, async () => signal.throwIfAborted());
      await forget(path);
    } catch (error) {
      const isOfFile = error instanceof Error && "errno" in error;
      if (!signal.aborted && !isOfFile) throw error;
      // A player goes on with the next one.
      await waited(NEXT_MS, signal);
    }
  }
}

/** The next time the file is played its bytes come from an origin again, and not from the kernel's memory. */
async function forget(path: string): Promise<void> {
  const advice = ["iflag=nocache", "count=0", "status=none", "of=/dev/null"];
  await Bun.spawn(["dd", `if=${path}`, ...advice], { stderr: "ignore" }).exited;
}

/** False when the scene ended meanwhile. */
async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  if (!signal.aborted) await Promise.race([Bun.sleep(ms), once(signal, "abort")]);
  return !signal.aborted;
}
