/**
 * The federation's read, with a second look. When a read fails because a replica is not what the
 * catalog says, the catalog is brought up to date and the read goes once more: the file may be the
 * same but for its attributes, which a seam check tells.
 */

import type { Clock } from "../clock.ts";
import { MusicFsError } from "../errors.ts";
import type { Federation } from "../federation/federation.ts";
import type { FederatedFile, FetchBytes } from "../federation/file.ts";
import type { ReplicaRefresh } from "./replica_refresh.ts";

export interface RefreshingReadPorts {
  readonly clock: Clock;
  readonly federation: Federation;
  readonly refresh: ReplicaRefresh;
  /** For both reads and the look between them. */
  readonly readDeadlineMs: number;
}

export function refreshingRead(ports: RefreshingReadPorts): FetchBytes {
  const { clock, federation } = ports;
  return async (file, offsetBytes, lengthBytes, options) => {
    const { signal, deadlineMs: limitMs = ports.readDeadlineMs, background = false } = options;
    const endMs = clock.monotonicMs() + Math.min(limitMs, ports.readDeadlineMs);
    const remainingMs = () => endMs - clock.monotonicMs();
    try {
      return await federation.fetch(file, offsetBytes, lengthBytes, options);
    } catch (error) {
      // Whoever comes to need the bytes will look.
      if (background || !isStale(error)) throw error;
      const learned = await within(clock, remainingMs(), signal, () =>
        refreshReplicas(ports, file),
      );
      const deadlineMs = remainingMs();
      if (learned !== true || deadlineMs <= 0) throw error;
      return await federation.fetch(file, offsetBytes, lengthBytes, { signal, deadlineMs });
    }
  };
}

/** What `work` comes to; undefined when it takes longer than `limitMs` or the signal aborts. */
async function within<T>(
  clock: Clock,
  limitMs: number,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T | undefined> {
  if (limitMs <= 0 || signal.aborted) return undefined;
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = () => resolve(undefined);
  using _timer = clock.schedule(limitMs, end);
  signal.addEventListener("abort", end, { once: true });
  try {
    return await Promise.race([work(), promise]);
  } finally {
    signal.removeEventListener("abort", end);
  }
}

/** True when the catalog learned something. */
async function refreshReplicas(
  { federation, refresh }: RefreshingReadPorts,
  file: FederatedFile,
): Promise<boolean> {
  const { registry, health } = federation;
  const looks = file.replicas().map(async (replica) => {
    const origin = registry.get(replica.origin);
    if (origin === undefined || health.status(origin.id) === "unhealthy") return false;
    return (await refresh.refresh(origin, replica)) === "changed";
  });
  return (await Promise.all(looks)).includes(true);
}

/** Whether somewhere in the chain of causes a file was not what it should have been. */
function isStale(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (!(at instanceof MusicFsError)) continue;
    if (at.code === "version_changed" || at.code === "not_found" || at.code === "short_read") {
      return true;
    }
  }
  return false;
}
