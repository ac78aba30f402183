/** A guarded origin on a share of a real Samba server, mounted through FUSE. */

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Smb, startSmb } from "../../scripts/servers/index.ts";
import { type BytePath, ROOT_PATH, textOf } from "../../src/core/bytes.ts";
import { systemClock } from "../../src/core/clock.ts";
import { openGuardedOrigin } from "../../src/core/origins/guarded.ts";
import { LOCAL_CAPABILITIES } from "../../src/core/origins/local.ts";
import type { Origin, OriginId } from "../../src/core/origins/origin.ts";
import { eventually } from "../e2e/support/process.ts";
import { inAllWrappers, treeFixture, wrapped } from "../suites/harnesses.ts";
import { type OriginHarness, originConformance } from "../suites/origin.ts";
import { LocalTree } from "../support/local_tree.ts";
import { needing } from "../support/needs.ts";

/** SMB has no such names: its clients write other characters for these. */
const NOT_ON_WINDOWS = /[\\/:*?"<>|\p{Cc}]|[ .]$/u;

/** A guard that is to answer does so within it on any machine; one that hangs is given up after it. */
const HUNG_MS = 5000;
const PATIENT_MS = 60_000;

const FILE = "album/track" as BytePath;
const CONTENT = "0123456789";

let smb: Smb;

function guarded(path: string, deadlineMs: number, requireMount = true): Origin {
  return openGuardedOrigin({
    id: "share" as OriginId,
    type: "smb",
    path,
    requireMount,
    strongTokens: false,
    deadlineMs,
    clock: systemClock,
  });
}

async function read(origin: Origin): Promise<string> {
  const into = new Uint8Array(20);
  return Buffer.from(into.subarray(0, await origin.read(FILE, 0, into))).toString();
}

async function list(origin: Origin): Promise<string[]> {
  const names: string[] = [];
  for await (const page of origin.list(ROOT_PATH)) names.push(...page.map(({ name }) => name));
  return names;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "answered",
    (error) => error.code as string,
  );

async function back(answers: () => Promise<unknown>): Promise<void> {
  await eventually("the share comes back", async () => (await codeOf(answers())) === "answered");
}

needing("root", "fuse", "smbd", "rclone").describe("an SMB share", () => {
  beforeAll(async () => {
    smb = await startSmb();
  }, 60_000);
  afterAll(async () => {
    await smb[Symbol.asyncDispose]();
  }, 60_000);

  const share: OriginHarness = {
    capabilities: { ...LOCAL_CAPABILITIES, strongTokens: false },
    emptyDirectories: true,
    editInPlace: true,
    sparseFiles: true,
    holdsVersions: true,
    // Its client asks the server for a directory anew with every name that is looked up.
    manyEntries: 100,
    refusesName: (name) => NOT_ON_WINDOWS.test(textOf(name) ?? "?"),
    async open() {
      // Beneath the mount point, which the origin allows when it is told not to care.
      const tree = new LocalTree(smb.shareDir);
      const path = join(smb.mountPoint, relative(smb.shareDir, tree.root));
      return treeFixture(guarded(path, PATIENT_MS, false), tree);
    },
  };

  originConformance("an SMB share", share);
  originConformance("an SMB share in all wrappers", {
    ...wrapped(share, inAllWrappers),
    manyEntries: 10,
  });

  test("hangs with its server or client, harms nobody, and recovers", async () => {
    fill();
    for (const part of ["smbd", "client"] as const) {
      const origin = guarded(smb.mountPoint, HUNG_MS);
      expect(await read(origin)).toBe(CONTENT);
      smb.pause(part);
      try {
        const startedMs = performance.now();
        const attempts = [origin.probe(), list(origin), origin.stat("album/none" as BytePath)];
        const codes = await Promise.all(attempts.map(codeOf));
        // What hangs does so for ever.
        expect(performance.now() - startedMs).toBeLessThan(60_000);
        // A page of names may be at hand.
        expect(codes).toContain("timeout");
        expect(["timeout", "device_gone"]).toContain(codes[2] ?? "");
      } finally {
        smb.resume(part);
      }
      await back(() => read(origin));
      expect(await list(origin)).toContain("album");
      await origin.close();
    }
  }, 180_000);

  test("is gone with its client, not mounted once unmounted, and back when mounted again", async () => {
    fill();
    const origin = guarded(smb.mountPoint, PATIENT_MS);
    expect(await read(origin)).toBe(CONTENT);
    await smb.kill("client");
    expect(["device_gone", "connection"]).toContain(await codeOf(origin.probe()));
    await smb.unmount();
    for (const attempt of [origin.probe(), list(origin), read(origin)]) {
      expect(await codeOf(attempt)).toBe("not_mounted");
    }
    await smb.restart("client");
    await back(() => origin.probe());
    expect(await read(origin)).toBe(CONTENT);
    await origin.close();
  }, 180_000);

  test("fails and recovers with its server", async () => {
    fill();
    const origin = guarded(smb.mountPoint, PATIENT_MS);
    expect(await read(origin)).toBe(CONTENT);
    await smb.kill("smbd");
    expect(await codeOf(origin.stat("album/none" as BytePath))).not.toBe("answered");
    await smb.restart("smbd");
    await back(() => read(origin));
    await origin.close();
  }, 180_000);
});

function fill(): void {
  mkdirSync(join(smb.shareDir, "album"), { recursive: true });
  writeFileSync(join(smb.shareDir, FILE), CONTENT);
}
