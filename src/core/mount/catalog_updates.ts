/** What follows from a change of the catalog: the kernel forgets it and listeners hear of it. */

import type { CatalogChanges } from "../catalog/catalog.ts";
import type { EventBus } from "../events.ts";
import type { KernelCache } from "../threads/notifier.ts";

export class CatalogUpdates {
  #kernel: KernelCache | undefined;
  /** Changes from before there was anybody to tell: the kernel may have asked already. */
  #untold: CatalogChanges[] = [];

  constructor(readonly events: EventBus) {}

  /** From now on the kernel is told, first of what it missed. */
  connect(kernel: KernelCache): void {
    this.#kernel = kernel;
    for (const changes of this.#untold.splice(0)) kernel.invalidate(changes);
  }

  readonly apply = (changes: CatalogChanges): void => {
    if (this.#kernel === undefined) this.#untold.push(changes);
    else this.#kernel.invalidate(changes);
    for (const event of changes.events) this.events.emit(event);
  };

  dropPages(nodeid: number): void {
    this.#kernel?.dropPages(nodeid);
  }
}
