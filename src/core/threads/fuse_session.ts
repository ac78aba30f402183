/**
 * The FUSE thread's session: the mounted tree put together from the catalog and the shared tables.
 * It answers what needs no waiting and defers the rest.
 */

import type { CatalogReader } from "../catalog/catalog.ts";
import { Session, type SessionOptions } from "../fuse/session.ts";
import type { Syscalls } from "../sys/libc.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Defer } from "../vfs/deferred.ts";
import { MountFileSystem } from "../vfs/file_system.ts";
import { OpenFiles } from "../vfs/open_files.ts";
import type { Passthrough } from "../vfs/passthrough.ts";
import type { Tell } from "../vfs/stored_files.ts";
import { QueuedReaders } from "./queued_readers.ts";
import type { SharedState } from "./shared_state.ts";

export interface FuseSessionPorts {
  readonly state: SharedState;
  readonly catalog: CatalogReader;
  readonly syscalls: Syscalls;
  readonly owner: Ownership;
  readonly defer: Defer;
  /** Absent: nothing is passed through, ever. */
  readonly passthrough?: Passthrough | undefined;
  /** As in `OpenFilesPorts`. */
  readonly passLocal?: boolean;
  readonly tell?: Tell;
}

/** Requests are counted in the shared table. */
export function fuseSession(
  {
    state,
    catalog,
    syscalls,
    owner,
    defer,
    passthrough,
    passLocal = false,
    tell,
  }: FuseSessionPorts,
  options: Omit<SessionOptions, "counts" | "passthrough">,
): Session {
  const { handles, routing, seams, seen, served, jobs, requests } = state;
  const readers = new QueuedReaders(jobs);
  const tables = { catalog, routing, handles, seams, served };
  const files = new OpenFiles({
    ...{ ...tables, readers, defer, syscalls, passLocal },
    ...(passthrough === undefined ? {} : { passthrough }),
    ...(tell === undefined ? {} : { tell }),
  });
  return new Session(
    new MountFileSystem({ catalog, handles, files, seen, owner, defer, mustAnswer: false }),
    { ...options, passthrough: passthrough !== undefined, counts: requests },
  );
}
