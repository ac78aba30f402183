/**
 * A mounted SMB share that hangs: its server is stopped, or the program behind its mount. A system
 * call on it then waits for as long as that lasts, and nothing but a guard may make one.
 */

import { afterAll, beforeAll, expect } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Smb, startSmb } from "../../scripts/servers/index.ts";
import { MAX_GUARDS_PER_ORIGIN, READER_THREADS } from "../../src/core/limits.ts";
import {
  BINARY,
  eventually,
  isRunning,
  Mount,
  type Outcome,
  Workspace,
} from "../e2e/support/musicfs.ts";
import { guardsOf, isStuck } from "../support/guards.ts";
import { needing } from "../support/needs.ts";

/** Below all time-outs of the share, above what a loaded machine takes. */
const PROMPT_MS = 3000;
const OPERATION_TIMEOUT_MS = 4000;
/** Of a command that makes an operation on the share, and of its end. */
const OPERATION_ENDED_MS = OPERATION_TIMEOUT_MS + PROMPT_MS;

const CONFIG = (share: string, disk: string) => `
[health]
check_interval_secs = 1
timeout_ms = 1000
unhealthy_threshold = 2

[read]
read_deadline_ms = 2000

[cache]
content_cache_gb = 0

[[origins]]
id = "nas"
origin_type = "smb"
priority = 1
path = "${share}"
operation_timeout_ms = ${OPERATION_TIMEOUT_MS}

[[origins]]
id = "disk"
origin_type = "local"
priority = 2
path = "${disk}"
`;

const { describe, test } = needing("root", "fuse", "smbd", "rclone");

