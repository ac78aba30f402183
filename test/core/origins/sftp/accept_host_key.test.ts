import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { acceptHostKey } from "../../../../src/core/origins/sftp/accept_host_key.ts";
import { fingerprint } from "../../../../src/core/origins/sftp/known_hosts.ts";
import { ScriptedServer } from "./scripted_server.ts";
import { surroundings } from "./settings.ts";

const keyOf = (server: ScriptedServer) => Buffer.from(server.hostKey.split(" ")[1] ?? "", "base64");
const accept = (server: ScriptedServer, wanted = fingerprint(keyOf(server)), own = {}) =>
  acceptHostKey(server.settings(own), wanted, { surroundings: surroundings(server.directory) });

describe("accepting a host key", () => {
  test("records the key whose fingerprint was given, and the origin connects (R-4)", async () => {
    let logins = 0;
    await using server = await ScriptedServer.start({
      authenticate: (context) => {
        logins++;
        context.accept();
      },
    });
    const knownHosts = join(server.directory, "new", "known_hosts");
    const origin = server.origin({ knownHosts });
    await expect(origin.probe()).rejects.toMatchObject({ code: "host_key" });
    const accepted = await accept(server, undefined, { knownHosts });
    expect(accepted).toMatchObject({ keyType: "ssh-ed25519", file: knownHosts, recorded: true });
    expect(readFileSync(knownHosts, "utf8")).toBe(`[127.0.0.1]:${server.port} ${server.hostKey}\n`);
    expect(statSync(knownHosts).mode & 0o777).toBe(0o600);
    expect(statSync(join(server.directory, "new")).mode & 0o777).toBe(0o700);
    expect(logins).toBe(0);
    expect(await origin.probe()).toEqual({ status: "ok" });
    await origin.close();
    expect(await accept(server, undefined, { knownHosts })).toMatchObject({ recorded: false });
  });

  test("records nothing for another fingerprint, and says what the server has", async () => {
    await using server = await ScriptedServer.start();
    rmSync(server.knownHosts);
    const wrong = accept(server, `SHA256:${"A".repeat(43)}`);
    await expect(wrong).rejects.toMatchObject({ code: "host_key", originId: "sftp" });
    await expect(wrong).rejects.toThrow(fingerprint(keyOf(server)));
    expect(existsSync(server.knownHosts)).toBeFalse();
  });

  test("replaces the host's old key, keeps the rest, the mode and a link", async () => {
    await using server = await ScriptedServer.start();
    await using other = await ScriptedServer.start();
    const real = join(server.directory, "real");
    writeFileSync(
      real,
      `# mine\n[127.0.0.1]:${server.port} ${other.hostKey}\npi ${other.hostKey}\n`,
      {
        mode: 0o644,
      },
    );
    rmSync(server.knownHosts);
    symlinkSync(real, server.knownHosts);
    await accept(server);
    expect(readFileSync(real, "utf8")).toBe(
      `# mine\npi ${other.hostKey}\n[127.0.0.1]:${server.port} ${server.hostKey}\n`,
    );
    expect(statSync(real).mode & 0o777).toBe(0o644);
  });

  test("does not accept a revoked key", async () => {
    await using server = await ScriptedServer.start();
    const revoked = `@revoked * ${server.hostKey}\n`;
    writeFileSync(server.knownHosts, revoked);
    await expect(accept(server)).rejects.toThrow("revokes");
    expect(readFileSync(server.knownHosts, "utf8")).toBe(revoked);
  });

  test("says that the server cannot be asked", async () => {
    const server = await ScriptedServer.start();
    const settings = server.settings();
    const ports = { surroundings: surroundings(server.directory) };
    await server[Symbol.asyncDispose]();
    await expect(acceptHostKey(settings, "SHA256:x", ports)).rejects.toMatchObject({
      code: "connection",
    });
  });
});
