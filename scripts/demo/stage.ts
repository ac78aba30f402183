/**
 * Everything a demonstration plays on: a temporary directory, a library in it, servers with parts of that library, and
 * the binary with a configuration of its own. Ending it ends all of it.
 */
import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leftProcesses, settled } from "../gate/leftovers.ts";
import { startS3Cloud } from "./cloud.ts";
import { directoryOrigin } from "./disk.ts";
import { type DemoLibrary, makeDemoLibrary, ORIGIN_IDS, type OriginId } from "./library.ts";
import { hold, say, showCommand, showOutput } from "./narration.ts";
import { startSftpNas } from "./nas.ts";
import { type DemoOrigin, startOr } from "./origin.ts";
import {
  type CommandOutput,
  MountProcess,
  mountsBelow,
  type Program,
  runProgram,
} from "./program.ts";

/** In order of preference. */
export type DemoOrigins = Readonly<Record<OriginId, DemoOrigin>>;

export class Stage implements AsyncDisposable {
  readonly #root = mkdtempSync(join(tmpdir(), "musicfs-demo-"));
  readonly #cleanUp = new AsyncDisposableStack();
  readonly #binary: string;
  #origins: DemoOrigins | undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  #ending = false;

  constructor(binary: string) {
    this.#binary = binary;
    // The SSH server's user reads its files and keys below.
    chmodSync(this.#root, 0o755);
    mkdirSync(this.path("home/run"), { recursive: true, mode: 0o700 });
  }

  path(name: string): string {
    return join(this.#root, name);
  }

  /** The binary as this stage runs it: its own home, and the origins' credentials. */
  get musicfs(): Program {
    const home = this.path("home");
    const credentials = Object.values(this.#origins ?? {}).map(({ env }) => env);
    return {
      binary: this.#binary,
      env: Object.assign(
        {
          HOME: home,
          XDG_CONFIG_HOME: join(home, "config"),
          XDG_CACHE_HOME: join(home, "cache"),
          XDG_RUNTIME_DIR: join(home, "run"),
        },
        ...credentials,
      ),
    };
  }

  /** Runs and shows a command of musicfs, without the temporary directory's path in it. */
  async run(...args: readonly string[]): Promise<CommandOutput> {
    showCommand(`musicfs ${this.#short(args.join(" "))}`);
    const output = await runProgram(this.musicfs, args);
    const text = this.#short(output.stdout + output.stderr);
    if (text.trim() !== "") showOutput(text);
    return output;
  }

  #short(text: string): string {
    return text.replaceAll(`${this.#root}/`, "");
  }

  async makeLibrary(): Promise<DemoLibrary> {
    return await this.#whole(() => makeDemoLibrary(this.#root));
  }

  /** Starts the servers, or says what is left out and plays it by other means. */
  async startOrigins(library: DemoLibrary): Promise<DemoOrigins> {
    const leftOut = (what: string) => (reason: string) => say(`Left out: ${what}: ${reason}.`);
    const nas = await this.#keep(() =>
      startOr(
        () => startSftpNas(library.of("nas"), this.path("sshd")),
        async () => directoryOrigin(library.of("nas")),
        leftOut("an SSH server"),
      ),
    );
    const cloud = await this.#keep(() =>
      startOr(
        () => startS3Cloud(library.of("cloud"), this.path("swift")),
        async () => directoryOrigin(library.of("cloud")),
        leftOut("an S3 server"),
      ),
    );
    this.#origins = { nas, cloud, disk: directoryOrigin(library.of("disk")) };
    return this.#origins;
  }

  /** With a cache the next track would be there before it is played, and nobody would notice a loss. */
  leaveCacheOut(): void {
    appendFileSync(
      this.path("home/config/musicfs/config.toml"),
      "\n[cache]\ncontent_cache_gb = 0\n",
    );
  }

  /** Has origins checked often: people who watch wait for something to happen. */
  checkOften(): void {
    const health = "\n[health]\ncheck_interval_secs = 2\ntimeout_ms = 1000\n";
    appendFileSync(this.path("home/config/musicfs/config.toml"), health);
  }

  /** The live view on this terminal, until it is left; answers its exit status. */
  async liveView(): Promise<number> {
    showCommand("musicfs health --watch");
    const view = await this.#keep(async () => {
      const { binary, env } = this.musicfs;
      const child = Bun.spawn([binary, "health", "--watch"], {
        env: { ...process.env, ...env },
        stdio: ["inherit", "inherit", "inherit"],
      });
      const end = async () => {
        child.kill();
        await child.exited;
      };
      return { exited: child.exited, [Symbol.asyncDispose]: end };
    });
    return await view.exited;
  }

  /** Adds each origin to the configuration, the preferred one first. */
  async configure(origins: DemoOrigins): Promise<void> {
    for (const [index, id] of ORIGIN_IDS.entries()) {
      const { flags } = origins[id];
      const { status } = await this.run(
        ...["origins", "add", id, "--priority", String(index + 1), ...flags],
      );
      hold(status === 0, `${id} answers and is in the configuration`);
    }
  }

  /** Mounts at `music` and waits until every origin is scanned. */
  async mount(): Promise<MountProcess> {
    const mountPoint = this.path("music");
    mkdirSync(mountPoint);
    showCommand("musicfs mount music");
    return await this.#keep(() =>
      MountProcess.start(this.musicfs, mountPoint, [], ORIGIN_IDS.length),
    );
  }

  /** Ends with the stage what `start` answers. */
  async #keep<T extends AsyncDisposable>(start: () => Promise<T>): Promise<T> {
    return await this.#whole(async () => this.#cleanUp.use(await start()));
  }

  /** What is begun is waited for when the stage ends meanwhile; afterwards nothing begins any more. */
  async #whole<T>(work: () => Promise<T>): Promise<T> {
    if (this.#ending) throw new Error("the stage is taken down");
    const working = work();
    this.#underWay = working;
    return await working;
  }

  /** Ends what is still running and removes the directory; throws when something of it stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await Promise.allSettled([this.#underWay]);
    await this.#cleanUp.disposeAsync();
    const look = () => [...mountsBelow(this.#root), ...leftProcesses(this.#root)];
    const left = await settled(look);
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    rmSync(this.#root, { recursive: true });
  }
}
