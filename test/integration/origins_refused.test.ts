/** What `origins add` says of origins that do not answer as they should, type by type: what is wrong, and what to do. */

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ScriptedServer } from "../core/origins/sftp/scripted_server.ts";
import { Home, type Ran } from "../program/cli.ts";
import { RAW_KEYS } from "../support/raw_bucket.ts";
import { type Answer, RawHttpServer, reply } from "../support/raw_http.ts";
import { errorXml, listXml } from "../support/s3_answers.ts";

const S3_KEYS = {
  CLOUD_ACCESS_KEY_ID: RAW_KEYS.accessKeyId,
  CLOUD_SECRET_ACCESS_KEY: RAW_KEYS.secretAccessKey,
};

/** Refuses HEAD without a body, as S3 does, and what comes next with one. */
const refuse = (status: number, body: string, headers = {}): Answer => {
  return (socket, { method }) => reply(socket, status, headers, method === "HEAD" ? "" : body);
};

function expectRefused(ran: Ran, home: Home, ...told: readonly string[]): void {
  expect(ran.stdout).toBe("");
  for (const text of told) expect(ran.stderr).toContain(text);
  expect(ran.stderr).toEndWith("; nothing was written (--no-check adds it all the same)\n");
  expect(ran.stderr.trimEnd()).not.toMatch(/\p{Cc}/u);
  expect(ran.code).toBe(1);
  expect(existsSync(home.configFile)).toBe(false);
}

describe("musicfs origins add of a bucket", () => {
  const addBucket = (home: Home, server: RawHttpServer, ...args: readonly string[]) =>
    home.runWith(
      { ...S3_KEYS, AWS_EC2_METADATA_DISABLED: "true" },
      ...["origins", "add", "cloud", "--type", "s3", "--endpoint", server.endpoint],
      ...["--bucket", "music", "--region", "us-east-1", ...args],
    );
  const withKeys = ["--credentials-env", "CLOUD"];

  const buckets: Readonly<Record<string, readonly [Answer, ...told: readonly string[]]>> = {
    "with a wrong secret": [
      refuse(403, errorXml("SignatureDoesNotMatch")),
      "does not accept the credentials; check access key and secret",
    ],
    "with an unknown access key": [
      refuse(403, errorXml("InvalidAccessKeyId")),
      "does not accept the credentials; check access key and secret",
    ],
    "in another region": [
      refuse(301, errorXml("PermanentRedirect"), { "x-amz-bucket-region": "eu-central-1" }),
      'is in region eu-central-1, not in us-east-1; set region = "eu-central-1"',
    ],
    "while the clock is wrong": [
      refuse(403, errorXml("RequestTimeTooSkewed", { ServerTime: "2100-01-01T00:00:00Z" })),
      "this machine's clock is",
      "behind the server's; set it right (timedatectl set-ntp true)",
    ],
    "that is not there": [
      refuse(404, errorXml("NoSuchBucket")),
      "bucket music does not exist at http://127.0.0.1:",
      'check "bucket"',
    ],
    "whose requesters pay": [
      refuse(403, errorXml("AccessDenied", { Message: "Bucket is Requester Pays" })),
      "bucket music makes requesters pay",
      "ask its owner for another way",
    ],
    "without the rights": [
      refuse(403, errorXml("AccessDenied")),
      "access to bucket music is denied",
      "s3:ListBucket and s3:GetObject",
    ],
    "at what is no S3 endpoint": [
      refuse(405, "<html><body>Welcome</body></html>"),
      "is this an S3 endpoint?",
    ],
    "that can be seen and not listed": [
      (socket, { method }) => {
        if (method === "HEAD") reply(socket, 200);
        else reply(socket, 403, {}, errorXml("AccessDenied"));
      },
      "denies access",
      "s3:ListBucket and s3:GetObject",
    ],
  };
  for (const [what, [answer, ...told]] of Object.entries(buckets)) {
    test(`${what} says what to do`, async () => {
      using home = new Home();
      await using server = await RawHttpServer.start(answer);
      expectRefused(await addBucket(home, server, ...withKeys), home, "origin cloud: ", ...told);
    });
  }

  test("without credentials says where they are looked for", async () => {
    using home = new Home();
    await using server = await RawHttpServer.start(refuse(200, ""));
    const advice = "set [origins.credentials] or a profile, or log in again";
    expectRefused(await addBucket(home, server), home, "no usable credentials", advice);
    expect(server.requests).toEqual([]);
    const prefix = await addBucket(home, server, "--credentials-env", "TYPO");
    expectRefused(prefix, home, "(TYPO_…) holds no credentials; give ACCESS_KEY_ID and SECRET_");
  });

  test("at a port where nothing listens asks whether the server runs", async () => {
    using home = new Home();
    const server = await RawHttpServer.start(refuse(200, ""));
    const { endpoint } = server;
    await server[Symbol.asyncDispose]();
    const gone = { endpoint } as RawHttpServer;
    const told = `is it running, and the endpoint right? at ${endpoint}`;
    expectRefused(await addBucket(home, gone, ...withKeys), home, "refuses connections", told);
  });

  test("with a path where nothing is adds it, and says that it is empty", async () => {
    using home = new Home();
    await using server = await RawHttpServer.start((socket, { method }) => {
      if (method === "HEAD") reply(socket, 200);
      else reply(socket, 200, {}, listXml({ prefix: "typo/" }));
    });
    const { code, stderr } = await addBucket(home, server, ...withKeys, "--path", "typo");
    expect(stderr).toBe(
      "musicfs: origin cloud is empty; check its path if there should be music\n",
    );
    expect(code).toBe(0);
  });
});

