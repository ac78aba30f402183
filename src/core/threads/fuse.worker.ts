/**
 * The FUSE thread: reads requests, answers what needs no waiting, defers the rest. It never returns
 * to its event loop until the mount is gone, so nothing can be posted to it after the start.
 */

import { SqliteCatalogReader } from "../catalog/reader.ts";
import type { PassthroughMode } from "../config/config.ts";
import { messageOf } from "../errors.ts";
import { backingClose, backingOpen } from "../fuse/device.ts";
import { type Negotiated, NO_REPLY, REQUEST_BYTES, type Session } from "../fuse/session.ts";
import { EAGAIN, EINTR, ENODEV, ENOENT, errnoName } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { pageSizeBytes } from "../sys/page_size.ts";
import type { Ownership } from "../vfs/attributes.ts";
import type { Defer, Deferred } from "../vfs/deferred.ts";
import { Passthrough } from "../vfs/passthrough.ts";
import { fuseSession } from "./fuse_session.ts";
import { type SharedBuffers, SharedState } from "./shared_state.ts";
import { workerChannel } from "./worker_scope.ts";

export interface FuseStart {
  readonly shared: SharedBuffers;
  readonly fuseFd: number;
  readonly catalogFile: string;
  /** Page cache of the thread's connection to the catalog, in KiB. */
  readonly catalogCacheKib: number;
  readonly owner: Ownership;
  /** What the kernel may read by itself. */
  readonly passthrough: PassthroughMode;
}

export type FuseMessage =
  | { readonly kind: "ready"; readonly negotiated: Negotiated }
  | { readonly kind: "deferred"; readonly deferred: Deferred }
  | { readonly kind: "fault"; readonly message: string }
  /** The mount is gone; without `failure` because it was unmounted. */
  | { readonly kind: "ended"; readonly failure?: string };

const channel = workerChannel<FuseStart, FuseMessage>();

channel.onMessage((start) => {
  const { catalogFile, catalogCacheKib: cacheKib } = start;
  const catalog = new SqliteCatalogReader(catalogFile, { cacheKib, remembers: false });
  try {
    channel.post({ kind: "ended", ...serve(start, catalog) });
  } catch (error) {
    channel.post({ kind: "ended", failure: messageOf(error) });
  } finally {
    catalog.close();
  }
});

/** Serves requests until the device says that there will be none. */
function serve(start: FuseStart, catalog: SqliteCatalogReader): { readonly failure?: string } {
  const sys = libc();
  const request = new Memory(REQUEST_BYTES);
  const session = openSession(start, catalog);
  let announced = false;
  for (;;) {
    const length = sys.read(start.fuseFd, request.address, request.sizeBytes);
    if (length < 0) {
      // ENOENT: the request was given up before it was read.
      if (length === -EINTR || length === -EAGAIN || length === -ENOENT) continue;
      return length === -ENODEV ? {} : { failure: `reading requests: ${errnoName(length)}` };
    }
    const reply = session.handle(request.bytes, length);
    // A request whose caller is gone answers ENOENT to the write, a vanished mount ENODEV: the
    // next read tells.
    if (reply > NO_REPLY) sys.write(start.fuseFd, session.reply.address, reply);
    if (!announced && session.negotiated !== undefined) {
      announced = true;
      channel.post({ kind: "ready", negotiated: session.negotiated });
    }
  }
}

function openSession(start: FuseStart, catalog: SqliteCatalogReader): Session {
  const state = new SharedState(start.shared);
  const { handles } = state;
  const backing = {
    open: (fd: number) => backingOpen(start.fuseFd, fd),
    close: (backingId: number) => void backingClose(start.fuseFd, backingId),
  };
  const passthrough =
    start.passthrough !== "off" ? new Passthrough(backing, (fh) => handles.isOpen(fh)) : undefined;
  const defer: Defer = (deferred) => channel.post({ kind: "deferred", deferred });
  const { owner } = start;
  const syscalls = libc();
  const tell = (message: Memory, lengthBytes: number) =>
    syscalls.write(start.fuseFd, message.address, lengthBytes);
  return fuseSession(
    {
      ...{ state, catalog, syscalls, owner, defer, passthrough, tell },
      passLocal: start.passthrough === "all",
    },
    {
      pageSizeBytes: pageSizeBytes(),
      onError: (error) => channel.post({ kind: "fault", message: messageOf(error) }),
    },
  );
}
