/**
 * A program that is killed over and over: each round does something to a mount, its origins or its
 * configuration, and kills every process of the program with SIGKILL at some instant of it. Whatever
 * that was, a restart finds everything as the origins have it.
 *
 * The tree of the rounds' own home is the only state: nothing is cleaned up between them.
 */

import { cpSync, readdirSync, readFileSync, rmSync } from "node:fs";
import type { Dice } from "../../support/dice.ts";
import { leftInHome } from "./kept_files.ts";
import { BINARY, eventually, isRunning, Mount, type Workspace } from "./musicfs.ts";
import { enabledOrigins, OriginFiles } from "./origin_files.ts";

/** How long the instants of a kill are spread over, from a bit less to a bit more than it takes. */
const SPREAD_MS = {
  start: 700,
  scan: 400,
  edit: 250,
  end: 150,
  reading: 400,
  daemon: 700,
} as const;

export type Doing = keyof typeof SPREAD_MS;

const WEIGHTS: Readonly<Record<Doing, number>> = {
  start: 3,
  scan: 2,
  edit: 3,
  end: 3,
  reading: 3,
  daemon: 1,
};

export class CrashRounds implements AsyncDisposable {
  readonly files: OriginFiles;
  /** Kills so far, by what they interrupted. */
  readonly kills: Record<string, number> = {};
  readonly #config: string;

  constructor(
    readonly workspace: Workspace,
    readonly dice: Dice,
    /** A directory of a network's or another program's file system, which a guard process reads. */
    readonly guarded: string | undefined,
  ) {
    const roots = { nas: workspace.directory("nas"), backup: workspace.directory("backup") };
    const all = guarded === undefined ? roots : { ...roots, share: guarded };
    this.files = new OriginFiles(all, workspace.directory("extra"), dice);
    const origins = Object.entries(this.files.roots).map(
      ([id, path], at) =>
        `[[origins]]\nid = "${id}"\norigin_type = "local"\npath = "${path}"\npriority = ${at + 1}\n`,
    );
    const health = "[health]\ncheck_interval_secs = 1\n";
    const [, config = ""] = workspace.config(`# The rounds' own.\n${health}${origins.join("\n")}`);
    this.#config = config;
    this.files.plant();
  }