describe("musicfs origins add of an SSH server", () => {
  const flagsFor = (server: ScriptedServer) => [
    ...["origins", "add", "attic", "--type", "sftp", "--host", "127.0.0.1"],
    ...["--port", `${server.port}`, "--user", "music", "--path", "/music"],
    ...["--identity-file", server.keyFile, "--known-hosts", server.knownHosts],
  ];

  /** The command in backquotes after the words "accept it". */
  const acceptCommand = ({ stderr }: Ran) => /accept it: `musicfs (.*?)`/.exec(stderr)?.[1] ?? "";

  for (const [what, knownHosts, told] of [
    ["is unknown", () => "", "is not known"],
    ["has changed", (other: string, at: string) => `${at} ${other}\n`, "has CHANGED"],
  ] as const) {
    test(`whose key ${what} names a command that accepts it, and that works (R-4)`, async () => {
      using home = new Home();
      await using server = await ScriptedServer.start({ tree: { "it's a song": Buffer.of(1) } });
      await using other = await ScriptedServer.start();
      const at = `[127.0.0.1]:${server.port}`;
      writeFileSync(server.knownHosts, knownHosts(other.hostKey, at));
      const refused = await home.run(...flagsFor(server), "--exclude", "it's *");
      expectRefused(
        refused,
        home,
        told,
        `ssh-keyscan -p ${server.port} 127.0.0.1 | ssh-keygen -lf -`,
      );
      // A shell makes of it what it says.
      const words = Bun.spawnSync(["sh", "-c", `printf '%s\\0' ${acceptCommand(refused)}`]);
      const args = words.stdout.toString().split("\0").slice(0, -1);
      expect(args).toContain("it's *");
      const accepted = await home.run(...args);
      expect(accepted.stderr).toContain(`ssh-ed25519 key recorded in ${server.knownHosts}`);
      expect(accepted.code).toBe(0);
      expect(readFileSync(server.knownHosts, "utf8")).toBe(`${at} ${server.hostKey}\n`);
      expect((await home.run("health")).code).toBe(0);
    });
  }

  test("whose key changes later is named by health, with the command that accepts it (R-4)", async () => {
    using home = new Home();
    await using server = await ScriptedServer.start();
    await using other = await ScriptedServer.start();
    expect((await home.run(...flagsFor(server))).code).toBe(0);
    const replaceKey = () =>
      writeFileSync(server.knownHosts, `[127.0.0.1]:${server.port} ${other.hostKey}\n`);
    replaceKey();
    const health = await home.run("health");
    expect(health.code).toBe(2);
    const command = /accept it: `musicfs (.*?)`/.exec(health.stdout)?.[1] ?? "";
    expect(command).toStartWith("origins set attic --accept-host-key SHA256:");
    // Of a file that was chosen, another one knows nothing.
    const chosen = join(home.path, "chosen.toml");
    renameSync(home.configFile, chosen);
    replaceKey();
    const elsewhere = await home.run("health", "--config", chosen);
    const itsCommand = /accept it: `musicfs (.*?)`/.exec(elsewhere.stdout)?.[1] ?? "";
    expect(itsCommand).toBe(`--config ${chosen} ${command}`);
    expect((await home.run(...itsCommand.split(" "))).code).toBe(0);
    expect((await home.run("health", "--config", chosen)).code).toBe(0);
  });

  test("with another fingerprint than its own records nothing (R-4)", async () => {
    using home = new Home();
    await using server = await ScriptedServer.start();
    writeFileSync(server.knownHosts, "");
    const wrong = `SHA256:${"A".repeat(43)}`;
    const ran = await home.run(...flagsFor(server), "--accept-host-key", wrong);
    expect(ran.stderr).toContain(`has no host key ${wrong}, it presents ssh-ed25519 SHA256:`);
    expect(ran.code).toBe(1);
    expect(readFileSync(server.knownHosts, "utf8")).toBe("");
    expect(existsSync(home.configFile)).toBe(false);
  });

  test("that refuses the login says what was tried, and what it takes", async () => {
    using home = new Home();
    await using server = await ScriptedServer.start({
      authenticate: (context) => context.reject(["password"]),
    });
    const ran = await home.run(...flagsFor(server));
    expectRefused(ran, home, "origin attic: ", "does not let music in", "Set identity_file");
  });

  test("with a path that is not there, or is a file, says so", async () => {
    using home = new Home();
    await using server = await ScriptedServer.start({ tree: { song: Buffer.of(1) } });
    const missing = await home.run(...flagsFor(server), "--path", "/music/typo");
    expectRefused(missing, home, "no such directory", "mount its disk there or correct path");
    const file = await home.run(...flagsFor(server), "--path", "/music/song");
    expectRefused(file, home, "the origin's path is no directory on the server");
  });

  test("at a port where nothing listens asks whether the server runs", async () => {
    using home = new Home();
    const server = await ScriptedServer.start();
    const flags = flagsFor(server);
    await server[Symbol.asyncDispose]();
    const ran = await home.run(...flags);
    expectRefused(ran, home, "refuses the connection: is its SSH server running, on this port?");
  });
});

describe("musicfs origins add of a directory", () => {
  for (const type of ["nfs", "smb"]) {
    test(`of type ${type} where no share is mounted says how to mount it`, async () => {
      using home = new Home();
      await home.music("share", { song: "a" });
      const ran = await home.run("origins", "add", "nas", "--type", type, "--path", "share");
      expectRefused(ran, home, `at ${join(home.path, "share")}; mount the share`);
      const missing = await home.run("origins", "add", "nas", "--type", type, "--path", "typo");
      expectRefused(missing, home, join(home.path, "typo"));
      const trusted = ["--path", "share", "--require-mount=false"];
      expect((await home.run("origins", "add", "nas", "--type", type, ...trusted)).code).toBe(0);
    });
  }

  test("that is not there, or is a file, says so", async () => {
    using home = new Home();
    await home.music(".", { song: "a" });
    const missing = await home.run("origins", "add", "disk", "--type", "local", "--path", "typo");
    expectRefused(missing, home, "origin disk: ", join(home.path, "typo"));
    const file = await home.run("origins", "add", "disk", "--type", "local", "--path", "song");
    expectRefused(file, home, "origin disk: ", join(home.path, "song"));
  });
});
