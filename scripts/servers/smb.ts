/**
 * Samba's smbd on 127.0.0.1 and a mount of its share. The mount goes through FUSE (rclone), since
 * the kernel's own client is not everywhere; to programs it behaves like one, hangs included.
 */

import { readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { secret } from "../secrets.ts";
import { ensurePackages } from "./packages.ts";
import { accepts, freePorts } from "./ports.ts";
import { type ProcessId, until } from "./process.ts";
import { PortTaken, type ServerOptions, ServerRoot, stopRecorded, withRetries } from "./server.ts";

export interface SmbOptions extends ServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** False: only the server. Default: true. */
  readonly mount?: boolean;
  /** The port at which the client finds the server's: a proxy's. Default: the server's own. */
  readonly via?: (port: number) => number;
}

/** A part of the set-up that a test can make fail by itself. */
export type SmbPart = "smbd" | "client";

export interface Smb extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  readonly share: string;
  readonly user: string;
  readonly password: string;
  /** The share's files as the server has them: write here, never through the mount. */
  readonly shareDir: string;
  /** The share as mounted; without `mount` an empty directory. */
  readonly mountPoint: string;
  processes(part: SmbPart): readonly ProcessId[];
  /** SIGSTOP: everything that touches the mount hangs, readers in D state. */
  pause(part: SmbPart): void;
  resume(part: SmbPart): void;
  /** SIGKILL. Without its client the mount answers ENOTCONN until {@link restart}. */
  kill(part: SmbPart): Promise<void>;
  restart(part: SmbPart): Promise<void>;
  /**
   * Resolves once its client answers at once again: rclone lets up to two seconds pass before each call after some have
   * failed, and takes several that succeed to calm down. Throws when it does not within 30 s.
   */
  calm(): Promise<void>;
  /** Takes the mount away, so that its directory is an empty one of the disk below. */
  unmount(): Promise<void>;
}

const USER = "root";
const PASSWORD = secret("smb");
const SHARE = "share";
const START_TIMEOUT_MS = 30_000;
/** A call without a pause takes a hundredth of it, and one on a loaded machine not all of it. */
const CALM_MS = 150;
/** So many in turn. */
const CALM_CALLS = 5;

export async function startSmb(options: SmbOptions = {}): Promise<Smb> {
  if (process.getuid?.() !== 0) throw new Error("Samba and its mount need root");
  const mount = options.mount ?? true;
  await ensurePackages(["samba", ...(mount ? ["rclone", "fuse3"] : [])]);
  return await withRetries(options.port === undefined ? 5 : 1, async () => {
    const root = new ServerRoot("smb", options);
    try {
      const [free = 0] = await freePorts(1);
      return await startIn(root, options.port ?? free, mount, options.via);
    } catch (error) {
      await halt(root);
      throw error;
    }
  });
}

async function startIn(
  root: ServerRoot,
  port: number,
  mount: boolean,
  via: NonNullable<SmbOptions["via"]> = (direct) => direct,
): Promise<Smb> {
  const shareDir = root.directory(SHARE);
  const mountPoint = root.directory("mnt");
  const config = writeConfig(root, port);
  const clientPort = via(port);
  const start = (part: SmbPart) =>
    part === "smbd" ? startServer(root, config, port) : startClient(root, clientPort);
  await start("smbd");
  if (mount) await start("client");
  root.publish({
    SMB_HOST: "127.0.0.1",
    SMB_PORT: String(port),
    SMB_SHARE: SHARE,
    SMB_USER: USER,
    SMB_PASSWORD: PASSWORD,
    SMB_SHARE_DIR: shareDir,
    SMB_MOUNT: mountPoint,
  });
  return {
    host: "127.0.0.1",
    port,
    share: SHARE,
    user: USER,
    password: PASSWORD,
    shareDir,
    mountPoint,
    processes: (part) => root.processes(part),
    pause: (part) => root.pause(part),
    resume: (part) => root.resume(part),
    kill: (part) => root.kill(part),
    restart: start,
    calm: () => calm(mountPoint),
    unmount: () => unmount(root),
    [Symbol.asyncDispose]: () => halt(root),
  };
}

async function startServer(root: ServerRoot, config: string, port: number): Promise<void> {
  root.launch("smbd", [
    "smbd",
    "-F",
    "--no-process-group",
    "-s",
    config,
    "-l",
    join(root.path, "log"),
  ]);
  const up = await until(() => {
    if (root.processes("smbd").length === 0) throw startFailure(root, "smbd");
    return accepts(port);
  }, START_TIMEOUT_MS);
  if (!up) throw startFailure(root, "smbd");
}

