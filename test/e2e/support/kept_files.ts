/** What a mount leaves in its user's home when it ends, to make the next one fast (docs/on-disk.md). */

import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Workspace } from "./musicfs.ts";

const KEPT: readonly RegExp[] = [
  /^catalog\.db(\.good|\.lock)?$/,
  /^(mount|content|scan-[a-z0-9]+)\.lock$/,
  /^content\/index\.db$/,
  /^content\/data-[^/]+\/[0-9a-f]+\/\d+$/,
  // Of daemons.
  /^musicfs\.log$/,
];

/** The cache directory, or that of one of several mounts. */
const CACHE = /^cache\/musicfs\/(?:mounts\/[0-9a-f]+\/)?/;

/** Everything else below the home: temporary files, sockets, logs of databases. */
export function leftInHome(workspace: Workspace): readonly string[] {
  const home = workspace.path("home");
  const entries = readdirSync(home, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(home.length + 1))
    .filter((file) => {
      const inCache = file.replace(CACHE, "");
      return inCache === file || !KEPT.some((kept) => kept.test(inCache));
    });
}
