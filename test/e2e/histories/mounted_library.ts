/** The real binary over local origins, its configuration edited and its process ended as users do. */

import type { OriginSetup, Setup } from "../../model/operations.ts";
import { Mount, Workspace } from "../support/musicfs.ts";
import { LocalOrigin } from "./local_origin.ts";

/** What of an origin's configuration decides on the tree. */
export interface ConfiguredOrigin {
  readonly id: string;
  readonly priority: number;
  readonly enabled: boolean;
  readonly prefix: string;
}

const FAILED_SCAN = 3;
const BUSY_SCAN = 4;

export class MountedLibrary implements AsyncDisposable {
  readonly origins = new Map<string, LocalOrigin>();
  /** In the order of the configuration. */
  configured: readonly ConfiguredOrigin[];
  readonly #workspace = new Workspace("history");
  readonly #flags: readonly string[];
  #mount: Mount | undefined;

  constructor(readonly setup: Setup) {
    for (const { id } of setup.origins) {
      this.origins.set(id, new LocalOrigin(id, this.#workspace.path(id)));
    }
    const wanted = setup.origins.filter((origin) => origin.attached);
    // There must be something to mount.
    const attached = wanted.length > 0 ? wanted : setup.origins;
    this.configured = attached.map(({ id, priority, prefix }) => {
      return { id, priority, prefix, enabled: true };
    });
    this.#flags = this.#workspace.config(
      [
        // What another replica may add to a handle's bytes is proved, so that each byte can be judged.
        `[read]\nfailover = "proved"\nhedge = ${setup.hedge}`,
        `on_mismatch = "${setup.onMismatch}"\nread_deadline_ms = ${setup.readDeadlineMs}`,
        "[health]\ncheck_interval_secs = 1",
        ...attached.map((origin) => this.#section(origin)),
      ].join("\n"),
    );
  }

  get mountPoint(): string {
    return this.#workspace.mountPoint;
  }

  get log(): string {
    return this.#mount?.log ?? "";
  }

  /** Those that are in use, best first. */
  get ranked(): readonly ConfiguredOrigin[] {
    const enabled = this.configured.filter((origin) => origin.enabled);
    return enabled.toSorted((a, b) => a.priority - b.priority);
  }

  origin(id: string): LocalOrigin {
    const origin = this.origins.get(id);
    if (origin === undefined) throw new Error(`there is no origin ${id}`);
    return origin;
  }

  async start(): Promise<void> {
    this.#mount = await Mount.start(this.#workspace, this.#flags);
  }

  /** An orderly end; answers the exit code. */
  async stop(): Promise<number> {
    const code = (await this.#mount?.stop()) ?? 0;
    if (this.#workspace.isMounted) throw new Error("the mount point is still mounted");
    return code;
  }

  /** What it leaves behind, the next mount takes away. */
  async kill(): Promise<void> {
    this.#mount?.kill("SIGKILL");
    await this.#mount?.exited();
  }

  async attach(id: string, priority: number): Promise<void> {
    const setup = this.setup.origins.find((origin) => origin.id === id);
    if (setup === undefined || this.configured.some((origin) => origin.id === id)) return;
    const { prefix } = setup;
    const settings = Object.entries(this.#settings({ ...setup, priority }));
    const flags = settings.map(([key, value]) => `--${key.replaceAll("_", "-")}=${value}`);
    // It may be away at the moment.
    await this.#edit("add", id, "--type", "local", "--no-check", ...flags);
    this.configured = [...this.configured, { id, priority, prefix, enabled: true }];
  }

  async detach(id: string): Promise<void> {
    if (!this.configured.some((origin) => origin.id === id) || this.#isLast(id)) return;
    await this.#edit("rm", id);
    this.configured = this.configured.filter((origin) => origin.id !== id);
  }

  async setPriority(id: string, priority: number): Promise<void> {
    if (!this.configured.some((origin) => origin.id === id)) return;
    await this.#edit("set", id, `--priority=${priority}`);
    this.#adjust(id, { priority });
  }

  async enable(id: string, enabled: boolean): Promise<void> {
    if (!this.configured.some((origin) => origin.id === id)) return;
    if (!enabled && this.#isLast(id)) return;
    await this.#edit(enabled ? "enable" : "disable", id);
    this.#adjust(id, { enabled });
  }

  /** As a person or a cron job does; it may fail where the origin does. */
  async scan(id: string, allowEmpty: boolean): Promise<void> {
    if (!this.configured.some((origin) => origin.id === id && origin.enabled)) return;
    const flags = allowEmpty ? ["--allow-empty"] : [];
    const { code, stderr } = await this.#workspace.musicfs("scan", id, ...flags, ...this.#flags);
    if (![0, FAILED_SCAN, BUSY_SCAN].includes(code)) throw new Error(`scan: ${code}: ${stderr}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mount?.[Symbol.asyncDispose]();
    this.#workspace[Symbol.dispose]();
  }

  async #edit(...args: readonly string[]): Promise<void> {
    const { code, stderr } = await this.#workspace.musicfs("origins", ...args, ...this.#flags);
    if (code !== 0) throw new Error(`origins ${args.join(" ")}: ${code}: ${stderr}`);
  }

  /** Nobody else is in use: without it there would be nothing to mount. */
  #isLast(id: string): boolean {
    return this.ranked.every((origin) => origin.id === id);
  }

  #adjust(id: string, changed: Partial<ConfiguredOrigin>): void {
    this.configured = this.configured.map((origin) =>
      origin.id === id ? { ...origin, ...changed } : origin,
    );
  }

  #section(setup: OriginSetup): string {
    const settings = Object.entries(this.#settings(setup)).map(
      ([key, value]) => `${key} = ${JSON.stringify(value)}`,
    );
    return ["[[origins]]", `id = "${setup.id}"`, 'origin_type = "local"', ...settings].join("\n");
  }

  #settings({ id, priority, prefix, watched, maxConcurrency }: OriginSetup) {
    return {
      path: this.origin(id).root,
      priority,
      watch: watched,
      max_concurrency: maxConcurrency,
      ...(prefix === "" ? {} : { prefix }),
    };
  }
}