async function startClient(root: ServerRoot, port: number): Promise<void> {
  await unmount(root);
  const mountPoint = root.directory("mnt");
  const obscured = Bun.spawnSync(["rclone", "obscure", PASSWORD], { env: rcloneEnv(root) });
  const remote = `:smb,host=127.0.0.1,port=${port},user=${USER}:${SHARE}`;
  const fresh = ["--vfs-cache-mode", "off", "--dir-cache-time", "0s", "--attr-timeout", "0s"];
  const impatient = ["--contimeout", "10s", "--timeout", "10s", "--retries", "1"];
  root.launch(
    "client",
    ["rclone", "mount", remote, mountPoint, "--allow-other", "--poll-interval", "0"].concat(
      fresh,
      impatient,
      // No reading ahead of its own: it would fill a slow line with what nobody asked for.
      ["--low-level-retries", "2", "--buffer-size", "0"],
    ),
    { ...rcloneEnv(root), RCLONE_SMB_PASS: obscured.stdout.toString().trim() },
  );
  const up = await until(async () => {
    if (root.processes("client").length === 0) throw startFailure(root, "client");
    return (
      mounted(mountPoint) &&
      (await readdir(mountPoint).then(
        () => true,
        () => false,
      ))
    );
  }, START_TIMEOUT_MS);
  if (!up) throw startFailure(root, "client");
}

async function calm(mountPoint: string): Promise<void> {
  let prompt = 0;
  const isCalm = await until(async () => {
    const startedMs = performance.now();
    const listed = await readdir(mountPoint).then(
      () => true,
      () => false,
    );
    prompt = listed && performance.now() - startedMs < CALM_MS ? prompt + 1 : 0;
    return prompt >= CALM_CALLS;
  }, START_TIMEOUT_MS);
  if (!isCalm) throw new Error(`the client of ${mountPoint} has not calmed down`);
}

function rcloneEnv(root: ServerRoot): Record<string, string> {
  return { ...process.env, RCLONE_CONFIG: "/dev/null", XDG_CACHE_HOME: join(root.path, "cache") };
}

function startFailure(root: ServerRoot, part: SmbPart): Error {
  const logs = root.tail("smbd", "client");
  if (logs.includes("Address already in use")) return new PortTaken(logs);
  return new Error(`${part} did not start:\n${logs}`);
}

/** A stopped server or client would make everything below wait, so they are let go on first. */
async function halt(root: ServerRoot): Promise<void> {
  root.resume();
  await unmount(root);
  await root.stop();
}

/** Ends the client first: the mount of a dead client never hangs whoever touches it. */
async function unmount(root: ServerRoot): Promise<void> {
  await root.kill("client");
  await detach(join(root.path, "mnt"));
}

/** Ends the set-up that any process recorded under `root`. */
export async function stopSmb(root: string): Promise<void> {
  await stopRecorded(root);
  await detach(join(root, "mnt"));
}

async function detach(mountPoint: string): Promise<void> {
  while (mounted(mountPoint)) {
    const child = Bun.spawn(["umount", "--lazy", mountPoint], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    if ((await child.exited) !== 0) throw new Error(await child.stderr.text());
  }
}

function mounted(mountPoint: string): boolean {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  return lines.some((line) => line.split(" ")[4] === mountPoint);
}

function writeConfig(root: ServerRoot, port: number): string {
  const directory = (name: string, mode?: number) => root.directory(name, mode);
  const config = root.file(
    "smb.conf",
    `[global]
server role = standalone server
workgroup = MUSICFS
netbios name = MUSICFS
smb ports = ${port}
interfaces = 127.0.0.1/8
bind interfaces only = yes
disable netbios = yes
private dir = ${directory("private", 0o700)}
lock directory = ${directory("lock")}
state directory = ${directory("state")}
cache directory = ${directory("cache")}
pid directory = ${directory("pid")}
ncalrpc dir = ${directory("ncalrpc")}
log file = ${root.path}/log/smbd.log
load printers = no
printcap name = /dev/null
disable spoolss = yes
# Helpers would leave smbd's session and outlive it; only browsing for shares needs them.
rpc start on demand helpers = no
security = user
map to guest = never
passdb backend = tdbsam:${root.path}/private/passdb.tdb
[${SHARE}]
path = ${root.path}/${SHARE}
read only = no
`,
  );
  const made = Bun.spawnSync(["smbpasswd", "-c", config, "-a", "-s", USER], {
    stdin: Buffer.from(`${PASSWORD}\n${PASSWORD}\n`),
    stdout: "ignore",
    stderr: "pipe",
  });
  if (!made.success) throw new Error(`smbpasswd: ${made.stderr.toString()}`);
  return config;
}
