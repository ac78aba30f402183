/** Pages of a replica that is not proved go with the last handle that brought them. */

import type { Applications } from "./applications.ts";
import type { Life } from "./life.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface PagesWatchPorts {
  readonly life: Life;
  readonly applications: Applications;
  readonly fail: Violate;
}

export class PagesWatch implements Watch {
  constructor(readonly ports: PagesWatchPorts) {}

  look(): void {
    const { life, applications, fail } = this.ports;
    // A handle that is being closed, or a message on its way, explains them.
    if (applications.waiting > 0 || life.notifier.waiting > 0) return;
    for (const handle of life.kernel.unprovedBy()) {
      if (life.kernel.handles.has(handle)) continue;
      fail("unproved pages go with their handle", `${handle.path}: they are there after its close`);
    }
  }
}
