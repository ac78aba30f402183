/**
 * Shows MusicFS on real audio files: one library over three origins, and the loss of the preferred one in the middle of
 * a file. Every claim it prints is checked; the first that does not hold ends it with exit status 1. It works in a
 * temporary directory and leaves nothing behind.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { compareFiles, filesBelow, readAtPace, sha256Of } from "./demo/files.ts";
import { chapter, hold, megabytes, say, showCommand, showOutput } from "./demo/narration.ts";
import { Nas } from "./demo/nas.ts";
import {
  type CommandOutput,
  MountProcess,
  mountsBelow,
  type Program,
  runProgram,
} from "./demo/program.ts";
import { leftProcesses } from "./gate/leftovers.ts";
import { ALBUMS, type Album, albumDirectory, trackPath } from "./library/album.ts";
import { encodersOf } from "./library/encoder.ts";
import { makeLibrary } from "./library.ts";

const BINARY = resolve(import.meta.dir, "../dist/musicfs");

/** The album to be heard while its origin is lost; its tracks are long. */
const [PLAYED, ...REST] = ALBUMS as readonly [Album, ...Album[]];
const PLAYED_SECONDS = 60;
/** Albums that only the third origin has. */
const ELSEWHERE = REST.slice(-2);
const SHARED = REST.slice(0, -2);

class Demo implements AsyncDisposable {
  readonly #root = mkdtempSync(join(tmpdir(), "musicfs-demo-"));
  readonly #mounts = new AsyncDisposableStack();
  readonly #musicfs: Program;

  constructor() {
    const home = this.#path("home");
    const env = {
      HOME: home,
      XDG_CONFIG_HOME: join(home, "config"),
      XDG_CACHE_HOME: join(home, "cache"),
      XDG_RUNTIME_DIR: join(home, "run"),
    };
    mkdirSync(env.XDG_RUNTIME_DIR, { recursive: true, mode: 0o700 });
    this.#musicfs = { binary: BINARY, env };
  }

  #path(name: string): string {
    return join(this.#root, name);
  }

  /** Runs and shows a command of musicfs, without the temporary directory's path in it. */
  async #run(...args: readonly string[]): Promise<CommandOutput> {
    showCommand(`musicfs ${this.#short(args.join(" "))}`);
    const output = await runProgram(this.#musicfs, args);
    const text = this.#short(output.stdout + output.stderr);
    if (text.trim() !== "") showOutput(text);
    return output;
  }

