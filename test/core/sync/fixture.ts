/** A catalog with memory origins to scan into it. */

import { EventBus, type MusicFsEvent } from "../../../src/core/events.ts";
import { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import type { Origin } from "../../../src/core/origins/origin.ts";
import { FaultPlan, withFaults } from "../../../src/core/origins/wrappers/faults.ts";
import { listOnDemand } from "../../../src/core/sync/directory_listing.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import { type ScanOptions, type ScanResult, scan } from "../../../src/core/sync/scan.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { A, origin, path, TestCatalog } from "../catalog/fixture.ts";

export class TestLibrary implements AsyncDisposable {
  readonly catalog = new TestCatalog();
  readonly memory = new MemoryOrigin({ id: A, clock: this.catalog.clock, pageEntries: 3 });
  readonly faults = new FaultPlan(this.catalog.clock);
  readonly origin: Origin = withFaults(this.memory, this.faults);
  readonly time = new VirtualClock();
  readonly bus = new EventBus();
  readonly events: MusicFsEvent[] = [];

  static async open(): Promise<TestLibrary> {
    const library = new TestLibrary();
    library.bus.subscribe((event) => library.events.push(event));
    await library.catalog.store.configureOrigins([origin(A, 1)]);
    return library;
  }

  get ports() {
    return {
      catalog: this.catalog.store,
      clock: this.time,
      events: this.bus,
      onChanges: () => undefined,
      lockDirectory: this.catalog.directory.path,
    };
  }

  scan(options: Partial<ScanOptions> = {}, signal?: AbortSignal): Promise<ScanResult> {
    return this.scanOf(this.origin, options, signal);
  }

  /** Another origin in its place; its id is A, too. */
  scanOf(
    origin: Origin,
    options: Partial<ScanOptions> = {},
    signal?: AbortSignal,
  ): Promise<ScanResult> {
    return scan(origin, this.ports, { exclusion: new Exclusion([]), ...options }, signal);
  }

  /** What a scan that waits for another comes to. */
  waited(scan: Promise<ScanResult>): Promise<ScanResult> {
    return this.time.run(scan);
  }

  list(at: string, globs: readonly string[] = []): Promise<void> {
    return listOnDemand(this.origin, path(at), new Exclusion(globs), this.ports);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.catalog[Symbol.asyncDispose]();
  }
}
