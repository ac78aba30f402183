/**
 * One mount of the compiled binary over a disk and three remote origins, configured by the commands
 * that a person would use. Every file's content follows from its path.
 */

import { createCipheriv, createHash } from "node:crypto";
import { chmodSync } from "node:fs";
import { BINARY, Mount, must, type Outcome, Workspace } from "../../e2e/support/musicfs.ts";
import { type FileRead, type PausedRead, readFiles, readPausing } from "./read_files.ts";
import { type RemoteId, Remotes } from "./remotes.ts";

export type OriginName = RemoteId | "disk";

export const READ_DEADLINE_MS = 2000;
export const CHECK_INTERVAL_MS = 1000;
export const CHECK_TIMEOUT_MS = 3000;
export const UNHEALTHY_THRESHOLD = 2;

/** A mount learns within this that an origin hangs: its checks all wait for their time-outs. */
export const NOTICED_MS = UNHEALTHY_THRESHOLD * (CHECK_INTERVAL_MS + CHECK_TIMEOUT_MS);

const configuration = (contentCacheGb: number) => `
[health]
check_interval_secs = ${CHECK_INTERVAL_MS / 1000}
timeout_ms = ${CHECK_TIMEOUT_MS}
unhealthy_threshold = ${UNHEALTHY_THRESHOLD}

[cache]
content_cache_gb = ${contentCacheGb}
prefetch = false

[read]
read_deadline_ms = ${READ_DEADLINE_MS}
`;

const LOGGED = ["--log-level", "debug"];

/** What remote origins have in common. */
const REMOTE = { "operation-timeout-ms": 3000 };

export interface OriginHealth {
  readonly id: string;
  readonly status: string;
  readonly last_error: string | null;
}

export class FederatedLibrary implements AsyncDisposable {
  readonly #cleanUp = new AsyncDisposableStack();
  readonly #sizes = new Map<string, number>();
  #mount: Mount | undefined;

  private constructor(
    readonly remotes: Remotes,
    readonly workspace: Workspace,
  ) {}

  /**
   * With servers and configuration, but no files and not mounted. `contentCacheGb`: what the cache
   * may hold; default: nothing is kept.
   */
  static async create(contentCacheGb = 0): Promise<FederatedLibrary> {
    await using starting = new AsyncDisposableStack();
    const remotes = starting.use(await Remotes.start());
    const library = new FederatedLibrary(remotes, starting.use(new Workspace("federation")));
    await library.#configure(contentCacheGb);
    library.#cleanUp.use(starting.move());
    return library;
  }

  get mount(): Mount {
    if (this.#mount === undefined) throw new Error("not mounted");
    return this.#mount;
  }

  /** Puts a file with a content of its own on each of the origins. */
  async put(path: string, sizeBytes: number, ...origins: readonly OriginName[]): Promise<void> {
    this.#sizes.set(path, sizeBytes);
    const content = contentOf(path, sizeBytes);
    for (const origin of origins) {
      if (origin === "disk") this.workspace.file(`disk/${path}`, content);
      else await this.remotes.all[origin].put(path, content);
    }
  }

  /** Mounts and waits until all origins have been scanned. */
  async start(): Promise<void> {
    const options = { env: this.secrets };
    this.#mount = await Mount.scanned(this.workspace, LOGGED, options);
    this.#cleanUp.use(this.#mount);
  }

  /** Ends the mount and mounts again; does not wait for origins. */
  async remount(): Promise<void> {
    await this.mount.stop();
    this.#mount = await Mount.start(this.workspace, LOGGED, { env: this.secrets });
    this.#cleanUp.use(this.#mount);
  }

  /** Has the kernel forget what it holds of the files' bytes. */
  async dropPages(...paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await must(["dd", `if=${this.#mounted(path)}`, "iflag=nocache", "count=0", "status=none"]);
    }
  }