  /** Does something, kills it, and, but for some rounds, looks whether all is well. */
  async round(): Promise<void> {
    const { dice } = this;
    const doing = dice.weighted(WEIGHTS);
    if (dice.chance(0.7)) this.files.change();
    await this.#interrupt(doing);
    this.kills[doing] = (this.kills[doing] ?? 0) + 1;
    await eventually("all processes are gone", () => this.#processes().length === 0);
    if (dice.chance(0.25)) return;
    await this.check();
  }

  /** Starts the program as if nothing had been, compares everything and ends it. */
  async check(): Promise<void> {
    const { workspace } = this;
    this.#expectEdited();
    const config = readFileSync(this.#config, "utf8");
    await using mount = await Mount.start(workspace, this.#flags);
    const origins = enabledOrigins(config).length;
    await eventually("each origin is scanned", () => mount.scannedOrigins >= origins);
    const table = readFileSync("/proc/self/mountinfo", "utf8");
    const mounts = table.split("\n").filter((line) => line.includes(` ${workspace.mountPoint} `));
    if (mounts.length !== 1) throw new Error(`mounted ${mounts.length} times`);
    const difference = this.files.difference(await this.files.shown(workspace), config);
    if (difference.length > 0) {
      throw new Error(`the tree differs:\n${difference.join("\n")}\n${mount.log}`);
    }
    const code = await mount.stop();
    if (code !== 0) throw new Error(`ended with status ${code}\n${mount.log}`);
    if (workspace.isMounted) throw new Error("still mounted");
    const left = [...this.#processes().map((pid) => `process ${pid}`), ...leftInHome(workspace)];
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
  }

  /** Ends what a failed round left. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#kill(0);
    await eventually("all processes are gone", () => this.#processes().length === 0);
    const { workspace } = this;
    while (workspace.isMounted) await workspace.must(["umount", "-l", workspace.mountPoint]);
  }

  get #flags(): readonly string[] {
    return ["--config", this.#config];
  }

  async #interrupt(doing: Doing): Promise<void> {
    const { workspace, dice } = this;
    const afterMs = dice.next() * SPREAD_MS[doing];
    switch (doing) {
      case "start":
        this.#spawn("mount", workspace.mountPoint, ...this.#flags);
        await this.#kill(afterMs);
        break;
      case "daemon":
        this.#spawn("mount", workspace.mountPoint, ...this.#flags, "--daemon");
        await this.#kill(afterMs);
        break;
      case "scan":
        this.#spawn("scan", ...this.#flags);
        await this.#kill(afterMs);
        break;
      case "edit":
        await this.#interruptEdit(afterMs);
        break;
      case "end": {
        const mount = await Mount.start(workspace, this.#flags);
        if (dice.chance(0.5)) await mount.logged('"message":"scanned"');
        if (dice.chance(0.5)) mount.kill("SIGTERM");
        else this.#spawn("unmount", workspace.mountPoint);
        await this.#kill(afterMs);
        break;
      }
      case "reading": {
        await Mount.start(workspace, this.#flags);
        const reader = this.#read();
        this.files.change();
        await this.#kill(afterMs);
        await eventually("the reader is told", () => reader.exitCode !== null);
        break;
      }
    }
  }

  /** An edit of the configuration, in a copy first: that is what it may become. */
  async #interruptEdit(afterMs: number): Promise<void> {
    const { dice, workspace } = this;
    const id = dice.one(["nas", "backup"]);
    const edits = [
      ["set", id, "--priority", `${dice.below(256)}`],
      ["set", "backup", "--prefix", dice.one(["", "backup", "a/b"])],
      ["disable", "backup"],
      ["enable", "backup"],
      this.#hasExtra
        ? ["rm", "extra"]
        : ["add", "extra", "--type", "local", "--path", this.files.extra, "--prefix", "extra"],
    ];
    const edit = dice.one(edits);
    const copy = `${this.#config}.copy`;
    cpSync(this.#config, copy);
    await workspace.must([BINARY, "origins", ...edit, "--config", copy]);
    const [before, after] = [this.#config, copy].map((file) => readFileSync(file, "utf8"));
    rmSync(copy);
    const editor = this.#spawn("origins", ...edit, ...this.#flags);
    const late = dice.chance(0.2);
    await this.#kill(late ? 10 * afterMs : afterMs);
    const now = readFileSync(this.#config, "utf8");
    if (now !== before && now !== after) throw new Error(`the configuration is neither:\n${now}`);
    if (editor.exitCode === 0 && now !== after) throw new Error("an edit that succeeded is lost");
  }

  get #hasExtra(): boolean {
    return readFileSync(this.#config, "utf8").includes('"extra"');
  }

  /** An edit that was killed may leave its file, which the next one takes away. */
  #expectEdited(): void {
    const names = readdirSync(this.workspace.root).filter((name) => name.startsWith("."));
    const unknown = names.filter((name) => name !== ".config.toml.new");
    if (unknown.length > 0) throw new Error(`left behind: ${unknown.join(", ")}`);
  }

  /** A program that reads the whole mount. */
  #read(): Bun.Subprocess {
    const script = 'find "$1" -type f -exec cat {} + >/dev/null 2>&1';
    return Bun.spawn(["sh", "-c", script, "sh", this.workspace.mountPoint], {
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  #spawn(...args: readonly string[]): Bun.Subprocess {
    const PATH = process.env["PATH"] ?? "/usr/bin:/bin";
    return Bun.spawn([BINARY, ...args], {
      env: { ...this.workspace.env, PATH },
      stdio: ["ignore", "ignore", "ignore"],
    });
  }

  /** SIGKILL for every process of the program, all at once, as far as that goes. */
  async #kill(afterMs: number): Promise<void> {
    await Bun.sleep(afterMs);
    for (const pid of this.#processes()) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
      }
    }
  }

  /** Processes that have the workspace's home: the program and whatever it started. */
  #processes(): readonly string[] {
    return readdirSync("/proc").filter((pid) => {
      if (!(Number(pid) > 0) || !isRunning(Number(pid))) return false;
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
        return environment.includes(`HOME=${this.workspace.root}/`);
      } catch (error) {
        if (error instanceof Error && "code" in error) return false;
        throw error;
      }
    });
  }
}