  #short(text: string): string {
    return text.replaceAll(`${this.#root}/`, "");
  }

  async run(): Promise<void> {
    await this.#makeLibrary();
    const nas = this.#mounts.use(await this.#startNas());
    await this.#configure();
    const library = this.#mounts.use(await this.#mount());
    const track = trackPath(PLAYED, PLAYED.tracks.length - 1);
    await this.#compare(track);
    await this.#loseOrigin(nas, library, track);
    await this.#health();
    await this.#unmount(library);
  }

  /** Ends what is still running and removes the directory; throws when something of it stays. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mounts.disposeAsync();
    const left = [...mountsBelow(this.#root), ...leftProcesses(this.#root)];
    if (left.length > 0) throw new Error(`left behind: ${left.join(", ")}`);
    rmSync(this.#root, { recursive: true });
  }

  /** `originals` is what everything is compared with; the origins get copies of it. */
  async #makeLibrary(): Promise<void> {
    chapter("A small library of real audio files");
    const originals = this.#path("originals");
    await makeLibrary(originals, { albums: [PLAYED], seconds: PLAYED_SECONDS, noise: 0.3 });
    await makeLibrary(originals, { albums: REST, seconds: 4 });
    const files = await filesBelow(originals);
    const bytes = files.reduce((sum, file) => sum + statSync(join(originals, file)).size, 0);
    const formats = [...new Set(ALBUMS.map(({ format }) => format))].join(", ");
    say(
      `${ALBUMS.length} albums, ${files.length} files, ${megabytes(bytes)}: ${formats}, with tags and cover art`,
    );
    const copy = (albums: readonly Album[], to: string) => {
      for (const album of albums) {
        const directory = albumDirectory(album);
        cpSync(join(originals, directory), join(this.#path(to), directory), {
          recursive: true,
          preserveTimestamps: true,
        });
      }
    };
    copy([PLAYED, ...SHARED], "nas-disk");
    copy([PLAYED, ...SHARED], "backup");
    copy(ELSEWHERE, "attic");
  }

  /** The preferred origin is a file system of its own, which can be cut off as a server in the network can. */
  async #startNas(): Promise<Nas> {
    return await Nas.start(this.#path("nas-disk"), this.#path("nas"));
  }

  async #configure(): Promise<void> {
    chapter("Three origins");
    say("nas and backup hold the same albums; nas is preferred. attic holds others.");
    const add = async (id: string, priority: number) => {
      const args = ["--type", "local", "--path", this.#path(id), "--priority", String(priority)];
      const { status } = await this.#run("origins", "add", id, ...args);
      hold(status === 0, `${id} answers and is in the configuration`);
    };
    await add("nas", 1);
    await add("backup", 2);
    await add("attic", 3);
    await this.#run("origins", "ls");
  }

  async #mount(): Promise<MountProcess> {
    chapter("One tree");
    const mountPoint = this.#path("music");
    mkdirSync(mountPoint);
    showCommand("musicfs mount music");
    const library = await MountProcess.start(this.#musicfs, mountPoint, [], 3);
    const [shown, originals] = await Promise.all(
      [mountPoint, this.#path("originals")].map(filesBelow),
    );
    showOutput((shown ?? []).join("\n"));
    hold(
      Bun.deepEquals(shown, originals),
      `all ${originals?.length} files are there, each once, under their own names`,
    );
    const written = await Bun.write(join(mountPoint, "x"), "x").then(
      () => "written",
      (error: NodeJS.ErrnoException) => error.code,
    );
    hold(written === "EROFS", "nothing can be written to it");
    return library;
  }

  async #compare(except: string): Promise<void> {
    chapter("Every byte");
    const files = (await filesBelow(this.#path("originals"))).filter((file) => file !== except);
    const { different, bytes } = await compareFiles(
      files,
      this.#path("originals"),
      this.#path("music"),
    );
    hold(
      different.length === 0,
      `${files.length} files, ${megabytes(bytes)}, are the same as the originals`,
    );
    say(`${basename(except)} is kept for the next chapter: nothing of it was read yet.`);
  }

  async #loseOrigin(nas: Nas, library: MountProcess, track: string): Promise<void> {
    chapter("The preferred origin is lost in the middle of a file");
    const total = statSync(join(this.#path("originals"), track)).size;
    say(`Reading ${basename(track)}, ${megabytes(total)}, at the pace of an impatient player.`);
    let lost = false;
    const pace = { chunkBytes: 65_536, pauseMs: 10 };
    const start = performance.now();
    let last = start;
    let longestMs = 0;
    const read = await readAtPace(join(this.#path("music"), track), pace, async (bytes) => {
      longestMs = Math.max(longestMs, performance.now() - last);
      if (!lost && bytes > total / 3) {
        lost = true;
        nas.kill();
        say(`${megabytes(bytes)} read: nas is killed, without warning (kill -9).`);
      }
      last = performance.now();
    });
    say(`${megabytes(read.bytes)} read, through the one open file, to its end.`);
    hold(read.bytes === total, "the read went on to the end of the file without an error");
    hold(
      read.sha256 === (await sha256Of(join(this.#path("originals"), track))),
      "every byte of it is right",
    );
    const [failover] = library.logged("failed over");
    hold(
      failover?.["origin"] === "nas" && failover["to"] === "backup",
      "musicfs failed over from nas to backup",
    );
    say(`The longest wait for a piece of it was ${longestMs.toFixed(0)} ms.`);
    const files = await filesBelow(this.#path("music"));
    const { different } = await compareFiles(files, this.#path("originals"), this.#path("music"));
    hold(different.length === 0, `all ${files.length} files are still there, and right`);
  }

  async #health(): Promise<void> {
    chapter("Health");
    const { status } = await this.#run("health");
    hold(status === 2, "the exit status is 2: some origin is unhealthy");
    const { stdout } = await runProgram(this.#musicfs, ["health", "--json"]);
    const { origins } = JSON.parse(stdout) as {
      origins: readonly { id: string; status: string }[];
    };
    const states = Object.fromEntries(origins.map((origin) => [origin.id, origin.status]));
    hold(
      Bun.deepEquals(states, { nas: "unhealthy", backup: "healthy", attic: "healthy" }),
      "nas is unhealthy, backup and attic are healthy",
    );
  }

  async #unmount(library: MountProcess): Promise<void> {
    chapter("The end");
    const { status } = await this.#run("unmount", library.mountPoint);
    hold(status === 0, "it is unmounted");
    hold((await library.ended()) === 0, "musicfs has ended, and says that all went well");
    hold(
      (await filesBelow(library.mountPoint)).length === 0,
      "the mount point is an empty directory again",
    );
  }
}

async function main(): Promise<void> {
  const programs = ["bindfs", ...encodersOf(ALBUMS.map(({ format }) => format))];
  const missing = programs.filter((program) => Bun.which(program) === null);
  if (missing.length > 0) {
    throw new Error(
      `it needs ${missing.join(", ")}; see scripts/packages.txt for the Debian packages`,
    );
  }
  const build = Bun.spawnSync([process.execPath, resolve(import.meta.dir, "build.ts")]);
  if (build.exitCode !== 0) throw new Error(build.stderr.toString());
  const interrupted = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => interrupted.reject(new Error(`interrupted by ${signal}`)));
  }
  {
    await using demo = new Demo();
    await Promise.race([demo.run(), interrupted.promise]);
  }
  hold(true, "no mount, no process and no file is left behind");
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demonstration failed: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
