/**
 * All origins of the mount, enabled or not, and everything that lives and dies with them (F-9).
 *
 * An origin belongs to the registry from `register` on: `unregister` disposes its watches, drops
 * health, priority and latency, and closes it. An origin registered later under the same id shares
 * nothing with it.
 */

import { OwnError } from "../errors.ts";
import type { EventBus, HealthStatus } from "../events.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { Origin, OriginId } from "../origins/origin.ts";
import type { HealthMonitor } from "./health.ts";
import { DEFAULT_PRIORITY, type Router } from "./router.ts";

export interface OriginSettings {
  /** 0..255, lower is preferred; default 100. */
  readonly priority?: number;
  /** Default true. A disabled origin is neither checked nor read. */
  readonly enabled?: boolean;
}

/** The enabled origins in the order in which reads go to them. Immutable. */
export interface RoutingOrder {
  /** Larger than that of every order before it. */
  readonly epoch: number;
  readonly origins: readonly { readonly id: OriginId; readonly status: HealthStatus }[];
}

export type RoutingListener = (order: RoutingOrder) => void;

interface Registered {
  readonly origin: Origin;
  enabled: boolean;
  /** What is disposed with the origin, in reverse order. */
  readonly watches: DisposableStack;
}

export class OriginRegistry {
  readonly #registered = new Map<OriginId, Registered>();
  readonly #listeners = new Set<RoutingListener>();
  #routing: RoutingOrder = { epoch: 0, origins: [] };

  constructor(
    private readonly router: Router,
    private readonly health: HealthMonitor,
    private readonly events: EventBus,
  ) {}

  /**
   * Takes an origin over and, if it is enabled, checks it at once. Throws OwnError `config` for an
   * id in use and beyond MAX_ORIGINS, RangeError for a bad priority; the origin is then not taken.
   */
  register(origin: Origin, settings: OriginSettings = {}): void {
    const { id } = origin;
    if (this.#registered.has(id)) {
      throw new OwnError("config", `an origin named ${id} exists already: choose another id`);
    }
    if (this.#registered.size >= MAX_ORIGINS) {
      throw new OwnError("config", `there are ${MAX_ORIGINS} origins already, and no more can be`);
    }
    const enabled = settings.enabled ?? true;
    this.router.setPriority(id, settings.priority ?? DEFAULT_PRIORITY);
    this.#registered.set(id, { origin, enabled, watches: new DisposableStack() });
    this.events.emit({ type: "origin_added", origin: id });
    if (enabled) this.health.add(origin);
    this.refreshRouting();
  }

  /**
   * Drops an origin: from this call on nothing is routed to it. Resolves, to whether there was one,
   * when it is closed; rejects if a watch or the origin itself could not be closed, and everything
   * else is released even then.
   */
  async unregister(id: OriginId): Promise<boolean> {
    const registered = this.#registered.get(id);
    if (!registered) return false;
    this.#registered.delete(id);
    this.health.remove(id);
    this.router.removePriority(id);
    this.refreshRouting();
    this.events.emit({ type: "origin_removed", origin: id });
    try {
      registered.watches.dispose();
    } finally {
      await registered.origin.close();
    }
    return true;
  }

  get(id: OriginId): Origin | undefined {
    return this.#registered.get(id)?.origin;
  }

  /** All origins in the order of their registration. */
  list(): readonly Origin[] {
    return [...this.#registered.values()].map(({ origin }) => origin);
  }

  isEnabled(id: OriginId): boolean {
    return this.#registered.get(id)?.enabled ?? false;
  }

  /** True while this very object, not another one of its id, is registered and enabled. */
  isActive(origin: Origin): boolean {
    const registered = this.#registered.get(origin.id);
    return registered?.origin === origin && registered.enabled;
  }

  /** Checks the origin at once. Throws OwnError `usage` for an unknown id. */
  enable(id: OriginId): void {
    const registered = this.#require(id);
    if (registered.enabled) return;
    registered.enabled = true;
    this.health.add(registered.origin);
    this.refreshRouting();
  }

  /** Forgets the origin's health and routes nothing to it. Throws OwnError `usage` as `enable`. */
  disable(id: OriginId): void {
    const registered = this.#require(id);
    if (!registered.enabled) return;
    registered.enabled = false;
    this.health.remove(id);
    this.refreshRouting();
  }

  /** Throws OwnError `usage` for an unknown id, RangeError for anything but 0..255. */
  setPriority(id: OriginId, priority: number): void {
    this.#require(id);
    this.router.setPriority(id, priority);
    this.refreshRouting();
  }

  /**
   * Keeps a watch of `origin` until that is unregistered, or disposes it at once when it is already
   * gone: a watch may come up after its origin went.
   */
  holdWatch(origin: Origin, watch: Disposable): void {
    const registered = this.#registered.get(origin.id);
    if (registered?.origin === origin) registered.watches.use(watch);
    else watch[Symbol.dispose]();
  }

  /** The enabled origin that is asked first among those named; undefined when there is none. */
  route(candidates: Iterable<OriginId>): Origin | undefined {
    return this.routeAll(candidates)[0];
  }

  /** The enabled origins among those named in routing order (F-3), the unhealthy ones last. */
  routeAll(candidates: Iterable<OriginId>): Origin[] {
    const enabled = [...new Set(candidates)].filter((id) => this.isEnabled(id));
    return this.router
      .order(enabled, this.health)
      .map((id) => this.get(id))
      .filter((origin) => origin !== undefined);
  }

  /** The routing order as it is now. */
  get routing(): RoutingOrder {
    return this.#routing;
  }

  /** Called with every new routing order, synchronously; must neither block nor throw. */
  onRoutingChange(listener: RoutingListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  /** Works out the routing order anew and tells it if it differs, in order or in a status. */
  refreshRouting(): void {
    const enabled = [...this.#registered.keys()].filter((id) => this.isEnabled(id));
    const origins = this.router
      .order(enabled, this.health)
      .map((id) => ({ id, status: this.health.status(id) }));
    const same =
      origins.length === this.#routing.origins.length &&
      origins.every(({ id, status }, rank) => {
        const before = this.#routing.origins[rank];
        return before?.id === id && before.status === status;
      });
    if (same) return;
    this.#routing = { epoch: this.#routing.epoch + 1, origins };
    for (const listener of this.#listeners) listener(this.#routing);
  }

  /** Unregisters everything, in parallel; rejects with the first error after all are closed. */
  async close(): Promise<void> {
    const closed = await Promise.allSettled(
      [...this.#registered.keys()].map((id) => this.unregister(id)),
    );
    this.#listeners.clear();
    for (const outcome of closed) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** For leak checks. */
  get size(): number {
    return this.#registered.size;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  #require(id: OriginId): Registered {
    const registered = this.#registered.get(id);
    if (registered) return registered;
    throw new OwnError("usage", `no origin is named ${id}`);
  }
}
