import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { type AuthContext, utils } from "ssh2";
import { secret } from "../../../../scripts/secrets.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { Secret } from "../../../../src/core/config/secret.ts";
import { MusicFsError } from "../../../../src/core/errors.ts";
import { CredentialsProvider } from "../../../../src/core/origins/credentials.ts";
import { KeyFiles } from "../../../../src/core/origins/sftp/key_files.ts";
import { Login, type LoginOptions } from "../../../../src/core/origins/sftp/login.ts";
import { ed25519Pair } from "./keys.ts";
import { ScriptedServer } from "./scripted_server.ts";
import { surroundings } from "./settings.ts";

const PASSWORD = secret("login");
const PASSPHRASE = secret("key");

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "musicfs-login-"));
});
afterEach(() => {
  rmSync(home, { recursive: true, force: true });
});

function keyFile(name: string, options: { mode?: number; passphrase?: string } = {}): string {
  const { mode = 0o600, passphrase } = options;
  const file = join(home, name);
  const pair = ed25519Pair(passphrase);
  writeFileSync(file, pair.private);
  chmodSync(file, mode);
  return file;
}

/** What a login offers to a server that accepts nothing but says that it takes `methods`. */
function offers(
  options: Partial<LoginOptions>,
  methods = ["publickey", "password", "keyboard-interactive"],
) {
  const keyFiles = new KeyFiles();
  const secrets = options.secrets ?? {};
  const login = new Login({
    user: "me",
    identityFiles: [],
    usualFiles: [],
    agentSocket: undefined,
    secrets,
    readKey: (file) => keyFiles.read(file, secrets.passphrase, utils.parseKey),
    ...options,
  });
  const offered: string[] = [];
  for (let left: string[] | null = null; ; left = methods) {
    let type: string | false = false;
    login.next(left as never, false, ((method: { type: string } | false) => {
      type = method === false ? false : method.type;
    }) as never);
    if (type === false) return { explanation: login.explain(), offered };
    offered.push(type);
  }
}

describe("login", () => {
  test("offers named keys, the agent, the usual keys, then the password", () => {
    const secrets = { password: new Secret(PASSWORD) };
    const { offered, explanation } = offers({
      identityFiles: [keyFile("named")],
      usualFiles: [keyFile("usual"), join(home, "absent")],
      agentSocket: "/run/agent",
      secrets,
    });
    expect(offered).toEqual([
      "publickey",
      "agent",
      "publickey",
      "password",
      "keyboard-interactive",
    ]);
    expect(explanation).toContain(`tried key ${home}/named, the agent's keys, key ${home}/usual`);
    expect(explanation).not.toContain("absent");
    expect(explanation).not.toContain(PASSWORD);
  });

  test("offers only what the server still accepts", () => {
    const secrets = { password: new Secret(PASSWORD) };
    const named = keyFile("named");
    const { offered } = offers({ usualFiles: [named, keyFile("b")], secrets }, ["password"]);
    expect(offered).toEqual(["publickey", "password"]);
  });

  test("says what is wrong with a key file, and what to do", () => {
    const open = keyFile("open", { mode: 0o644 });
    const encrypted = keyFile("encrypted", { passphrase: PASSPHRASE });
    writeFileSync(join(home, "text"), "no key");
    chmodSync(join(home, "text"), 0o600);
    const why = (file: string, secrets = {}) =>
      offers({ identityFiles: [file], secrets }).explanation;
    expect(why(open)).toContain(`chmod 600`);
    expect(why(encrypted)).toContain("is encrypted: give its passphrase");
    const wrong = why(encrypted, { passphrase: new Secret("wrong") });
    expect(wrong).toContain("does not open it");
    expect(wrong).not.toContain('"wrong"');
    expect(why(join(home, "text"))).toContain("holds no private key");
    expect(why(join(home, "absent"))).toContain("does not exist");
    expect(why(join(home, "absent"))).toContain("nothing to offer");
  });

  test("opens an encrypted key with the passphrase", () => {
    const file = keyFile("encrypted", { passphrase: PASSPHRASE });
    const secrets = { passphrase: new Secret(PASSPHRASE) };
    expect(offers({ identityFiles: [file], secrets }).offered).toEqual(["publickey"]);
  });
});

