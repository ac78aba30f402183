/** A read that was answered, as the live view shows it. */

import type { ReadMark } from "../control/live.ts";
import type { LoggedRead } from "../control/read_log.ts";
import type { FederatedFile, ReadOutcome } from "../federation/file.ts";

export function loggedRead(
  { path }: FederatedFile,
  outcome: ReadOutcome,
  ended: { readonly timeMs: number; readonly latencyMs: number },
): LoggedRead {
  const { origin, bytesRead: bytes } = outcome;
  return { path, origin, bytes, ...ended, marks: marksOf(outcome) };
}

function marksOf({ failures, failedOver, proved }: ReadOutcome): readonly ReadMark[] {
  const marks: ReadMark[] = [];
  if (failures > 0) marks.push("retry");
  if (failedOver !== undefined) marks.push("failover");
  if (!proved) marks.push("probable");
  return marks;
}
