import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { LocalOriginSettings, OriginSettings } from "../../../src/core/config/config.ts";
import { buildOrigin, type OriginPorts } from "../../../src/core/origins/build.ts";
import { InlineDisk } from "../../../src/core/origins/disk/client.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { FaultPlan } from "../../../src/core/origins/wrappers/faults.ts";
import { OriginMetrics } from "../../../src/core/origins/wrappers/metrics.ts";
import { LocalTree } from "../../support/local_tree.ts";
import { settle, VirtualClock } from "../../support/virtual_clock.ts";

const FILE = "file" as BytePath;

const COMMON = {
  id: "disk" as OriginId,
  priority: 100,
  enabled: true,
  prefix: "" as BytePath,
  exclude: [],
  operationTimeoutMs: 1000,
  maxConcurrency: undefined,
  bandwidthLimitBytesPerSec: undefined,
  cache: false,
  pollIntervalSecs: 900,
  revalidateSecs: 60,
  index: undefined,
  indexTrust: false,
  credentials: undefined,
} as const;

function local(path: string, more: Partial<LocalOriginSettings> = {}): LocalOriginSettings {
  return { ...COMMON, originType: "local", path, watch: true, ...more };
}

function ports(more: Partial<Omit<OriginPorts, "clock">> = {}) {
  const clock = new VirtualClock();
  const localDisk = ({ path }: LocalOriginSettings) => new InlineDisk(new Disk(path));
  return { clock, localDisk, ...more };
}

describe("buildOrigin", () => {
  test("opens a directory on a disk by the port for disks", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.from("12345"));
    const origin = await buildOrigin(local(tree.root), ports());
    expect(origin).toMatchObject({ id: "disk", type: "local" });
    expect((await origin.stat(FILE)).sizeBytes).toBe(5);
    await origin.close();
  });

  test("counts the time an operation waits for its turn neither as the origin's nor as late", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.from("12345"));
    const { clock, ...rest } = ports();
    const faults = new FaultPlan(clock);
    faults.add({ fault: { kind: "slow", delayMs: 700 } });
    const metrics = new OriginMetrics();
    const settings = local(tree.root, { maxConcurrency: 1 });
    const origin = await buildOrigin(settings, { ...rest, clock, faults, metrics });
    const reads = [1, 2, 3].map(() => origin.read(FILE, 0, new Uint8Array(5)));
    // Three times 700 ms, one after the other, and none of them takes longer than 1000.
    expect(await clock.run(Promise.all(reads))).toEqual([5, 5, 5]);
    expect(metrics.operations.read).toMatchObject({ begun: 3, succeeded: 3, totalMs: 2100 });
    await origin.close();
  });

  test("gives the turn of an operation that timed out to the next", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.from("12345"));
    const { clock, ...rest } = ports();
    const faults = new FaultPlan(clock);
    faults.add({ fault: { kind: "hang" }, times: 1 });
    const settings = local(tree.root, { maxConcurrency: 1 });
    const origin = await buildOrigin(settings, { ...rest, clock, faults });
    const hung = origin.read(FILE, 0, new Uint8Array(5)).catch((error) => error.code);
    const next = origin.read(FILE, 0, new Uint8Array(5));
    await clock.advance(1000);
    expect(await hung).toBe("timeout");
    expect(await next).toBe(5);
    await origin.close();
  });

  test("limits bandwidth without taking anybody's turn", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.alloc(1000));
    const { clock, ...rest } = ports();
    const settings = local(tree.root, { maxConcurrency: 1, bandwidthLimitBytesPerSec: 100 });
    const origin = await buildOrigin(settings, { ...rest, clock });
    await origin.read(FILE, 0, new Uint8Array(1000));
    const waiting = origin.read(FILE, 0, new Uint8Array(1000));
    await settle();
    expect((await origin.stat(FILE)).sizeBytes).toBe(1000);
    const startedMs = clock.monotonicMs();
    expect(await clock.run(waiting)).toBe(1000);
    expect(clock.monotonicMs() - startedMs).toBe(10_000);
    await origin.close();
  });

  test("counts what is asked of an origin that is not local, for the bill", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.alloc(1000));
    const usage = { requests: 0, bytes: 0 };
    const meter = {
      request: () => void usage.requests++,
      received: (bytes: number) => {
        usage.bytes += bytes;
      },
      sent: () => undefined,
    };
    const share = { ...COMMON, originType: "smb", path: tree.root, requireMount: false } as const;
    for (const settings of [local(tree.root), share]) {
      const origin = await buildOrigin(settings, ports({ usage: meter }));
      await origin.stat(FILE);
      await origin.read(FILE, 0, new Uint8Array(4000));
      await origin.probe();
      await origin.close();
    }
    expect(usage).toEqual({ requests: 3, bytes: 1000 });
  });

  test("opens every type without touching its server", async () => {
    const settings: readonly OriginSettings[] = [
      { ...COMMON, originType: "nfs", path: "/nowhere", requireMount: true },
      { ...COMMON, originType: "smb", path: "/nowhere", requireMount: true },
      {
        ...COMMON,
        originType: "s3",
        bucket: "music",
        path: "",
        region: "eu-central-1",
        endpoint: "http://127.0.0.1:1",
        forcePathStyle: true,
        profile: undefined,
      },
      {
        ...COMMON,
        originType: "sftp",
        host: "127.0.0.1",
        port: 1,
        user: "nobody",
        path: ".",
        identityFile: undefined,
        knownHosts: "/nowhere/known_hosts",
        maxConnections: 4,
      },
    ];
    for (const one of settings) {
      const origin = await buildOrigin(one, ports());
      expect(origin.type).toBe(one.originType);
      expect(origin.capabilities.strongTokens).toBe(["nfs", "s3"].includes(one.originType));
      expect(origin.capabilities.onThisMachine).toBe(false);
      await origin.close();
    }
  });

  test("says of a share that is not mounted that it is not, and serves nothing", async () => {
    using tree = new LocalTree();
    await tree.put(FILE, Buffer.from("beneath the mount point"));
    const settings = { ...COMMON, originType: "nfs", path: tree.root, requireMount: true } as const;
    const origin = await buildOrigin(settings, ports());
    for (const attempt of [origin.probe(), origin.stat(FILE)]) {
      await expect(attempt).rejects.toMatchObject({ code: "not_mounted", scope: "origin" });
    }
    await origin.close();
    const odd = await buildOrigin({ ...settings, requireMount: false }, ports());
    expect((await odd.stat(FILE)).kind).toBe("file");
    await odd.close();
  });
});
