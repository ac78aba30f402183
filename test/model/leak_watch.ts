/**
 * Nothing is kept for what is over: every count of things under way is bounded by what applications
 * do, and returns to zero when they do nothing.
 */

import { OPEN_AHEAD_FILES } from "../../src/core/limits.ts";
import type { Applications } from "./applications.ts";
import type { Life } from "./life.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface LeakWatchPorts {
  readonly life: Life;
  readonly applications: Applications;
  readonly fail: Violate;
}

/** What runs by itself: health, scans, background comparisons. */
const TIMERS = 100;
const TIMERS_PER_APPLICATION = 30;

export class LeakWatch implements Watch {
  constructor(readonly ports: LeakWatchPorts) {}

  look(): void {
    const { life, applications } = this.ports;
    const { kernel, assembly, state, clock } = life;
    const { waiting } = applications;
    const bounds = {
      // An application that opens or closes has one more for a moment.
      "open handles": [state.handles.openCount(), kernel.handles.size + waiting],
      "reads under way": [assembly.waiting.reads, kernel.pendingRequests],
      "files of handles": [assembly.waiting.files, kernel.handles.size + waiting],
      "files ahead of their readers": [assembly.waiting.filesAhead, OPEN_AHEAD_FILES],
      "versions of handles": [
        assembly.waiting.versions - assembly.waiting.filesAhead,
        kernel.handles.size + waiting,
      ],
      timers: [clock.pendingTimers, TIMERS + TIMERS_PER_APPLICATION * waiting],
    } as const;
    for (const [what, [count, most]] of Object.entries(bounds)) {
      if (count > most) this.ports.fail("nothing leaks", `${count} ${what}, ${most} at most`);
    }
  }

  /** Nobody uses the mount any more. */
  idle(): void {
    const { life, applications, fail } = this.ports;
    const { kernel, assembly, state, notifier } = life;
    const counts = {
      "handles of applications": kernel.handles.size,
      "applications under way": applications.waiting,
      "open handles": state.handles.openCount(),
      "requests of the kernel": kernel.pendingRequests,
      "reads under way": assembly.waiting.reads,
      "listings under way": assembly.waiting.listings,
      "files of closed handles": assembly.waiting.files,
      "versions of closed handles": assembly.waiting.versions,
      "files ahead of nobody": assembly.waiting.filesAhead,
      "bytes of blocks": assembly.waiting.memoryBytes,
      "cached versions": life.cache?.blocks.openVersions ?? 0,
      "files to compare": assembly.federation.filesToCompare,
      "messages to the kernel": notifier.waiting,
    };
    for (const [what, count] of Object.entries(counts)) {
      if (count !== 0) fail("nothing leaks", `${count} ${what}`);
    }
  }

  lifeEnded(): void {
    const { pendingTimers } = this.ports.life.clock;
    if (pendingTimers > 0) this.ports.fail("nothing leaks", `${pendingTimers} timers at the end`);
  }
}
