/**
 * Bugs put in on purpose, between two parts of the program and from outside of it, to see that the
 * simulator finds them. `npm run torture -- --bug NAME` searches for a seed.
 */

import type { CatalogReader, CatalogWriter } from "../../src/core/catalog/catalog.ts";
import type { Clock } from "../../src/core/clock.ts";
import { isOriginFailure, OriginError } from "../../src/core/errors.ts";
import type { EventBus } from "../../src/core/events.ts";
import { Router } from "../../src/core/federation/router.ts";
import type { KernelReplies } from "../../src/core/mount/kernel_replies.ts";
import type { Origin } from "../../src/core/origins/origin.ts";
import { type Around, WrappedOrigin } from "../../src/core/origins/wrappers/wrapped.ts";
import { replaced } from "../support/replaced.ts";
import type { SeededBug } from "./seeded_bug.ts";
import { SEEDED_CACHE_BUGS } from "./seeded_cache_bugs.ts";

const unchanged: Around = (_operation, signal, run) => run(signal);

type Read = Parameters<Origin["read"]>;

/** A clock whose timers of some durations take another time. */
function retimed(clock: Clock, durationMs: (askedMs: number) => number): Clock {
  return replaced(clock, {
    schedule: (delayMs, task) => clock.schedule(durationMs(delayMs), task),
  });
}

/** The third try is not made: the second failure counts as one that no retry helps. */
class ImpatientOrigin extends WrappedOrigin {
  readonly #failures = new Map<string, number>();

  constructor(inner: Origin) {
    super(inner, unchanged);
  }

  override async read(...[path, offsetBytes, into, options]: Read): Promise<number> {
    const key = `${path}:${offsetBytes}`;
    try {
      const read = await super.read(path, offsetBytes, into, options);
      this.#failures.delete(key);
      return read;
    } catch (error) {
      const failures = (this.#failures.get(key) ?? 0) + 1;
      this.#failures.set(key, failures);
      if (!isOriginFailure(error) || failures % 2 === 1) throw error;
      throw new OriginError("denied", this.id, path, "no more tries", { cause: error });
    }
  }
}

/** A listing that fails ends there, as if that were all. */
class OptimisticOrigin extends WrappedOrigin {
  constructor(inner: Origin) {
    super(inner, unchanged);
  }

  override async *list(...args: Parameters<Origin["list"]>) {
    try {
      yield* super.list(...args);
    } catch (error) {
      if (!isOriginFailure(error)) throw error;
    }
  }
}

/** Reads up to a file's end miss its last byte. */
class ShortsightedOrigin extends WrappedOrigin {
  constructor(inner: Origin) {
    super(inner, unchanged);
  }

  override async read(...[path, offsetBytes, into, options]: Read): Promise<number> {
    const read = await super.read(path, offsetBytes, into, options);
    const sizeBytes = options?.version?.sizeBytes ?? 0;
    if (read > 0 && offsetBytes + read === sizeBytes) into[read - 1] = 0;
    return read;
  }
}

/** Reads whatever is there now. */
class CarelessOrigin extends WrappedOrigin {
  constructor(inner: Origin) {
    super(inner, unchanged);
  }

  override read(...[path, offsetBytes, into, options]: Read): Promise<number> {
    const { version: _, ...others } = options ?? {};
    return super.read(path, offsetBytes, into, others);
  }
}

/** Goes on being checked when it is removed. */
class UndeadOrigin extends WrappedOrigin {
  constructor(
    inner: Origin,
    readonly clock: Clock,
  ) {
    super(inner, unchanged);
  }

