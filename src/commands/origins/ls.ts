/** `musicfs origins ls`. */

import type { Command } from "commander";
import { displayPath } from "../../core/bytes.ts";
import type { OriginSettings } from "../../core/config/config.ts";
import { loadConfig } from "../../core/config/load.ts";
import { mountOfCache } from "../../core/control/find_mount.ts";
import { action, contextOf } from "../context.ts";
import { keptUsage } from "../kept_usage.ts";
import { configuredJson } from "../origin_json.ts";
import { print, printJson } from "../output.ts";
import { hasColours, table } from "../table.ts";

const HELP = `
Nobody looks at the origins: see musicfs health. With --json and a running mount their health is what the
mount knows of it.

Example:
  musicfs origins ls --json | jq -r '.origins[] | select(.enabled) | .id'`;

export function setUp(command: Command): void {
  command.addHelpText("after", HELP).action(
    action(async () => {
      const { around, flags, json } = contextOf(command);
      const { config, file } = await loadConfig(flags, around);
      const { origins } = config;
      if (json) {
        using mount = await mountOfCache(config.cacheDir, around);
        const known = (await mount?.client.origins())?.origins ?? [];
        const usage = await keptUsage(config);
        const listed = origins.map((origin) => {
          const found = known.find(({ id }) => id === origin.id);
          const configured = configuredJson(origin, config, usage(origin.id, origin.originType));
          const { type, priority, enabled, settings } = configured;
          // The file says how it is to be, the mount how it is.
          return { ...configured, ...found, type, priority, enabled, settings };
        });
        printJson({ file: file ?? null, origins: listed });
      } else if (origins.length === 0) {
        print("no origin is configured; add one with: musicfs origins add");
      } else print(table(HEADER, origins.map(row), hasColours(around.env)));
      return undefined;
    }),
  );
}

const HEADER = ["ORIGIN", "TYPE", "PRIORITY", "ENABLED", "PREFIX", "WHERE"];

function row(origin: OriginSettings) {
  return [
    origin.id,
    origin.originType,
    { text: String(origin.priority), right: true },
    origin.enabled ? "yes" : "no",
    `/${displayPath(origin.prefix)}`,
    whereOf(origin),
  ];
}

/** Where an origin's files are, in one word. */
function whereOf(origin: OriginSettings): string {
  switch (origin.originType) {
    case "local":
    case "nfs":
    case "smb":
      return origin.path;
    case "s3":
      return `s3://${origin.bucket}/${origin.path}${origin.endpoint === undefined ? "" : ` at ${origin.endpoint}`}`;
    case "sftp": {
      const user = origin.user === undefined ? "" : `${origin.user}@`;
      const port = origin.port === undefined ? "" : `:${origin.port}`;
      return `sftp://${user}${origin.host}${port}${sftpPath(origin.path)}`;
    }
  }
}

/** As URLs have it: what begins at the login directory is below `~`, which is that directory. */
function sftpPath(path: string): string {
  if (path.startsWith("/")) return path;
  const below = path.replace(/^~(?:\/+|$)/, "");
  return below === "" || below === "." ? "/~" : `/~/${below}`;
}
