import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { Client } from "ssh2";
import { type Sshd, startSshd } from "../../scripts/servers/sshd.ts";

function ssh(server: Sshd, ...command: readonly string[]) {
  const options = [
    "IdentitiesOnly=yes",
    "BatchMode=yes",
    `UserKnownHostsFile=${server.knownHosts}`,
  ];
  const { exitCode, stdout } = Bun.spawnSync(
    [
      ...["ssh", "-F", "/dev/null", "-p", String(server.port), "-i", server.keyFile],
      ...options.flatMap((option) => ["-o", option]),
      ...[`${server.user}@${server.host}`, ...command],
    ],
    { stdin: "ignore" },
  );
  return { exitCode, stdout: stdout.toString() };
}

describe("startSshd", () => {
  test("serves a key, survives SIGSTOP and SIGKILL, and leaves nothing behind", async () => {
    let dataDir: string;
    let processes: Sshd["processes"];
    {
      await using server = await startSshd();
      dataDir = server.dataDir;
      processes = server.processes;
      expect(ssh(server, "echo", "hello")).toEqual({ exitCode: 0, stdout: "hello\n" });

      server.pause();
      server.resume();
      expect(ssh(server, "true").exitCode).toBe(0);

      await server.kill();
      expect(server.processes()).toEqual([]);
      expect(ssh(server, "true").exitCode).toBe(255);
      await server.restart();
      expect(ssh(server, "true").exitCode).toBe(0);
    }
    expect(processes()).toEqual([]);
    expect(existsSync(dataDir)).toBe(false);
  }, 60_000);

  test("serves a password and refuses keys", async () => {
    await using server = await startSshd({ login: "password" });
    expect(ssh(server, "true").exitCode).toBe(255);
    const client = new Client();
    const ready = new Promise<void>((resolve, reject) => {
      client.once("ready", resolve).once("error", reject);
    });
    const { host, port, user: username, password } = server;
    client.connect({ host, port, username, ...(password === undefined ? {} : { password }) });
    await ready;
    client.end();
    expect(password).toBeString();
  }, 60_000);

  test("runs no command when it serves sftp only", async () => {
    await using server = await startSshd({ sftpOnly: true });
    const { exitCode, stdout } = ssh(server, "echo", "hello");
    expect(exitCode).not.toBe(0);
    expect(stdout).not.toContain("hello");
  }, 60_000);

  test("starts side by side on ports of its own", async () => {
    const servers = await Promise.all([startSshd(), startSshd(), startSshd()]);
    await using stack = new AsyncDisposableStack();
    for (const server of servers) stack.use(server);
    expect(new Set(servers.map((server) => server.port)).size).toBe(3);
    for (const server of servers) expect(ssh(server, "true").exitCode).toBe(0);
  }, 60_000);
});
