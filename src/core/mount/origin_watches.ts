/**
 * Follows the origins that tell of their changes: what changed is gathered for WATCH_DEBOUNCE_MS
 * (S-3) and listed again; what could not be listed is tried again, since nobody tells of it twice. An
 * origin whose watch ended is polled like any other until a new watch stands.
 */

import type { BytePath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { isOriginFailure, MusicFsError, messageOf, OriginError } from "../errors.ts";
import { WATCH_DEBOUNCE_MS, WATCH_MAX_DIRECTORIES } from "../limits.ts";
import type { Origin, OriginId, WatchState } from "../origins/origin.ts";

/** Before a watch that ended is set up again, and what could not be listed is listed again. */
const RETRY_MS = 60_000;

export interface OriginWatchesPorts {
  readonly clock: Clock;
  /** Keeps the watch until the origin is removed. */
  readonly hold: (origin: Origin, watch: Disposable) => void;
  /** Lists one directory again; rejects when that fails. */
  readonly list: (origin: OriginId, directory: BytePath, signal: AbortSignal) => Promise<void>;
  /** Looks at the whole origin again, soon. */
  readonly rescan: (origin: OriginId) => void;
  /** False for a directory that is left out of the tree, with all that is in it. */
  readonly isShown: (origin: OriginId, directory: BytePath) => boolean;
  /** The watch stands; a look at the whole origin follows. */
  readonly onWatching: (origin: OriginId) => void;
  readonly onWarning: (message: string) => void;
}

export class OriginWatches {
  readonly #watched = new Map<OriginId, WatchedOrigin>();

  constructor(readonly ports: OriginWatchesPorts) {}

  /** Watches the origin, if it can be, until it is removed. */
  add(origin: Origin): void {
    const { watch } = origin;
    if (watch === undefined) return;
    const watched = new WatchedOrigin(origin, watch.bind(origin), this.ports);
    this.#watched.set(origin.id, watched);
    this.ports.hold(origin, {
      [Symbol.dispose]: () => {
        watched[Symbol.dispose]();
        if (this.#watched.get(origin.id) === watched) this.#watched.delete(origin.id);
      },
    });
  }

  /** True while the origin tells of every change by itself. */
  isWatched(origin: OriginId): boolean {
    return this.#watched.get(origin)?.watching ?? false;
  }

  /** The origin answers again: a watch that ended may be set up now. */
  recovered(origin: OriginId): void {
    this.#watched.get(origin)?.retry();
  }
}

class WatchedOrigin implements Disposable {
  watching = false;
  readonly #abort = new AbortController();
  /** Undefined: anything may have changed. */
  #changed: Set<BytePath> | undefined = new Set();
  #timer: Disposable | undefined;
  #retry: Disposable | undefined;
  /** Directories that changed and could not be listed. */
  readonly #missed = new Set<BytePath>();
  #lookAgain: Disposable | undefined;
  #watch: Disposable | undefined;
  /** Why there is no watch; said once. */
  #lostFor: string | undefined;

  constructor(
    readonly origin: Origin,
    readonly begin: NonNullable<Origin["watch"]>,
    readonly ports: OriginWatchesPorts,
  ) {
    this.#begin();
  }

  retry(): void {
    if (this.#retry === undefined) return;
    this.#retry[Symbol.dispose]();
    this.#begin();
  }

  [Symbol.dispose](): void {
    this.#abort.abort("the origin was removed");
    this.#timer?.[Symbol.dispose]();
    this.#retry?.[Symbol.dispose]();
    this.#lookAgain?.[Symbol.dispose]();
    this.#watch?.[Symbol.dispose]();
  }

  #begin(): void {
    this.#retry = undefined;
    this.#watch?.[Symbol.dispose]();
    this.#watch = this.begin(
      (directory) => this.#take(directory),
      (state) => this.#become(state),
    );
  }

  #become(state: WatchState): void {
    const { ports, origin } = this;
    this.watching = state.watching;
    if (state.watching) ports.onWatching(origin.id);
    // What happened while nobody watched is only seen by looking.
    ports.rescan(origin.id);
    if (state.watching) {
      this.#lostFor = undefined;
      return;
    }
    const { reason, forGood } = state;
    if (reason !== this.#lostFor) {
      ports.onWarning(`origin ${origin.id} is polled, since it cannot be watched: ${reason}`);
    }
    this.#lostFor = reason;
    if (!forGood) this.#retry = ports.clock.schedule(RETRY_MS, () => this.#begin());
  }

  #take(directory: BytePath | undefined): void {
    const { ports, origin } = this;
    if (directory === undefined) this.#changed = undefined;
    else if (ports.isShown(origin.id, directory)) this.#changed?.add(directory);
    else return;
    this.#timer ??= ports.clock.schedule(WATCH_DEBOUNCE_MS, () => void this.#look());
  }

  async #look(): Promise<void> {
    const { ports, origin } = this;
    const changed = this.#changed;
    this.#changed = new Set();
    this.#timer = undefined;
    if (changed === undefined || changed.size > WATCH_MAX_DIRECTORIES) {
      ports.rescan(origin.id);
      return;
    }
    // Outermost first: what is new below is listed when its own turn comes.
    const directories = [...changed].sort();
    for (const [at, directory] of directories.entries()) {
      try {
        await ports.list(origin.id, directory, this.#abort.signal);
      } catch (error) {
        if (this.#abort.signal.aborted) return;
        if (!(error instanceof MusicFsError)) ports.onWarning(messageOf(error));
        // What went is told of its parent, too.
        if (error instanceof OriginError && error.code === "not_found") continue;
        // An origin that does not answer need not be asked for the rest.
        const isAway = isOriginFailure(error);
        this.#miss(isAway ? directories.slice(at) : [directory]);
        if (isAway) return;
      }
    }
  }

  #miss(directories: readonly BytePath[]): void {
    for (const directory of directories) {
      // With one more than are looked at singly, everything is.
      if (this.#missed.size <= WATCH_MAX_DIRECTORIES) this.#missed.add(directory);
    }
    this.#lookAgain ??= this.ports.clock.schedule(RETRY_MS, () => {
      this.#lookAgain = undefined;
      for (const directory of this.#missed) this.#take(directory);
      this.#missed.clear();
    });
  }
}
