/** A mounted library as the control API sees it. */

import type { OriginEdit } from "../config/edit.ts";
import type {
  ControlledCache,
  ControlledMount,
  ControlledOrigin,
  LibraryTotals,
  MountIdentity,
  Reloaded,
  ScanUnderWay,
  ScanWish,
} from "../control/controlled_mount.ts";
import type { OriginId } from "../origins/origin.ts";
import { type ScanSummary, scanOrigins } from "../sync/scan_origins.ts";
import type { Assembly } from "./assembly.ts";
import type { Library } from "./library.ts";
import type { RunningConfig } from "./running_config.ts";

export class ControlledLibrary implements ControlledMount {
  constructor(
    readonly identity: MountIdentity,
    private readonly assembly: Assembly,
    private readonly config: RunningConfig,
    private readonly usageOf: Library["usageOf"],
    readonly cache: ControlledCache | undefined,
  ) {}

  origins(): readonly ControlledOrigin[] {
    const { origins, federation, ports } = this.assembly;
    const { routing } = ports.state;
    const reports = new Map(federation.report().map((each) => [each.id, each]));
    return this.config.origins.flatMap((settings) => {
      const report = reports.get(settings.id);
      // One that is being swapped for another is not there for a moment.
      if (report === undefined) return [];
      const row = routing.indexOf(settings.id);
      // What threads read by themselves, the origin knows nothing of.
      const byThreads = (count: "reads" | "bytes") => (row < 0 ? 0 : routing.counter(row, count));
      const { operations, bytesRead, underWay } = origins.metrics(settings.id);
      const traffic = {
        reads: byThreads("reads") + operations.read.succeeded,
        bytes: byThreads("bytes") + bytesRead,
      };
      const usage = this.usageOf(settings);
      const lastCompleteScanMs = ports.catalog.lastCompleteScanMs(settings.id) || undefined;
      const full = { ...report, usage };
      return [{ report: full, settings, traffic, operations: underWay, lastCompleteScanMs }];
    });
  }

  totals(): LibraryTotals {
    const { catalog } = this.assembly.ports;
    return { ...catalog.totals(), filesWithoutProvedReplica: catalog.filesWithoutProvedReplica() };
  }

  scans(): readonly ScanUnderWay[] {
    return this.assembly.scans.running();
  }

  get readsWaiting(): number {
    return this.assembly.waiting.reads;
  }

  check(id: OriginId): Promise<void> {
    return this.assembly.federation.checkNow(id);
  }

  scan({ origins, allowEmpty, wait, full, onProgress }: ScanWish): Promise<ScanSummary> {
    const { scans, ports } = this.assembly;
    return scanOrigins(origins, {
      clock: ports.clock,
      scan: (id, watcher) => scans.request(id, { wait, allowEmpty, full, onProgress: watcher }),
      onProgress,
    });
  }

  changeOrigins(edit: OriginEdit): Promise<boolean> {
    return this.config.edit(edit);
  }

  reload(): Promise<Reloaded> {
    return this.config.reload();
  }
}
