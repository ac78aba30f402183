/**
 * OpenSSH's sshd on 127.0.0.1. As root it serves an unprivileged user that exists in a mount
 * namespace of the server alone, so the machine's accounts stay untouched; as anyone else it
 * serves that person, with a key only.
 */

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readFileSync } from "node:fs";
import { chmod, chown } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { secret } from "../secrets.ts";
import { ensurePackages } from "./packages.ts";
import { freePorts, greeting } from "./ports.ts";
import { type ProcessId, until } from "./process.ts";
import { PortTaken, type ServerOptions, ServerRoot, withRetries } from "./server.ts";

export interface SshdOptions extends ServerOptions {
  /** How the user logs in. Default: by key. */
  readonly login?: "key" | "password";
  /** True: sftp works; commands, terminals and forwards do not. Default: false. */
  readonly sftpOnly?: boolean;
  /** Default: a free one. */
  readonly port?: number;
}

export interface Sshd extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absent where only keys are accepted. */
  readonly password: string | undefined;
  /** Private key files: the user's, the user's under a passphrase, and one nobody accepts. */
  readonly keyFile: string;
  readonly encryptedKeyFile: string;
  readonly passphrase: string;
  readonly strangerKeyFile: string;
  /** known_hosts files: right, and with another key for this address. */
  readonly knownHosts: string;
  readonly wrongKnownHosts: string;
  /** `ssh-ed25519 AAAA…`, the server's public host key. */
  readonly hostKey: string;
  /** Of that key, as `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly fingerprint: string;
  /** What the sftp session starts in; belongs to the user. */
  readonly dataDir: string;
  readonly logFile: string;
  /** The server and its live sessions. */
  processes(): readonly ProcessId[];
  /** SIGSTOP and SIGCONT to the server and its sessions. */
  pause(): void;
  resume(): void;
  /** SIGKILL to the server and its sessions. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same keys after {@link kill}. */
  restart(): Promise<void>;
}

const TEST_USER = "music";
const TEST_UID = 61_234;
const PASSWORD = secret("sshd");
const PASSPHRASE = secret("key");
const START_TIMEOUT_MS = 20_000;

export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  await ensurePackages(["openssh-server", "openssh-client"]);
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && options.login === "password") throw new Error("sshd by password needs root");
  return await withRetries(options.port === undefined ? 5 : 1, async () => {
    const root = new ServerRoot("sshd", options);
    try {
      const [free] = await freePorts(1);
      return await startIn(root, options.port ?? free ?? 0, options, isRoot);
    } catch (error) {
      await root.stop();
      throw error;
    }
  });
}

async function startIn(
  root: ServerRoot,
  port: number,
  options: SshdOptions,
  isRoot: boolean,
): Promise<Sshd> {
  const user = isRoot ? TEST_USER : userInfo().username;
  const password = options.login === "password" ? PASSWORD : undefined;
  await chmod(root.path, 0o755);
  const home = root.directory("home");
  const dataDir = root.directory("data");
  const hostKeyFile = makeKey(root, "host_key");
  const keyFile = makeKey(root, "client_key");
  const encryptedKeyFile = makeKey(root, "encrypted_key", PASSPHRASE);
  const strangerKeyFile = makeKey(root, "stranger_key");
  root.file("authorized_keys", publicKey(keyFile) + publicKey(encryptedKeyFile));
  const hostKey = publicKey(hostKeyFile).trim().split(" ").slice(0, 2).join(" ");
  const wrongKey = publicKey(strangerKeyFile).trim().split(" ").slice(0, 2).join(" ");
  const config = root.file("sshd_config", sshdConfig(root.path, { ...options, port, user }));
  if (isRoot) {
    await chown(home, TEST_UID, TEST_UID);
    await chown(dataDir, TEST_UID, TEST_UID);
    writeAccounts(root, home, password);
  }
  const log = root.logFile("sshd");

  const launch = async () => {
    const sshd = ["/usr/sbin/sshd", "-D", "-e", "-f", config];
    root.launch("sshd", isRoot ? withAccounts(root.path, sshd) : sshd);
    const up = await until(async () => {
      if (!root.running) throw startFailure(root);
      return await greeting(port, 2000).then(
        (line) => line.startsWith("SSH-2.0-"),
        () => false,
      );
    }, START_TIMEOUT_MS);
    if (!up) throw startFailure(root);
  };
  await launch();

  const server: Sshd = {
    host: "127.0.0.1",
    port,
    user,
    password,
    keyFile,
    encryptedKeyFile,
    passphrase: PASSPHRASE,
    strangerKeyFile,
    knownHosts: root.file("known_hosts", `[127.0.0.1]:${port} ${hostKey}\n`),
    wrongKnownHosts: root.file("known_hosts.wrong", `[127.0.0.1]:${port} ${wrongKey}\n`),
    hostKey,
    fingerprint: fingerprintOf(hostKey),
    dataDir,
    logFile: log,
    processes: () => root.processes(),
    pause: () => root.pause(),
    resume: () => root.resume(),
    kill: () => root.kill(),
    restart: launch,
    [Symbol.asyncDispose]: () => root.stop(),
  };
  root.publish({
    SFTP_HOST: server.host,
    SFTP_PORT: String(port),
    SFTP_USER: user,
    SFTP_PASSWORD: password ?? "",
    SFTP_KEY: keyFile,
    SFTP_KNOWN_HOSTS: server.knownHosts,
    SFTP_DIR: dataDir,
  });
  return server;
}

