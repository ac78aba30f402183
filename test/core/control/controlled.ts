/** A control server in this process, over a socket in a directory of its own, before a mount that is none. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/core/clock.ts";
import type { OriginSettings } from "../../../src/core/config/config.ts";
import type { OriginEdit } from "../../../src/core/config/edit.ts";
import { checkConfig } from "../../../src/core/config/parse.ts";
import type { Surroundings } from "../../../src/core/config/paths.ts";
import { resolveOrigin } from "../../../src/core/config/resolve.ts";
import type { ControlClient } from "../../../src/core/control/client.ts";
import type {
  ControlledCache,
  ControlledMount,
  ControlledOrigin,
  Reloaded,
  ScanWish,
} from "../../../src/core/control/controlled_mount.ts";
import { EventCounts } from "../../../src/core/control/event_counts.ts";
import { EventHistory } from "../../../src/core/control/event_history.ts";
import { mountsIn, type RunningMount } from "../../../src/core/control/find_mount.ts";
import { Metrics } from "../../../src/core/control/metrics.ts";
import { ReadLog } from "../../../src/core/control/read_log.ts";
import { ControlServer } from "../../../src/core/control/server.ts";
import { EventBus } from "../../../src/core/events.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import type { OriginScan, ScanSummary } from "../../../src/core/sync/scan_origins.ts";

const UID = process.geteuid?.() ?? 0;

/** Records what it is asked to do. */
export class FakeMount implements ControlledMount {
  readonly identity;
  readonly asked: unknown[] = [];
  readsWaiting = 0;
  cache: ControlledCache | undefined;
  settings: OriginSettings[] = [originSettings("disk"), originSettings("attic", false)];
  /** How a scan goes on; tests replace it. */
  scanning: (wish: ScanWish) => Promise<ScanSummary> = ({ origins }) =>
    Promise.resolve({ origins: origins.map(scanned) });
  changing: (edit: OriginEdit) => Promise<boolean> = () => Promise.resolve(true);
  reloading: () => Promise<Reloaded> = () =>
    Promise.resolve({ file: "/etc/musicfs/config.toml", changed: false, needsRemount: [] });

  constructor(cacheDir: string, mountPoint = "/mnt/music") {
    const configFile = "/etc/musicfs/config.toml";
    const startedMs = Date.UTC(2026, 0, 1);
    this.identity = { version: "0.0.0 (test)", mountPoint, cacheDir, configFile, startedMs };
  }

  origins(): readonly ControlledOrigin[] {
    return this.settings.map((settings) => {
      const { id, originType: type, priority, enabled } = settings;
      const report = {
        ...{ id, type, priority, enabled },
        status: enabled ? "healthy" : "unknown",
        ...{ consecutiveFailures: 0, threshold: 1 },
        ...{ latencyP50Ms: 0.4123, latencyP99Ms: 1, lastLatencyMs: 0.5, lastUpdateMs: 1 },
        ...{ lastCheckMs: Date.UTC(2026, 0, 2), nextCheckMs: undefined, lastError: undefined },
      } as const;
      return {
        report,
        settings,
        traffic: { reads: 3, bytes: 4096 },
        operations: 2,
        lastCompleteScanMs: undefined,
      };
    });
  }

  totals = () => ({ files: 12, directories: 3, bytes: 99, filesWithoutProvedReplica: 1 });
  scans = () => [];

  check(id: OriginId): Promise<void> {
    this.asked.push(["check", id]);
    return Promise.resolve();
  }

  scan(wish: ScanWish): Promise<ScanSummary> {
    const { onProgress: _, ...rest } = wish;
    this.asked.push(["scan", rest]);
    return this.scanning(wish);
  }

  changeOrigins(edit: OriginEdit): Promise<boolean> {
    this.asked.push(["change", edit]);
    return this.changing(edit);
  }

  reload(): Promise<Reloaded> {
    this.asked.push(["reload"]);
    return this.reloading();
  }
}

export function originSettings(id: string, enabled = true): OriginSettings {
  const origin = { id, origin_type: "local", path: "/srv/music", enabled, priority: 1 };
  const [written] = checkConfig({ origins: [origin] }, "test").origins;
  if (written === undefined) throw new Error("there is no origin");
  return resolveOrigin(written, around("/home/u"));
}

export function scanned(id: OriginId): OriginScan {
  const counts = { directories: 1, files: 2, bytes: 3, added: 2, modified: 0, removed: 0, kept: 0 };
  return {
    ...{ id, outcome: "complete", ...counts, elapsedMs: 5.4 },
    ...{ reason: undefined, problems: [], problemCount: 0 },
  };
}

/** Of the user who runs the test, with a runtime directory below `home`. */
export function around(home: string): Surroundings {
  const env = { XDG_RUNTIME_DIR: join(home, "run") };
  return { env, uid: UID, home, workingDirectory: "/" };
}

export class Controlled implements AsyncDisposable {
  readonly home: string;
  readonly events = new EventBus();
  readonly history: EventHistory;
  readonly reads = new ReadLog();
  readonly faults: string[] = [];
  readonly around: Surroundings;
  readonly #servers: ControlServer[] = [];
  readonly #found: RunningMount[] = [];

  constructor(historyCapacity?: number) {
    this.home = mkdtempSync(join(tmpdir(), "musicfs-control-"));
    this.around = around(this.home);
    this.history = new EventHistory(this.events, systemClock, historyCapacity);
  }

  /** Where the sockets are. */
  get directory(): string {
    return join(this.home, "run", "musicfs");
  }

  /** Makes a directory below the home. */
  path(name: string): string {
    const path = join(this.home, name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  serve(mount = new FakeMount(this.path("cache"))): FakeMount {
    const { history, reads, faults, directory } = this;
    const metrics = new Metrics(mount, new EventCounts(this.events));
    const server = new ControlServer({
      ...{ mount, history, reads, metrics: metrics.page },
      ...{ clock: systemClock, directory, uid: UID },
      onFault: (message) => void faults.push(message),
    });
    this.#servers.push(server);
    return mount;
  }

  async client(): Promise<ControlClient> {
    const [found] = await this.find();
    if (found === undefined) throw new Error("no mount was found");
    return found.client;
  }

  async find(): Promise<readonly RunningMount[]> {
    const found = await mountsIn([this.directory], UID);
    this.#found.push(...found);
    return found;
  }

  /** A request as any program may make it. */
  async request(path: string, init: RequestInit = {}): Promise<Response> {
    const { client } = (await this.find())[0] ?? {};
    if (client === undefined) throw new Error("no mount was found");
    const unix = client.directory.address(client.socket);
    return await fetch(`http://musicfs${path}`, { ...init, unix });
  }

  async post(path: string, body: unknown): Promise<Response> {
    const headers = { "content-type": "application/json" };
    return await this.request(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  async close(): Promise<void> {
    for (const server of this.#servers.splice(0)) await server.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const found of this.#found) found[Symbol.dispose]();
    await this.close();
    this.history[Symbol.dispose]();
    rmSync(this.home, { recursive: true, force: true });
  }
}