for (const part of ["smbd", "client"] as const) {
  const what = { smbd: "its server is stopped", client: "the program behind its mount is stopped" };

  describe(`a share of which ${what[part]}`, () => {
    let smb: Smb;
    let workspace: Workspace;
    let config: readonly string[];
    let mount: Mount;
    /** Every guard that was ever stuck. */
    const stuck = new Set<number>();

    beforeAll(async () => {
      smb = await startSmb();
      workspace = new Workspace("hung-share");
      for (const name of ["nas", "nas-2", "nas-3"]) {
        await Bun.write(join(smb.shareDir, `${name}.flac`), Buffer.alloc(200_000, name));
      }
      workspace.file("disk/disk.flac", Buffer.alloc(200_000, "disk "));
      workspace.file("disk/disk-2.flac", Buffer.alloc(200_000, "disk 2 "));
      config = workspace.config(CONFIG(smb.mountPoint, workspace.path("disk")));
    }, 30_000);
    afterAll(async () => {
      smb.resume(part);
      await mount[Symbol.asyncDispose]();
      await smb[Symbol.asyncDispose]();
      workspace[Symbol.dispose]();
    }, 30_000);

    const musicfs = (...args: string[]) => workspace.run([BINARY, ...args, ...config]);
    const health = async () => {
      const { stdout } = await prompt(musicfs("health", "--json"));
      const { origins }: { origins: { id: string; status: string }[] } = JSON.parse(stdout);
      return Object.fromEntries(origins.map(({ id, status }) => [id, status]));
    };
    const cat = (name: string) => workspace.run(["cat", join(workspace.mountPoint, name)]);
    /** Without those of its guards: three pipes each, and what tells of their end. */
    const descriptors = () =>
      readdirSync(`/proc/${mount.pid}/fd`).length - 4 * guardsOf(mount.pid).length;
    const noteGuards = () => {
      const guards = guardsOf(mount.pid);
      for (const pid of guards) stuck.add(pid);
      expect(guards.length).toBeLessThanOrEqual(MAX_GUARDS_PER_ORIGIN);
    };

    test("delays nobody else, and leaks nothing once it goes on (NFR-7.2)", async () => {
      mount = await Mount.scanned(workspace, config);
      expect((await cat("nas.flac")).code).toBe(0);
      const descriptorsBefore = descriptors();
      smb.pause(part);
      try {
        const reading = [cat("nas-2.flac"), cat("nas-2.flac")];
        expect((await prompt(workspace.shell('ls -l "$1"'))).split("\n")).toHaveLength(7);
        expect(await prompt(cat("disk.flac"))).toMatchObject({ code: 0 });
        expect((await health())["disk"]).toBe("healthy");
        await eventually("nas is unhealthy", async () => (await health())["nas"] === "unhealthy");
        for (const { code, stderr } of await Promise.all(reading)) {
          expect([code, stderr]).toEqual([1, expect.stringContaining("Input/output error")]);
        }
        noteGuards();
      } finally {
        smb.resume(part);
      }
      await eventually("nas is read again", async () => (await cat("nas-2.flac")).code === 0);
      expect((await health())["nas"]).toBe("healthy");
      await eventually("no guard is stuck", () => !guardsOf(mount.pid).some(isStuck));
      noteGuards();
      // Each reader keeps the root of the disk open from its first read on.
      const kept = READER_THREADS + 2;
      await eventually("descriptors are given back", () => {
        return descriptors() <= descriptorsBefore + kept;
      });
    }, 60_000);

    test("can be removed while it hangs, and so can the mount (F-9)", async () => {
      smb.pause(part);
      const reading = cat("nas-3.flac");
      await eventually("nas is unhealthy", async () => (await health())["nas"] === "unhealthy");
      noteGuards();
      expect(await prompt(musicfs("origins", "rm", "nas"))).toMatchObject({ code: 0, stderr: "" });
      expect(Object.keys(await health())).toEqual(["disk"]);
      expect(await prompt(workspace.shell('ls "$1"'))).toBe("disk-2.flac\ndisk.flac\n");
      expect((await prompt(reading)).code).toBe(1);
      // Back again, and the file system that hangs keeps neither the mount nor its process.
      const settings = ["--type=smb", `--path=${smb.mountPoint}`, "--no-check"];
      expect(await prompt(musicfs("origins", "add", "nas", ...settings))).toMatchObject({
        code: 0,
      });
      noteGuards();
      const unmounting = musicfs("unmount", workspace.mountPoint);
      expect(await prompt(unmounting)).toMatchObject({ code: 0, stderr: "" });
      expect(await prompt(mount.exited())).toBe(0);
    }, 60_000);

    test("does not keep a mount from starting, nor other commands from ending", async () => {
      workspace.config(CONFIG(smb.mountPoint, workspace.path("disk")));
      expect((await within(OPERATION_ENDED_MS, musicfs("health"))).code).toBe(2);
      const scanned = await within(OPERATION_ENDED_MS, musicfs("scan", "--json"));
      expect(scanned.code).toBe(3);
      expect(outcomes(scanned)).toEqual({ nas: "failed", disk: "complete" });
      mount = await prompt(Mount.start(workspace, config));
      expect(await prompt(cat("disk-2.flac"))).toMatchObject({ code: 0 });
      noteGuards();
      expect(await prompt(mount.stop())).toBe(0);
    }, 60_000);

    test("leaves no guard behind when it goes on", async () => {
      smb.resume(part);
      expect(stuck.size).toBeGreaterThan(0);
      await eventually("all guards have ended", () => ![...stuck].some(isRunning));
      mount = await Mount.scanned(workspace, config);
      expect((await cat("nas.flac")).code).toBe(0);
      expect(await prompt(mount.stop())).toBe(0);
    }, 60_000);
  });
}

function outcomes({ stdout }: Outcome): Readonly<Record<string, string>> {
  const { origins }: { origins: { id: string; outcome: string }[] } = JSON.parse(stdout);
  return Object.fromEntries(origins.map(({ id, outcome }) => [id, outcome]));
}

function prompt<T>(work: Promise<T>): Promise<T> {
  return within(PROMPT_MS, work);
}

async function within<T>(limitMs: number, work: Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await work;
  expect(performance.now() - startedMs).toBeLessThan(limitMs);
  return result;
}
