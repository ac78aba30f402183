import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import type { BytePath } from "../../../../src/core/bytes.ts";
import { DiskFailure } from "../../../../src/core/origins/disk/failure.ts";
import { GuardProcess, guardCommand } from "../../../../src/core/origins/disk/guard_process.ts";
import {
  decodeProbe,
  decodeStat,
  encodeRequest,
} from "../../../../src/core/origins/disk/messages.ts";
import { LocalTree } from "../../../support/local_tree.ts";

let tree: LocalTree;
beforeEach(() => {
  tree = new LocalTree();
});
afterEach(() => tree[Symbol.dispose]());

const started: GuardProcess[] = [];
afterEach(async () => {
  for (const guard of started.splice(0)) {
    guard.abandon(new DiskFailure("io", "the test is over"));
    await guard.exited;
  }
});

function start(requireMount = false, command = guardCommand()): GuardProcess {
  const guard = new GuardProcess(1, command, { path: tree.root, tokens: "strong", requireMount });
  started.push(guard);
  return guard;
}

const PROBE = () => encodeRequest({ op: "probe", path: "" as BytePath });
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "answered",
    (error) => (error instanceof DiskFailure ? error.code : String(error)),
  );

describe("GuardProcess", () => {
  test("serves its directory, one request after the other", async () => {
    const guard = start();
    expect(decodeProbe(await guard.call(PROBE()))).toEqual({ status: "ok" });
    await tree.put("file" as BytePath, Buffer.from("12345"));
    const stat = encodeRequest({ op: "stat", path: "file" as BytePath });
    expect(decodeStat(await guard.call(stat)).sizeBytes).toBe(5);
    expect(guard.isBusy).toBeFalse();
  });

  test("fails the request under way when it is killed, and is reaped", async () => {
    const guard = start();
    const call = codeOf(guard.call(PROBE()));
    guard.abandon(new DiskFailure("timeout", "too slow"));
    expect(await call).toBe("timeout");
    await guard.exited;
    expect(existsSync(`/proc/${guard.pid}`)).toBeFalse();
    expect(await codeOf(guard.call(PROBE()))).not.toBe("answered");
  });

  test("fails the request under way when it dies by itself", async () => {
    const guard = start();
    await guard.call(PROBE());
    process.kill(guard.pid, "SIGKILL");
    expect(await codeOf(guard.call(PROBE()))).toBe("io");
  });

  test("is not reached by an interrupt for this process's group", async () => {
    const guard = start();
    await guard.call(PROBE());
    const stat = await Bun.file(`/proc/${guard.pid}/stat`).text();
    const [, , group, session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    expect([group, session]).toEqual([String(guard.pid), String(guard.pid)]);
  });

  test("gives up a program that is no guard", async () => {
    expect(await codeOf(start(false, ["cat", "/etc/hostname"]).call(PROBE()))).not.toBe("answered");
    expect(await codeOf(start(false, ["yes"]).call(PROBE()))).toBe("protocol");
    expect(await codeOf(start(false, ["false"]).call(PROBE()))).toBe("io");
    expect(() => start(false, ["/no/such/program"])).toThrow("cannot be started");
  });

  test("tells the last words of a guard that ends", async () => {
    const guard = start(false, ["sh", "-c", "echo first >&2; echo 'out of\tluck' >&2; exit 3"]);
    await guard.exited;
    await expect(guard.call(PROBE())).rejects.toThrow(
      "its guard process ended with 3: out of\\x09luck",
    );
  });

  test("refuses a directory that must be a mounted share and is none", async () => {
    const result = await start(true).call(PROBE());
    expect(() => decodeProbe(result)).toThrow("nothing is mounted");
  });

  test("ends with the process that started it", async () => {
    const script = `
      import { GuardProcess, guardCommand } from "${import.meta.dir}/../../../../src/core/origins/disk/guard_process.ts";
      import { encodeRequest } from "${import.meta.dir}/../../../../src/core/origins/disk/messages.ts";
      const settings = { path: "/", tokens: "strong", requireMount: false };
      const guard = new GuardProcess(1, guardCommand(), settings);
      await guard.call(encodeRequest({ op: "probe", path: "" }));
      console.log(guard.pid);
    `;
    // The guard does not keep its parent from ending, nor outlives it.
    const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe" });
    const pid = Number(await parent.stdout.text());
    expect(await parent.exited).toBe(0);
    for (let tries = 0; tries < 200 && existsSync(`/proc/${pid}`); tries++) await Bun.sleep(10);
    expect(existsSync(`/proc/${pid}`)).toBeFalse();
  });

  test("holds no output of the process that started it: a stuck one keeps nobody waiting", async () => {
    const script = `
      import { GuardProcess } from "${import.meta.dir}/../../../../src/core/origins/disk/guard_process.ts";
      const settings = { path: "/", tokens: "strong", requireMount: false };
      console.log(new GuardProcess(1, ["sleep", "20"], settings).pid);
    `;
    const parent = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "pipe" });
    const [stdout] = await Promise.all([parent.stdout.text(), parent.stderr.text()]);
    const pid = Number(stdout);
    expect(process.kill(pid, "SIGKILL")).toBeTrue();
  });
});
