/** Logging in to OpenSSH, its host key, and what its shell computes. */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { secret } from "../../scripts/secrets.ts";
import { type Sshd, startSshd } from "../../scripts/servers/sshd.ts";
import { type BytePath, nameFromText } from "../../src/core/bytes.ts";
import type { SftpOriginSettings } from "../../src/core/config/config.ts";
import { MusicFsError } from "../../src/core/errors.ts";
import { CredentialsProvider, type Environment } from "../../src/core/origins/credentials.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { acceptHostKey } from "../../src/core/origins/sftp/accept_host_key.ts";
import {
  openSftpOrigin,
  type SftpOrigin,
  type SftpPorts,
} from "../../src/core/origins/sftp/origin.ts";
import { sftpSettings, surroundings } from "../core/origins/sftp/settings.ts";

const path = (text: string) => nameFromText(text) as string as BytePath;
const nowhere = { surroundings: surroundings("/nonexistent") };

function origin(
  server: Sshd,
  own: Partial<SftpOriginSettings> = {},
  ports: SftpPorts = nowhere,
): SftpOrigin {
  const { host, port, user, keyFile, knownHosts } = server;
  const settings = { host, port, user, identityFile: keyFile, knownHosts, ...own };
  return openSftpOrigin(sftpSettings(settings), ports);
}

function credentials(env: Environment): SftpPorts {
  const source = { from: "env", prefix: "NAS" } as const;
  return { ...nowhere, credentials: new CredentialsProvider("sftp" as OriginId, source, { env }) };
}

/** Probes once and closes: `ok`, or code and message of the failure and all that `inspect` shows. */
async function probe(opened: SftpOrigin): Promise<string> {
  try {
    return (await opened.probe()).status;
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
    return `${error.code}: ${Bun.inspect(error)}`;
  } finally {
    await opened.close();
  }
}