describe("key files", () => {
  test("are opened once while they stay as they are", () => {
    const file = keyFile("key");
    const keyFiles = new KeyFiles();
    let parsed = 0;
    const read = (passphrase?: Secret) =>
      keyFiles.read(file, passphrase, (...args) => {
        parsed++;
        return utils.parseKey(...args);
      });
    const first = read();
    expect("key" in first).toBeTrue();
    expect(read()).toBe(first);
    expect(parsed).toBe(1);
    read(new Secret(PASSPHRASE));
    expect(parsed).toBe(2);
    writeFileSync(file, "no longer a key");
    expect("key" in read()).toBeFalse();
    chmodSync(file, 0o640);
    expect(read()).toMatchObject({ reason: expect.stringContaining("chmod 600") });
  });
});

/** A provider that gives this password. */
function credentials(password: string): CredentialsProvider {
  return new CredentialsProvider(
    "sftp" as never,
    { from: "env", prefix: "X" },
    {
      clock: systemClock,
      env: { X_USERNAME: "singer", X_PASSWORD: password },
    },
  );
}

function accepting(method: string, check: (context: AuthContext) => boolean) {
  return (context: AuthContext) => {
    if (context.method === method && check(context)) context.accept();
    else context.reject([method as "password"]);
  };
}

describe("logging in", () => {
  test("by password", async () => {
    const authenticate = accepting("password", (context) => {
      return (
        context.method === "password" &&
        context.password === PASSWORD &&
        context.username === "singer"
      );
    });
    await using server = await ScriptedServer.start({ authenticate });
    const origin = server.origin(
      { user: undefined, identityFile: undefined },
      { credentials: credentials(PASSWORD) },
    );
    expect(await origin.probe()).toEqual({ status: "ok" });
    await origin.close();
  });

  test("by keyboard-interactive, telling the password to hidden prompts only", async () => {
    const told: string[][] = [];
    await using server = await ScriptedServer.start({
      authenticate: (context) => {
        if (context.method !== "keyboard-interactive") {
          context.reject(["keyboard-interactive"]);
          return;
        }
        const prompts = [
          { prompt: "Name: ", echo: true },
          { prompt: "Password: ", echo: false },
        ];
        context.prompt(prompts, (answers) => {
          told.push([...(answers ?? [])]);
          context.accept();
        });
      },
    });
    const origin = server.origin(
      { identityFile: undefined },
      { credentials: credentials(PASSWORD) },
    );
    expect(await origin.probe()).toEqual({ status: "ok" });
    expect(told).toEqual([["", PASSWORD]]);
    await origin.close();
  });

  test("in vain says what was tried and what the server takes, but no secret (R-3)", async () => {
    await using server = await ScriptedServer.start({
      authenticate: (context) => context.reject(["publickey", "password"]),
    });
    const origin = server.origin({}, { credentials: credentials(PASSWORD) });
    const error: unknown = await origin.probe().catch((thrown: unknown) => thrown);
    if (!(error instanceof MusicFsError)) throw error;
    expect(error).toMatchObject({ code: "credentials", scope: "origin", retryable: false });
    expect(error.message).toContain("does not let music in");
    expect(error.message).toContain(`tried key ${server.keyFile}, the password`);
    expect(error.message).toContain("the server accepts publickey, password");
    const everything = [inspect(error, { depth: 20 }), Bun.inspect(error), JSON.stringify(error)];
    expect(everything.join()).not.toContain(PASSWORD);
    await origin.close();
  });

  test("goes on without an agent that cannot be asked, and tells of it", async () => {
    await using server = await ScriptedServer.start({
      authenticate: (context) => context.reject(["publickey"]),
    });
    const agentSocket = join(server.directory, "no-agent");
    const origin = server.origin(
      { identityFile: undefined },
      { surroundings: { ...surroundings(server.directory), agentSocket } },
    );
    await expect(origin.probe()).rejects.toThrow("the agent failed");
    await origin.close();
  });

  test("does not ask a server that ends the connection for too many tries again and again", async () => {
    await using server = await ScriptedServer.start({ authenticate: () => server.cut() });
    const origin = server.origin();
    await expect(origin.probe()).rejects.toMatchObject({ code: "connection" });
    for (let i = 0; i < 20; i++) await origin.stat("x" as never).catch(() => undefined);
    expect(server.accepted).toBeLessThan(4);
    await origin.close();
  });
});
