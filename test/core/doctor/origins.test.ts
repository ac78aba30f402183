/** What is looked at of each origin: its secrets, its host key, whether it answers; and the clock. */

import { afterEach, describe, expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secret } from "../../../scripts/secrets.ts";
import { checkClock } from "../../../src/core/doctor/clock_check.ts";
import { checkCredentials } from "../../../src/core/doctor/credentials_check.ts";
import { checkKnownHosts } from "../../../src/core/doctor/known_hosts_check.ts";
import { checkOrigins } from "../../../src/core/doctor/origins_check.ts";
import { ORIGIN_ERRORS, OriginError, type OriginErrorCode } from "../../../src/core/errors.ts";
import { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import type { Origin, OriginId } from "../../../src/core/origins/origin.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { config, LOCAL, machine, NOW_MS, S3, SFTP } from "./made_up_machine.ts";

let root: string | undefined;
afterEach(() => {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
  root = undefined;
});

function file(name: string, text: string, mode = 0o600): string {
  root ??= mkdtempSync(join(tmpdir(), "musicfs-doctor-"));
  const path = join(root, name);
  writeFileSync(path, text, { mode });
  return path;
}

describe("checkClock()", () => {
  const bucket = config({ origins: [{ ...S3, endpoint: "http://s3.example:9000" }] });
  const saying = (aheadMs: number) => machine({ serverTimeMs: async () => NOW_MS - aheadMs });

  test("is content with a right one, asked of each server once", async () => {
    const asked: string[] = [];
    const right = machine({
      serverTimeMs: async (url) => {
        asked.push(url);
        return NOW_MS + 500;
      },
    });
    const two = config({
      origins: [S3, { ...S3, id: "other" }, { ...S3, id: "off", enabled: false, region: "x" }],
    });
    expect(await checkClock(right, two, [])).toMatchObject([{ check: "clock", status: "ok" }]);
    expect(asked).toEqual(["https://s3.eu-central-1.amazonaws.com"]);
  });

  test.each([
    ["two minutes fast", 120_000, "warning", "2 min fast"],
    ["two minutes slow", -120_000, "warning", "2 min slow"],
    ["an hour slow", -3_600_000, "problem", "which refuses requests"],
  ] as const)("tells of a clock that is %s", async (_, aheadMs, status, said) => {
    expect(await checkClock(saying(aheadMs), bucket, [])).toMatchObject([
      {
        status,
        message: expect.stringContaining(said),
        remedy: expect.stringContaining("timedatectl"),
      },
    ]);
  });

  test("a server that says nothing says nothing about the clock", async () => {
    expect(await checkClock(machine(), bucket, [])).toMatchObject([{ status: "ok" }]);
  });

  test("files from the future prove a clock that was set back", async () => {
    const mtimeMs = NOW_MS + 3 * 24 * 3_600_000;
    const state = () => ({ isDirectory: false, uid: 0, mode: 0, mtimeMs });
    expect(await checkClock(machine({ state }), undefined, ["/a"])).toMatchObject([
      { status: "problem", message: expect.stringContaining("there are files of 2026-01-04") },
    ]);
  });
});

describe("checkCredentials()", () => {
  const check = (origin: object, env = {}) =>
    checkCredentials(machine(), config({ origins: [origin] }), env);

  test("has nothing to say of origins without any", async () => {
    for (const origin of [LOCAL, S3, SFTP]) expect(await check(origin)).toEqual([]);
    const disabled = { ...S3, enabled: false, credentials: { env: "NOT_THERE" } };
    expect(await check(disabled)).toEqual([]);
  });

  test("is content with what is there, and shows none of it (R-3)", async () => {
    const key = secret("doctor");
    const env = { CLOUD_ACCESS_KEY_ID: "id", CLOUD_SECRET_ACCESS_KEY: key };
    const found = await check({ ...S3, credentials: { env: "CLOUD" } }, env);
    expect(found).toEqual([
      { check: "credentials", origin: "cloud", status: "ok", message: "can be had" },
    ]);
    expect(JSON.stringify(found)).not.toContain(key);
  });

  test("names what is wrong with each kind of source, and what to do there", async () => {
    const open = file("open", `PASSWORD=${secret("doctor-file")}\n`, 0o644);
    const sources: readonly [source: object, said: string, remedy: string][] = [
      [{ env: "GONE" }, "holds no credentials", "set GONE_"],
      [{ file: open }, "open to others", "readable by its user alone"],
      [{ file: "/no/such" }, "cannot be read (ENOENT)", "KEY=value"],
      [{ command: "exit 3" }, "failed with exit code 3", "run it by hand"],
    ];
    for (const [credentials, said, remedy] of sources) {
      expect(await check({ ...SFTP, credentials })).toMatchObject([
        {
          ...{ check: "credentials", origin: "nas", status: "problem" },
          message: expect.stringContaining(said),
          remedy: expect.stringContaining(remedy),
        },
      ]);
    }
  });

  test("S3 needs an access key, not a password", async () => {
    const env = { CLOUD_PASSWORD: secret("doctor") };
    expect(await check({ ...S3, credentials: { env: "CLOUD" } }, env)).toMatchObject([
      { status: "problem", remedy: expect.stringContaining("ACCESS_KEY_ID") },
    ]);
  });

  test("an identity file is opened, with the passphrase that is given", async () => {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      publicKeyEncoding: { type: "spki", format: "pem" },
      privateKeyEncoding: { type: "pkcs1", format: "pem" },
    });
    const key = file("key", privateKey);
    expect(await check({ ...SFTP, identity_file: key })).toMatchObject([{ status: "ok" }]);
    const wrong: readonly [path: string, said: string][] = [
      ["/no/key", "does not exist"],
      [file("junk", "no key"), "holds no private key"],
      [file("open", privateKey, 0o644), "open to other users"],
    ];
    for (const [identity_file, said] of wrong) {
      expect(await check({ ...SFTP, identity_file })).toMatchObject([
        {
          status: "problem",
          message: expect.stringContaining(said),
          remedy: expect.stringContaining("--identity-file"),
        },
      ]);
    }
  });
});

