/** An event in one line for people. */

import { displayText } from "../core/bytes.ts";
import type { EventAnswer } from "../core/control/event_json.ts";
import { shownBytes } from "../core/quantities.ts";
import type { Mark } from "./status_mark.ts";

export interface EventLine {
  readonly text: string;
  readonly colour: Mark["colour"] | undefined;
}

const HEALTH_COLOURS: Readonly<Record<string, Mark["colour"]>> = {
  healthy: "green",
  degraded: "yellow",
  unhealthy: "red",
};

/** Events of types that this program does not know are shown with what they bring. */
export function eventLine(event: EventAnswer): EventLine {
  const field = (name: string) => displayText(String(event[name] ?? ""));
  const because = event["reason"] === undefined ? "" : `: ${reasonOf(event)}`;
  const line = (text: string, colour?: Mark["colour"]): EventLine => ({ text, colour });
  switch (event.type) {
    case "origin_added":
      return line(`${field("origin")} was added`);
    case "origin_removed":
      return line(`${field("origin")} was removed`);
    case "health_changed":
      return line(`${field("origin")} is ${field("to")}${because}`, HEALTH_COLOURS[field("to")]);
    case "failover":
      return line(`${field("from")} ⤳ ${field("to")}  ${field("path")}`, "yellow");
    case "all_origins_unhealthy":
      return line("all origins are unhealthy", "red");
    case "recovered":
      return line(`${field("origin")} has recovered`, "green");
    case "file_unavailable":
      return line(`no origin can serve ${field("path")}${because}`, "red");
    case "replica_mismatch":
      return line(`replicas of ${field("path")} differ`, "yellow");
    case "kind_conflict":
      return line(`a file and a directory are both called ${field("path")}`, "yellow");
    case "file_added":
      return line(`+ ${field("path")}`);
    case "file_modified":
      return line(`~ ${field("path")}`);
    case "file_removed":
      return line(`- ${field("path")}`);
    case "origin_watched":
      return line(`${field("origin")} is watched`);
    case "scan_started":
      return line(`${field("origin")} is being scanned`);
    case "scan_finished": {
      const outcome = field("outcome");
      const isFine = outcome === "complete" || outcome === "cancelled";
      return line(
        `${field("origin")} scanned: ${outcome}${because}`,
        isFine ? undefined : "yellow",
      );
    }
    case "sync_started":
      return line(`${field("files")} cached files are being synced`);
    case "sync_finished": {
      const { fetched, bytes } = event;
      const share = `fetched ${shownBytes(Number(fetched))} of ${shownBytes(Number(bytes))}`;
      return line(`${field("files")} cached files synced: ${share}`);
    }
    default: {
      const { id: _, time: __, type, ...rest } = event;
      return line(`${displayText(type)} ${displayText(JSON.stringify(rest))}`);
    }
  }
}

/** Why it happened; messages of an origin begin with its id, which the line has named already. */
function reasonOf(event: EventAnswer): string {
  const reason = displayText(String(event["reason"]));
  const origin = displayText(String(event["origin"] ?? ""));
  const prefix = [`origin ${origin}: `, `${origin}: `].find((each) => reason.startsWith(each));
  return reason.slice(prefix?.length ?? 0);
}
