/** `musicfs events`: what happened in a running mount, and what happens. */

import type { Command } from "commander";
import { displayText } from "../core/bytes.ts";
import { EVENT_TYPES, type EventAnswer } from "../core/control/event_json.ts";
import { OwnError } from "../core/errors.ts";
import { chosenMount } from "./chosen_mount.ts";
import { action, contextOf } from "./context.ts";
import { print, printJson, remark } from "./output.ts";

interface EventsFlags {
  readonly follow?: true;
  readonly type?: string;
  readonly since?: string;
}

const HELP = `
A mount keeps its latest 1024 events of files and 1024 of everything else. With --json each event is an
object on a line of its own; where some are gone that should have been among them, {"type": "missed"}.

Types: ${EVENT_TYPES.join(", ")}.

Examples:
  musicfs events --follow
  musicfs events --type failover,file_unavailable --json | jq -r .path
  musicfs events --since latest --follow --json`;

export function setUp(command: Command): void {
  command
    .argument("[mountpoint]", "the mount to ask (default: the configured or only one)")
    .option("-f, --follow", "go on with what happens")
    .option("--type <TYPE,...>", "only events of these types")
    .option("--since <ID>", 'only what came after the event of this id; "latest": only new ones')
    .addHelpText("after", HELP)
    .action(
      action(async (mountPoint: string | undefined, given: EventsFlags) => {
        const context = contextOf(command);
        const types = typesOf(given.type);
        using mount = await chosenMount(context, mountPoint);
        const { since: after, follow = false } = given;
        const shown = context.json ? printJson : printLine;
        for await (const event of mount.client.events({ after, types, follow })) {
          if (event === "missed" && !context.json) remark("musicfs: some events were missed");
          else if (!shown(event === "missed" ? { type: event } : event)) break;
        }
        return undefined;
      }),
    );
}

function typesOf(text: string | undefined): readonly string[] | undefined {
  const types = text?.split(",");
  const unknown = types?.find((type) => !EVENT_TYPES.includes(type));
  if (unknown === undefined) return types;
  throw new OwnError(
    "usage",
    `--type: there are no events "${unknown}"; see musicfs events --help`,
  );
}

/** `12:00:01 failover from=a to=b path="a b.flac"`. */
function printLine(event: object): boolean {
  const { id: _, time, type, ...fields } = event as EventAnswer;
  const clock = new Date(time).toTimeString().slice(0, "12:00:00".length);
  const details = Object.entries(fields).map(([key, value]) => ` ${key}=${shownValue(value)}`);
  return print(`${clock} ${type}${details.join("")}`);
}

function shownValue(value: unknown): string {
  const text = displayText(typeof value === "string" ? value : JSON.stringify(value));
  return /^[^\s"=]+$/.test(text) ? text : `"${text}"`;
}
