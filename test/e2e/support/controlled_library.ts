/** A configured library on directories of its own, and commands against the mount of it. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { mountsIn, type RunningMount } from "../../../src/core/control/find_mount.ts";
import { Mount, type MountOptions, Workspace } from "./musicfs.ts";

export class ControlledLibrary extends Workspace {
  readonly configFile: string;

  /** The configuration has these origins, each the directory of its name. */
  constructor(...origins: readonly string[]) {
    super("control");
    this.configFile = this.path("config.toml");
    for (const id of origins) this.directory(id);
    this.config(this.written(...origins));
  }

  written(...origins: readonly string[]): string {
    const one = (id: string) => `id = "${id}"\norigin_type = "local"\npath = "${this.path(id)}"\n`;
    return origins.map((id) => `[[origins]]\n${one(id)}`).join("\n");
  }

  get configText(): string {
    return readFileSync(this.configFile, "utf8");
  }

  mount(args: readonly string[] = [], options: MountOptions = {}): Promise<Mount> {
    return Mount.scanned(this, ["--config", this.configFile, ...args], options);
  }

  /** What a command says with --json, and its exit code. */
  async asked(...args: string[]) {
    const outcome = await this.musicfs(...args, "--json", "--config", this.configFile);
    return { code: outcome.code, said: JSON.parse(outcome.stdout) };
  }

  /** As `asked`, of a command that must work. */
  async done(...args: string[]) {
    const { code, said } = await this.asked(...args);
    if (code !== 0) throw new Error(`${args.join(" ")} exited ${code}: ${JSON.stringify(said)}`);
    return said;
  }

  /** The files that the mount shows, as another process sees them. */
  async files(): Promise<readonly string[]> {
    const found = await this.shell('cd "$1" && find . -type f -printf "%P\\n" | LC_ALL=C sort');
    return found.split("\n").slice(0, -1);
  }

  get socketDirectory(): string {
    return join(this.env["XDG_RUNTIME_DIR"] ?? "", "musicfs");
  }

  get sockets(): readonly string[] {
    return readdirSync(this.socketDirectory);
  }

  /** A client of the mount in this process, as the test's user. */
  async client(): Promise<RunningMount> {
    const [mount] = await mountsIn([this.socketDirectory], process.geteuid?.() ?? 0);
    if (mount === undefined) throw new Error("no mount listens");
    return mount;
  }
}