function startFailure(root: ServerRoot): Error {
  const logs = root.tail("sshd");
  if (logs.includes("Address already in use")) return new PortTaken(logs);
  return new Error(`sshd did not start:\n${logs}`);
}

function makeKey(root: ServerRoot, name: string, passphrase = ""): string {
  const file = join(root.path, name);
  if (existsSync(file)) return file;
  const made = Bun.spawnSync(
    ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", file],
    { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
  );
  if (!made.success) throw new Error(`ssh-keygen failed: ${made.stderr.toString()}`);
  return file;
}

function publicKey(file: string): string {
  return readFileSync(`${file}.pub`, "utf8");
}

function fingerprintOf(key: string): string {
  const [, blob = ""] = key.split(" ");
  const hash = createHash("sha256").update(Buffer.from(blob, "base64")).digest("base64");
  return `SHA256:${hash.replace(/=+$/, "")}`;
}

function sshdConfig(
  root: string,
  { port, user, login, sftpOnly }: SshdOptions & { readonly user: string },
): string {
  const byPassword = login === "password" ? "yes" : "no";
  const lines = [
    `Port ${port}`,
    "AddressFamily inet",
    "ListenAddress 127.0.0.1",
    `HostKey ${root}/host_key`,
    "PidFile none",
    `AuthorizedKeysFile ${root}/authorized_keys`,
    "StrictModes no",
    "UsePAM no",
    "UseDNS no",
    `AllowUsers ${user}`,
    `PubkeyAuthentication ${byPassword === "yes" ? "no" : "yes"}`,
    `PasswordAuthentication ${byPassword}`,
    "KbdInteractiveAuthentication no",
    "MaxAuthTries 20",
    "MaxSessions 1000",
    "MaxStartups 1000:30:2000",
    "PrintMotd no",
    "LogLevel VERBOSE",
    // A shell reads its start-up files from $HOME: keep those of the machine's owner out of it.
    `SetEnv HOME=${root}/home`,
    `Subsystem sftp internal-sftp -d ${root}/data`,
  ];
  if (sftpOnly === true) {
    lines.push(
      `ForceCommand internal-sftp -d ${root}/data`,
      "DisableForwarding yes",
      "PermitTTY no",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The machine's accounts plus the test user, for the server's namespace only. */
function writeAccounts(root: ServerRoot, home: string, password: string | undefined): void {
  const hash = password === undefined ? "*" : cryptSha512(password);
  const passwd = `${TEST_USER}:x:${TEST_UID}:${TEST_UID}:test user:${home}:/bin/sh\n`;
  root.directory("etc");
  for (const name of ["passwd", "shadow", "group"]) {
    copyFileSync(`/etc/${name}`, join(root.path, "etc", name));
  }
  const append = (name: string, line: string, mode: number) => {
    const own = readFileSync(`/etc/${name}`, "utf8");
    root.file(join("etc", name), own + line, mode);
  };
  append("passwd", passwd, 0o644);
  append("group", `${TEST_USER}:x:${TEST_UID}:\n`, 0o644);
  append("shadow", `${TEST_USER}:${hash}:19000:0:99999:7:::\n`, 0o600);
}

function cryptSha512(password: string): string {
  const { stdout } = Bun.spawnSync(["openssl", "passwd", "-6", "-stdin"], {
    stdin: Buffer.from(`${password}\n`),
  });
  return stdout.toString().trim();
}

/** Runs a command where the account files are ours and sshd's run directory exists. */
function withAccounts(root: string, command: readonly string[]): readonly string[] {
  const script = [
    // A copy of a mount that somebody tests would keep it from ending.
    "grep ' - fuse.musicfs ' /proc/self/mountinfo | cut -d ' ' -f 5 | xargs -r umount -l",
    ...["passwd", "shadow", "group"].map((name) => `mount --bind "$0/etc/${name}" /etc/${name}`),
    "mount -t tmpfs -o mode=755 tmpfs /run",
    "mkdir /run/sshd",
    'exec "$@"',
  ].join(" && ");
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, root, ...command];
}
