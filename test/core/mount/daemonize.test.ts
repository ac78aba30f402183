import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { daemonStarter, startDaemon } from "../../../src/core/mount/daemonize.ts";

const CHILD = join(import.meta.dir, "daemonize.child.ts");
let dir = "";
let log = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "musicfs-daemon-"));
  log = join(dir, "musicfs.log");
});
afterEach(() => rmSync(dir, { recursive: true }));

const start = (mode: string) => startDaemon([process.execPath, CHILD, mode], log);

describe("startDaemon()", () => {
  test("returns when the child is ready, which goes on in a session of its own", async () => {
    const pid = await start("ready");
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      const [, , group, session] = stat;
      expect([group, session]).toEqual([String(pid), String(pid)]);
      expect(readFileSync(`/proc/${pid}/environ`, "utf8")).toContain("MUSICFS_READY_FD=3");
    } finally {
      process.kill(pid);
    }
    expect(statSync(log).mode & 0o7777).toBe(0o600);
  });

  test("rejects with what the child says, its code, and the log's place", async () => {
    const failure = await start("failed").catch((error) => error);
    expect([failure.code, failure.message]).toEqual(["busy", `in use; the log is ${log}`]);
    expect(readFileSync(log, "utf8")).toBe("to standard output\nto standard error\n");
  });

  test("rejects when the child just ends, or cannot be started", async () => {
    await expect(start("exit")).rejects.toThrow(
      `the daemon ended at once (exit status 7); the log is ${log}`,
    );
    await expect(start("kill")).rejects.toThrow("the daemon ended at once (SIGKILL)");
    await expect(startDaemon(["/no/such/program"], log)).rejects.toThrow(
      "the daemon cannot be started",
    );
    expect(() => startDaemon(["true"], join(dir, "no/log"))).toThrow("cannot open the log");
  });

  test("appends to the log, and sets a large one aside", async () => {
    writeFileSync(log, "before\n");
    await start("failed").catch(() => undefined);
    expect(readFileSync(log, "utf8")).toStartWith("before\nto standard output\n");
    truncateSync(log, 17 * 1024 * 1024);
    await start("failed").catch(() => undefined);
    expect(statSync(`${log}.1`).size).toBe(17 * 1024 * 1024);
    expect(readFileSync(log, "utf8")).toStartWith("to standard output\n");
  });
});

describe("daemonStarter()", () => {
  test("is nothing in a process that no parent waits for", () => {
    expect(daemonStarter({})).toBeUndefined();
  });
});