describe("checkKnownHosts() (R-4)", () => {
  const ssh = {
    ...{ home: "/home/someone", localUser: "someone", agentSocket: undefined },
    files: { read: () => undefined, glob: () => [] },
  };
  const type = Buffer.from("ssh-ed25519");
  const key = Buffer.concat([Buffer.from([0, 0, 0, type.length]), type, Buffer.alloc(36)]);
  const line = (host: string) => `${host} ssh-ed25519 ${key.toString("base64")}\n`;
  const check = (known_hosts: string, more = {}, mode = 0o100600) => {
    const state = () => ({ isDirectory: false, uid: 0, mode, mtimeMs: 0 });
    const origins = [{ ...SFTP, known_hosts, ...more }];
    return checkKnownHosts(machine({ state }), config({ origins }), ssh);
  };

  test("is content with a host that is recorded, at its port", () => {
    expect(check(file("known", line("nas.example")))).toMatchObject([
      { check: "known_hosts", origin: "nas", status: "ok" },
    ]);
    const other = file("other", line("[nas.example]:2222"));
    expect(check(other, { port: 2222 })).toMatchObject([{ status: "ok" }]);
  });

  test("says how to see and accept a key that is not", () => {
    for (const [known, port, scan] of [
      ["/no/such/file", undefined, "ssh-keyscan nas.example |"],
      [file("known", line("elsewhere.example")), 2222, "ssh-keyscan -p 2222 nas.example |"],
    ] as const) {
      const [found] = check(known, port === undefined ? {} : { port });
      expect(found?.message).toContain(`no key of nas.example is recorded in ${known}`);
      expect(found?.remedy).toContain(scan);
      expect(found?.remedy).toContain("musicfs origins set nas --accept-host-key");
    }
  });

  test("warns of a file that others can write", () => {
    const known = file("known", line("nas.example"));
    expect(check(known, {}, 0o100666)).toMatchObject([
      { status: "warning", remedy: expect.stringContaining(`chmod go-w ${known}`) },
    ]);
  });

  test("tells of a configuration of OpenSSH that is not to be trusted", () => {
    const refusing = { ...ssh.files, read: () => "ProxyJump elsewhere\n" };
    const found = checkKnownHosts(machine(), config({ origins: [SFTP] }), {
      ...ssh,
      files: refusing,
    });
    expect(found).toMatchObject([{ status: "problem", remedy: expect.any(String) }]);
  });
});

describe("checkOrigins()", () => {
  const settings = config({ origins: [LOCAL, { ...LOCAL, id: "off", enabled: false }] });
  const check = (open: () => Promise<Origin>) => checkOrigins(settings, machine().clock, open);
  const memory = () => new MemoryOrigin({ id: "disk" as OriginId });

  test("is content with one that answers, closes it, and leaves disabled ones alone", async () => {
    let closed = 0;
    const found = await check(async () => {
      const origin = memory();
      const close = origin.close.bind(origin);
      origin.close = () => {
        closed++;
        return close();
      };
      return origin;
    });
    expect(found).toMatchObject([{ check: "origin", origin: "disk", status: "ok" }]);
    expect(closed).toBe(1);
  });

  test("warns of one that is degraded", async () => {
    const found = await check(async () => {
      const origin = memory();
      origin.probe = async () => ({ status: "degraded", reason: "two of three disks are left" });
      return origin;
    });
    expect(found).toMatchObject([
      {
        ...{ status: "warning", message: "two of three disks are left" },
        remedy: expect.stringContaining("musicfs health disk"),
      },
    ]);
  });

  test("waits for none longer than a health check does (R-2)", async () => {
    const clock = new VirtualClock();
    const silent = memory();
    silent.probe = () => new Promise(() => undefined);
    const looked = checkOrigins(settings, clock, async () => silent);
    await clock.advance(settings.health.timeoutMs);
    expect(await looked).toMatchObject([
      { status: "problem", remedy: expect.stringContaining("timeout_ms") },
    ]);
    expect(clock.pendingTimers).toBe(0);
  });

  test.each(Object.keys(ORIGIN_ERRORS) as OriginErrorCode[])(
    "tells of one that fails with %s, once with its name",
    async (code) => {
      const found = await check(() =>
        Promise.reject(new OriginError(code, "disk", "", "went wrong")),
      );
      expect(found).toMatchObject([
        {
          origin: "disk",
          status: "problem",
          message: "went wrong",
          remedy: expect.stringMatching(/.{12}/),
        },
      ]);
    },
  );
});
