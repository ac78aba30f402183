/** The shared memory of a program's life, whose largest parts are taken over from the one before. */

import { SharedState } from "../../src/core/threads/shared_state.ts";

let spare: SharedState | undefined;

/** As new; the one before must not be in use any more. */
export function freshState(): SharedState {
  if (spare === undefined) {
    spare = new SharedState();
    return spare;
  }
  const { handles, seams, seen, jobs } = spare.buffers;
  // The queue of the reader threads is never used here.
  for (const used of [handles, seams, seen]) new Uint8Array(used).fill(0);
  spare = new SharedState({ handles, seams, jobs });
  return spare;
}