  /** The files put so far. */
  get files(): readonly string[] {
    return [...this.#sizes.keys()].sort();
  }

  /** Reads files of the mount one after the other; `content` is "exact" where it should be. */
  async read(...paths: readonly string[]): Promise<readonly FileRead[]> {
    const reads = await readFiles(paths.map((path) => this.#mounted(path)));
    return reads.map((read, i) => this.#compared(paths[i] ?? "", read));
  }

  async readOne(path: string): Promise<FileRead> {
    const [read] = await this.read(path);
    if (read === undefined) throw new Error(`${path}: no reader answered`);
    return read;
  }

  /** Reads the file as far as that, and resolves; the rest once `goOn` is called. */
  async readPausing(path: string, afterBytes: number): Promise<PausedRead> {
    const paused = await readPausing(this.#mounted(path), afterBytes);
    return { goOn: async () => this.#compared(path, await paused.goOn()) };
  }

  async readBeginning(path: string, lengthBytes: number): Promise<void> {
    await must([
      "sh",
      "-c",
      'head -c "$1" "$2" >/dev/null',
      "sh",
      String(lengthBytes),
      this.#mounted(path),
    ]);
  }

  /** All files below a directory of the mount. */
  async find(directory = ""): Promise<readonly string[]> {
    const listed = await must(["find", this.#mounted(directory), "-type", "f", "-printf", "%P\\n"]);
    return listed.trim().split("\n").sort();
  }

  /** Where a file's bytes are: `attic:proved,disk:probable`. */
  async replicas(path: string): Promise<string> {
    const command = ["getfattr", "--only-values", "-n", "user.musicfs.replicas"];
    return await must([...command, this.#mounted(path)]);
  }

  /** Runs the program with this library's configuration and secrets. */
  musicfs(...args: readonly string[]): Promise<Outcome> {
    return this.workspace.run([BINARY, ...args], { env: this.secrets });
  }

  /** Which origins the file was read from instead of the preferred one, by the mount's events. */
  async failovers(path: string): Promise<readonly string[]> {
    const { stdout } = await this.musicfs("events", "--type=failover", "--json");
    const events = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));
    return events.filter((event) => event.path === path).map((event) => event.to);
  }

  /** What `musicfs health --json` says, by origin. */
  async health(): Promise<Readonly<Record<string, OriginHealth>>> {
    const { stdout } = await this.musicfs("health", "--json");
    const { origins }: { readonly origins: readonly OriginHealth[] } = JSON.parse(stdout);
    return Object.fromEntries(origins.map((origin) => [origin.id, origin]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }

  /** What the program finds in its environment. */
  get secrets(): Readonly<Record<string, string>> {
    const { accessKeyId, secretAccessKey } = this.remotes.s3.owner;
    return { CLOUD_ACCESS_KEY_ID: accessKeyId, CLOUD_SECRET_ACCESS_KEY: secretAccessKey };
  }

  #mounted(path: string): string {
    return `${this.workspace.mountPoint}/${path}`;
  }

  #compared(path: string, read: FileRead): FileRead {
    const expected = createHash("sha256").update(contentOf(path, this.#sizes.get(path) ?? 0));
    const content = read.content === expected.digest("hex") ? "exact" : read.content;
    return { ...read, path, content };
  }

  async #configure(contentCacheGb: number): Promise<void> {
    const { workspace } = this;
    const { sshd, s3, smb, all } = this.remotes;
    workspace.file("home/config/musicfs/config.toml", configuration(contentCacheGb));
    const passphrase = workspace.file("attic.credentials", `PASSPHRASE=${sshd.passphrase}\n`);
    chmodSync(passphrase, 0o600);
    await this.#add("attic", "sftp", 1, {
      host: sshd.host,
      port: all.attic.proxy.port,
      user: sshd.user,
      "identity-file": sshd.encryptedKeyFile,
      "credentials-file": passphrase,
      "known-hosts": workspace.path("known_hosts"),
      "accept-host-key": sshd.fingerprint,
      ...REMOTE,
    });
    await this.#add("cloud", "s3", 2, {
      bucket: Remotes.bucket,
      region: s3.region,
      endpoint: `http://127.0.0.1:${all.cloud.proxy.port}`,
      "credentials-env": "CLOUD",
      ...REMOTE,
    });
    await this.#add("nas", "smb", 3, { path: smb.mountPoint, ...REMOTE });
    await this.#add("disk", "local", 4, { path: workspace.directory("disk") });
  }

  async #add(
    id: OriginName,
    type: string,
    priority: number,
    settings: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const added = ["origins", "add", id, `--type=${type}`, `--priority=${priority}`, ...flags];
    const { code, stderr } = await this.musicfs(...added);
    if (code !== 0) throw new Error(stderr);
  }
}

/** Bytes that look random and differ from path to path. */
function contentOf(path: string, sizeBytes: number): Uint8Array {
  const key = createHash("sha256").update(path).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