  override async close(): Promise<void> {
    this.clock.schedule(1000, () => void this.inner.probe().catch(() => undefined));
  }
}

function wrongWayRound(router: Router): void {
  const { getPriority, compareTuple } = Router.prototype;
  router.getPriority = (id) => 255 - getPriority.call(router, id);
  router.compareTuple = (a, b) => compareTuple.call(router, b, a);
}

const hasEarlyDeath = (delayMs: number) => delayMs > 2000 && delayMs <= 30_000;

export const SEEDED_BUGS = {
  "a dropped retry": {
    breaks: ["delays of 100, 500, 2000 ms"],
    sabotage: { origin: (origin: Origin) => new ImpatientOrigin(origin) },
  },
  "a delay that is not the one": {
    breaks: ["delays of 100, 500, 2000 ms"],
    sabotage: { clock: (clock: Clock) => retimed(clock, (ms) => (ms === 500 ? 400 : ms)) },
  },
  "a replica that is not proved": {
    breaks: ["bytes of one version", "unproved pages go with their handle"],
    sabotage: {
      catalog: (catalog: CatalogReader) =>
        replaced(catalog, {
          replicas: (version) =>
            catalog.replicas(version).map((replica) => ({ ...replica, match: "proved" })),
        }),
    },
  },
  "a second replica forgotten": {
    breaks: ["a good replica serves"],
    sabotage: {
      catalog: (catalog: CatalogReader) =>
        replaced(catalog, { replicas: (version) => catalog.replicas(version).slice(0, 1) }),
    },
  },
  "a priority compared the wrong way round": {
    breaks: ["right origin first"],
    sabotage: { configured: ({ federation }) => wrongWayRound(federation.router) },
  },
  "a listing error taken for the end of a directory": {
    breaks: ["absence is not deletion"],
    sabotage: { origin: (origin: Origin) => new OptimisticOrigin(origin) },
  },
  "absence taken for deletion": {
    breaks: ["a sudden emptiness is held"],
    sabotage: {
      writer: (writer: CatalogWriter) =>
        replaced(writer, {
          finishScan: (origin, { complete }) =>
            writer.finishScan(origin, { complete, allowEmpty: true }),
        }),
    },
  },
  "a missing invalidation": {
    breaks: ["the tree is what origins hold", "every file can be read"],
    sabotage: {
      cache: (cache) =>
        replaced(cache, {
          invalidate: (changes) => cache.invalidate({ ...changes, names: [] }),
        }),
    },
  },
  "pages that stay": {
    breaks: ["unproved pages go with their handle"],
    sabotage: { cache: (cache) => replaced(cache, { dropPages: () => undefined }) },
  },
  "a leaked handle": {
    breaks: ["nothing leaks"],
    sabotage: {
      defer: (defer) => (deferred) => {
        if (deferred.kind !== "release") defer(deferred);
      },
    },
  },
  "an off-by-one at a file's end": {
    breaks: ["bytes of one version"],
    sabotage: { origin: (origin: Origin) => new ShortsightedOrigin(origin) },
  },
  "a read of whatever is there": {
    breaks: ["bytes of one version"],
    sabotage: { origin: (origin: Origin) => new CarelessOrigin(origin) },
  },
  "a read past its deadline": {
    breaks: ["answered in time"],
    sabotage: {
      clock: (clock: Clock) => retimed(clock, (ms) => (hasEarlyDeath(ms) ? ms * 2 : ms)),
    },
  },
  "a short answer": {
    breaks: ["whole reads", "well-formed"],
    sabotage: {
      reply:
        (reply: KernelReplies): KernelReplies =>
        (memory, lengthBytes) =>
          reply(memory, lengthBytes > 1000 ? lengthBytes - 1 : lengthBytes),
    },
  },
  "a removed origin that is still asked": {
    breaks: ["no request after removal", "nothing leaks"],
    sabotage: { origin: (origin: Origin, clock: Clock) => new UndeadOrigin(origin, clock) },
  },
  "an event told twice": {
    breaks: ["all_origins_unhealthy once"],
    sabotage: {
      events: (events: EventBus) => {
        const emit = events.emit.bind(events);
        events.emit = (event) => {
          emit(event);
          if (event.type === "all_origins_unhealthy") emit(event);
        };
      },
    },
  },
  ...SEEDED_CACHE_BUGS,
} as const satisfies Record<string, SeededBug>;

export type BugName = keyof typeof SEEDED_BUGS;

export function bugNamed(name: string): SeededBug | undefined {
  return Object.hasOwn(SEEDED_BUGS, name) ? SEEDED_BUGS[name as BugName] : undefined;
}
