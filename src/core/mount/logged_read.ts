/** A read that was answered, as the live view shows it. */

import type { ReadMark } from "../control/live.ts";
import type { LoggedRead } from "../control/read_log.ts";
import type { FederatedFile, ServedRead } from "../federation/file.ts";

export function loggedRead(
  { path }: FederatedFile,
  served: ServedRead | undefined,
  ended: { readonly timeMs: number; readonly latencyMs: number },
): LoggedRead {
  if (served === undefined)
    return { path, origin: undefined, bytes: 0, ...ended, marks: ["error"] };
  const { origin, bytesRead: bytes } = served;
  return { path, origin, bytes, ...ended, marks: marksOf(served) };
}

function marksOf(served: ServedRead): readonly ReadMark[] {
  const { failures, failedOver, hedged, originBytes, proved } = served;
  const marks: ReadMark[] = [];
  if (originBytes === 0) marks.push("cache");
  if (hedged) marks.push("hedge");
  if (failures > 0) marks.push("retry");
  if (failedOver !== undefined) marks.push("failover");
  if (!proved) marks.push("probable");
  return marks;
}
