/**
 * The root directories of local origins, held open for the FUSE thread and the reader threads, which
 * open files below them. A path may come to lead elsewhere (a disk mounted anew): `refresh` looks.
 */

import { type FileHandle, open } from "node:fs/promises";
import type { Clock } from "../clock.ts";
import type { OriginId } from "../origins/origin.ts";
import { arch, O_CLOEXEC, O_PATH } from "../sys/arch.ts";
import type { RoutingTable } from "../vfs/routing_table.ts";

/** A thread may be about to use a descriptor that was just replaced. */
const CLOSE_DELAY_MS = 10_000;

interface Root {
  readonly handle: FileHandle;
  readonly identity: string;
}

export class LocalRoots {
  readonly #paths = new Map<OriginId, string>();
  readonly #roots = new Map<OriginId, Root>();
  readonly #closing = new Set<FileHandle>();

  constructor(
    readonly routing: RoutingTable,
    readonly clock: Clock,
  ) {}

  /** Opens the root of an origin, unless it is away. */
  async add(origin: OriginId, path: string): Promise<void> {
    this.#paths.set(origin, path);
    await this.refresh(origin);
  }

  /** Publishes the directory that the origin's path leads to now; none when it leads nowhere. */
  async refresh(origin: OriginId): Promise<void> {
    const path = this.#paths.get(origin);
    if (path === undefined) return;
    const root = await openRoot(path);
    const known = this.#roots.get(origin);
    if (this.#paths.get(origin) !== path || root?.identity === known?.identity) {
      await root?.handle.close();
      return;
    }
    if (root === undefined) this.#roots.delete(origin);
    else this.#roots.set(origin, root);
    this.#publish(origin);
    if (known !== undefined) this.#closeLater(known.handle);
  }

  remove(origin: OriginId): void {
    this.#paths.delete(origin);
    const known = this.#roots.get(origin);
    this.#roots.delete(origin);
    this.#publish(origin);
    if (known !== undefined) this.#closeLater(known.handle);
  }

  /** Closes everything; the threads have ended. */
  async close(): Promise<void> {
    const handles = [...this.#closing, ...[...this.#roots.values()].map(({ handle }) => handle)];
    this.#paths.clear();
    this.#roots.clear();
    this.#closing.clear();
    await Promise.all(handles.map((handle) => handle.close()));
  }

  #publish(origin: OriginId): void {
    const index = this.routing.indexOf(origin);
    if (index >= 0) this.routing.setRootFd(index, this.#roots.get(origin)?.handle.fd ?? -1);
  }

  #closeLater(handle: FileHandle): void {
    this.#closing.add(handle);
    this.clock.schedule(CLOSE_DELAY_MS, () => {
      if (this.#closing.delete(handle)) void handle.close();
    });
  }
}

async function openRoot(path: string): Promise<Root | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, O_PATH | arch.O_DIRECTORY | O_CLOEXEC);
  } catch {
    // The origin's own probe says why; here it only means that there is nothing to open.
    return undefined;
  }
  const { dev, ino } = await handle.stat({ bigint: true });
  return { handle, identity: `${dev}:${ino}` };
}