describe("OpenSSH with keys", () => {
  let server: Sshd;
  let directory: string;
  beforeAll(async () => {
    server = await startSshd();
    directory = mkdtempSync(join(tmpdir(), "musicfs-sftp-login-"));
  }, 120_000);
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    await server[Symbol.asyncDispose]();
  });

  test("lets a key in", async () => {
    expect(await probe(origin(server))).toBe("ok");
  });

  test("lets an encrypted key in with its passphrase, and says when that is missing (R-3)", async () => {
    const own = { identityFile: server.encryptedKeyFile };
    const ports = credentials({ NAS_PASSPHRASE: server.passphrase });
    expect(await probe(origin(server, own, ports))).toBe("ok");
    const missing = await probe(origin(server, own));
    expect(missing).toStartWith("credentials");
    expect(missing).toContain("is encrypted: give its passphrase");
    const wrong = await probe(
      origin(server, own, credentials({ NAS_PASSPHRASE: secret("wrong") })),
    );
    expect(wrong).toContain("does not open it");
    expect(wrong).not.toContain(secret("wrong"));
  });

  test("lets the agent's keys in", async () => {
    const agentSocket = join(directory, "agent");
    const agent = Bun.spawn(["ssh-agent", "-D", "-a", agentSocket], {
      stdout: "ignore",
      stderr: "ignore",
    });
    try {
      const SSH_AUTH_SOCK = agentSocket;
      const add = () =>
        Bun.spawnSync(["ssh-add", "-q", server.keyFile], { env: { SSH_AUTH_SOCK } });
      while (add().exitCode !== 0) await Bun.sleep(20);
      const around = { ...surroundings("/nonexistent"), agentSocket };
      const own = { identityFile: undefined };
      expect(await probe(origin(server, own, { surroundings: around }))).toBe("ok");
    } finally {
      agent.kill();
      await agent.exited;
    }
  });

  test("refuses a key it does not know, and says what was tried", async () => {
    const refused = await probe(origin(server, { identityFile: server.strangerKeyFile }));
    expect(refused).toStartWith("credentials");
    expect(refused).toContain(`tried key ${server.strangerKeyFile}`);
  });

  test("is found by an alias of ssh_config", async () => {
    const files = {
      "/home/me/.ssh/config": `Host nas\n HostName 127.0.0.1\n Port ${server.port}\n User ${server.user}\n IdentityFile ${server.keyFile}\n`,
    };
    const own = { host: "nas", port: undefined, user: undefined, identityFile: undefined };
    const around = surroundings("/home/me", files);
    expect(await probe(origin(server, own, { surroundings: around }))).toBe("ok");
    const jump = { "/home/me/.ssh/config": "Host nas\n ProxyJump gate\n" };
    const refused = await probe(
      origin(server, own, { surroundings: surroundings("/home/me", jump) }),
    );
    expect(refused).toStartWith("misconfigured");
    expect(refused).toContain("ProxyJump");
  });

  test("is not trusted with another host key; accepting it mends that (R-4)", async () => {
    const knownHosts = join(directory, "known_hosts");
    writeFileSync(knownHosts, readFileSync(server.wrongKnownHosts));
    const refused = await probe(origin(server, { knownHosts }));
    expect(refused).toStartWith("host_key");
    expect(refused).toContain("CHANGED");
    const [, fingerprint = ""] = /--accept-host-key (SHA256:\S+)`/.exec(refused) ?? [];
    const { host, port, user } = server;
    await acceptHostKey(sftpSettings({ host, port, user, knownHosts }), fingerprint, nowhere);
    expect(await probe(origin(server, { knownHosts }))).toBe("ok");
    // OpenSSH reads the same of it.
    const listed = Bun.spawnSync(["ssh-keygen", "-lf", knownHosts]).stdout.toString();
    expect(listed).toContain(fingerprint);
    expect(listed.trim().split("\n")).toHaveLength(1);
  });

  test("trusts a host that is recorded hashed, as OpenSSH writes it", async () => {
    const knownHosts = join(directory, "hashed");
    writeFileSync(knownHosts, readFileSync(server.knownHosts));
    Bun.spawnSync(["ssh-keygen", "-H", "-f", knownHosts]);
    expect(readFileSync(knownHosts, "utf8")).toStartWith("|1|");
    expect(await probe(origin(server, { knownHosts }))).toBe("ok");
  });

  test("computes checksums of files with any name", async () => {
    const opened = origin(server);
    const content = Buffer.from("la la la");
    for (const name of ["song", "-rf", "a b'c\"d$e`f", "new\nline\\", "Björk", "*"]) {
      writeFileSync(join(server.dataDir, name), content, { mode: 0o644 });
      const version = await opened.stat(path(name));
      const hex = createHash("sha256").update(content).digest("hex");
      expect(await opened.proof(path(name), version)).toEqual({ kind: "sha256", hex });
    }
    await opened.close();
  });

  test("starts where the login does unless a path is given", async () => {
    writeFileSync(join(server.dataDir, "here"), "x", { mode: 0o644 });
    const login = origin(server, { path: "." });
    expect(await login.stat(path("here"))).toMatchObject({ kind: "file" });
    await login.close();
    const elsewhere = origin(server, { path: "/nonexistent" });
    await expect(elsewhere.probe()).rejects.toMatchObject({ code: "device_gone" });
    await elsewhere.close();
  });
});

describe("OpenSSH with a password and SFTP only", () => {
  const isRoot = process.getuid?.() === 0;

  test.skipIf(!isRoot)(
    "lets the password in, refuses another, and has no shell",
    async () => {
      await using server = await startSshd({ login: "password", sftpOnly: true });
      const own = { identityFile: undefined };
      const right = origin(server, own, credentials({ NAS_PASSWORD: server.password }));
      expect(await right.probe()).toEqual({ status: "ok" });
      writeFileSync(join(server.dataDir, "song"), "la", { mode: 0o644 });
      const version = await right.stat(path("song"));
      expect(version).toMatchObject({ sizeBytes: 2 });
      expect(await right.proof(path("song"), version)).toBeUndefined();
      await right.close();
      const wrong = await probe(
        origin(server, own, credentials({ NAS_PASSWORD: secret("wrong") })),
      );
      expect(wrong).toStartWith("credentials");
      expect(wrong).toContain("tried the password");
      expect(wrong).not.toContain(secret("wrong"));
    },
    60_000,
  );
});
