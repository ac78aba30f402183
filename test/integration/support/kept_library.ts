/** Files of one SSH server, read through a mount whose cache is on a small disk of its own. */

import { createHash } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Sshd, startSshd } from "../../../scripts/servers/index.ts";
import { BINARY, Mount, must, run, Workspace } from "../../e2e/support/musicfs.ts";
import { type FileRead, readFiles } from "./read_files.ts";

/** What of `musicfs status --json` is said of the cache. */
export interface CacheUsage {
  readonly status: string;
  readonly reason: string | null;
  readonly hit_bytes: number;
  readonly missed_bytes: number;
}

export interface Verified {
  readonly bytes: number;
  readonly bad: readonly { readonly path: string; readonly blocks: number }[];
}

export class KeptLibrary implements AsyncDisposable {
  readonly #cleanUp = new AsyncDisposableStack();
  readonly #sums: ReadonlyMap<string, string>;

  private constructor(
    readonly sshd: Sshd,
    readonly workspace: Workspace,
    readonly flags: readonly string[],
    files: Readonly<Record<string, Uint8Array>>,
  ) {
    const sums = Object.entries(files).map(([name, content]) => {
      writeFileSync(join(sshd.dataDir, name), content, { mode: 0o644 });
      return [name, createHash("sha256").update(content).digest("hex")] as const;
    });
    this.#sums = new Map(sums);
  }

  /** Not mounted. The cache's contents are on a tmpfs of this size. */
  static async create(
    files: Readonly<Record<string, Uint8Array>>,
    diskBytes: number,
  ): Promise<KeptLibrary> {
    await using starting = new AsyncDisposableStack();
    const sshd = starting.use(await startSshd());
    const workspace = starting.use(new Workspace("kept"));
    const disk = workspace.directory("cache", "content");
    await must(["mount", "-t", "tmpfs", "-o", `size=${diskBytes},mode=0700`, "tmpfs", disk]);
    starting.defer(async () => void (await run(["umount", "-l", disk])));
    const flags = workspace.config(`
cache_dir = "${workspace.path("cache")}"

[[origins]]
id = "attic"
origin_type = "sftp"
host = "${sshd.host}"
port = ${sshd.port}
user = "${sshd.user}"
path = "${sshd.dataDir}"
identity_file = "${sshd.keyFile}"
known_hosts = "${sshd.knownHosts}"
revalidate_secs = 3600

[cache]
prefetch = false

[health]
check_interval_secs = 3600
`);
    const library = new KeptLibrary(sshd, workspace, flags, files);
    library.#cleanUp.use(starting.move());
    return library;
  }

  get names(): readonly string[] {
    return [...this.#sums.keys()];
  }

  /** Mounted, and every file known. */
  scanned(...args: readonly string[]): Promise<Mount> {
    return Mount.scanned(this.workspace, [...this.flags, ...args]);
  }

  /** Mounted with what is known already. */
  start(...args: readonly string[]): Promise<Mount> {
    return Mount.start(this.workspace, [...this.flags, ...args]);
  }

  /** Reads past the kernel's memory; `content` is "exact" where it should be. */
  async read(...names: readonly string[]): Promise<readonly FileRead[]> {
    const paths = names.map((name) => this.mounted(name));
    for (const path of paths) {
      await must(["dd", `if=${path}`, "iflag=nocache", "count=0", "status=none"]);
    }
    const reads = await readFiles(paths);
    return reads.map((read, i) => {
      const isExact = read.content === this.#sums.get(names[i] ?? "");
      return { ...read, content: isExact ? "exact" : read.content };
    });
  }

  /** As `read`, of one file; whether the kernel read it by itself, from the cache. */
  async readPassed(name: string): Promise<readonly [content: string, passed: boolean]> {
    const bytes = async () => {
      const { hit_bytes, missed_bytes } = await this.cache();
      return hit_bytes + missed_bytes;
    };
    const before = await bytes();
    const [read] = await this.read(name);
    return [read?.content ?? "no answer", (await bytes()) === before];
  }

  mounted(name: string): string {
    return join(this.workspace.mountPoint, name);
  }

  /** Standard output of the program, whatever its exit code. */
  async musicfs(...args: readonly string[]): Promise<string> {
    return (await this.workspace.run([BINARY, ...args, ...this.flags])).stdout;
  }

  async cache(): Promise<CacheUsage> {
    return JSON.parse(await this.musicfs("status", "--json")).cache;
  }

  async verify(): Promise<Verified> {
    return JSON.parse(await this.musicfs("cache", "verify", "--json"));
  }

  /** The disk of the cache's contents. */
  get disk(): string {
    return this.workspace.path("cache", "content");
  }

  /** Files of cached contents. */
  get dataFiles(): readonly string[] {
    const entries = readdirSync(this.disk, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cleanUp.disposeAsync();
  }
}
