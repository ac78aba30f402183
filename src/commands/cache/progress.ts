/** How far work on the cache has come, on a terminal. */

import { shownBytes } from "../../core/quantities.ts";
import type { CommandContext } from "../context.ts";
import { showProgress } from "../output.ts";

/** Runs the work and shows its progress, where somebody looks; the line is gone when it ends. */
export async function byteProgress<T>(
  { json }: CommandContext,
  work: (onBytes: (doneBytes: number, totalBytes: number) => void) => Promise<T>,
): Promise<T> {
  if (json || process.stderr.isTTY !== true) return await work(() => undefined);
  try {
    return await work((done, total) => {
      const part = total === 0 ? 100 : Math.floor((100 * done) / total);
      showProgress(`${part} % (${shownBytes(done)} of ${shownBytes(total)})`);
    });
  } finally {
    showProgress("");
  }
}
