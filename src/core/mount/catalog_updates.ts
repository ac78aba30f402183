/** What follows from a change of the catalog: the kernel forgets it and listeners hear of it. */

import type { CatalogChanges } from "../catalog/catalog.ts";
import type { EventBus } from "../events.ts";
import type { KernelCache } from "../threads/notifier.ts";

export class CatalogUpdates {
  /** Undefined while nothing is mounted: nobody has cached anything. */
  kernel: KernelCache | undefined;

  constructor(readonly events: EventBus) {}

  readonly apply = (changes: CatalogChanges): void => {
    this.kernel?.invalidate(changes);
    for (const event of changes.events) this.events.emit(event);
  };
}
