/**
 * Shows MusicFS on real audio files: one library over a disk, an SSH server and a bucket, the loss of the preferred one
 * in the middle of a file, and its return. Every claim it prints is checked; the first that does not hold ends it with
 * exit status 1. It works in a temporary directory and leaves nothing behind.
 *
 *   npm run demo [-- --watch]
 *
 * With `--watch` the library stays mounted under the live view, with music played and the preferred origin coming and
 * going, until `q`.
 */
import { statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compareFiles, filesBelow, readAtPace, sha256Of } from "./demo/files.ts";
import { type DemoLibrary, ORIGIN_IDS } from "./demo/library.ts";
import { chapter, hold, megabytes, say, showOutput } from "./demo/narration.ts";
import type { MortalServer } from "./demo/origin.ts";
import { type MountProcess, runProgram, until } from "./demo/program.ts";
import { playScene } from "./demo/scene.ts";
import { type DemoOrigins, Stage } from "./demo/stage.ts";

const BINARY = resolve(import.meta.dir, "../dist/musicfs");

async function play(stage: Stage): Promise<void> {
  const library = await makeLibrary(stage);
  const origins = await configure(stage, library);
  stage.leaveCacheOut();
  const mount = await showTree(stage, library);
  await compareAll(mount, library);
  const { server } = origins.nas;
  if (server === undefined) {
    say("Left out: the loss of nas in the middle of a file, since it is a directory here.");
  } else {
    await loseOrigin(server, mount, library);
    await showHealth(stage);
    await bringBack(stage, server);
  }
  await unmount(stage, mount);
}

async function watch(stage: Stage): Promise<void> {
  const library = await makeLibrary(stage);
  const { nas } = await configure(stage, library);
  stage.leaveCacheOut();
  stage.checkOften();
  const mount = await showTree(stage, library);
  chapter("The live view");
  const { mountPoint } = mount;
  const played = dirname(library.played);
  const files = library.files.filter((file) => dirname(file) === played);
  {
    const server = nas.server ?? switchOf(stage, "nas");
    await using _scene = playScene({ server, mountPoint, files });
    hold((await stage.liveView()) === 0, "the live view was left");
  }
  await unmount(stage, mount);
}

/** Where no server can be killed, its origin is disabled and enabled. */
function switchOf({ musicfs }: Stage, id: string): Pick<MortalServer, "kill" | "restart"> {
  const turn = (how: string) => async () => {
    await runProgram(musicfs, ["origins", how, id]);
  };
  return { kill: turn("disable"), restart: turn("enable") };
}

async function makeLibrary(stage: Stage): Promise<DemoLibrary> {
  chapter("A small library of real audio files");
  const library = await stage.makeLibrary();
  for (const program of library.missingEncoders) {
    say(`Left out: ${program} is missing, what it would encode is WAV.`);
  }
  say(
    `${library.files.length} files, ${megabytes(library.bytes)}: ${library.formats.join(", ")}, with cover art`,
  );
  return library;
}

async function configure(stage: Stage, library: DemoLibrary): Promise<DemoOrigins> {
  chapter("Three origins");
  const origins = await stage.startOrigins(library);
  for (const id of ORIGIN_IDS) say(`${id} is ${origins[id].what}.`);
  say("Most albums are on two of them, some on one or three; nas is preferred.");
  await stage.configure(origins);
  await stage.run("origins", "ls");
  return origins;
}

async function showTree(stage: Stage, library: DemoLibrary): Promise<MountProcess> {
  chapter("One tree");
  const mount = await stage.mount();
  const shown = await filesBelow(mount.mountPoint);
  showOutput(shown.join("\n"));
  hold(
    Bun.deepEquals(shown, library.files),
    `all ${library.files.length} files are there, each once, under their own names`,
  );
  const written = await Bun.write(join(mount.mountPoint, "x"), "x").then(
    () => "written",
    (error: NodeJS.ErrnoException) => error.code,
  );
  hold(written === "EROFS", "nothing can be written to it");
  return mount;
}

async function compareAll({ mountPoint }: MountProcess, library: DemoLibrary): Promise<void> {
  chapter("Every byte");
  const files = library.files.filter((file) => file !== library.played);
  const { different, bytes } = await compareFiles(files, library.originals, mountPoint);
  hold(
    different.length === 0,
    `${files.length} files, ${megabytes(bytes)}, are the same as the originals`,
  );
  say(`${basename(library.played)} is kept for later: nothing of it was read yet.`);
}

async function loseOrigin(
  server: MortalServer,
  mount: MountProcess,
  library: DemoLibrary,
): Promise<void> {
  chapter("The preferred origin is lost in the middle of a file");
  const original = join(library.originals, library.played);
  const total = statSync(original).size;
  say(`Reading ${basename(original)}, ${megabytes(total)}, at the pace of an impatient player.`);
  let lost = false;
  let longestMs = 0;
  let last = performance.now();
  const pace = { chunkBytes: 65_536, pauseMs: 10 };
  const read = await readAtPace(join(mount.mountPoint, library.played), pace, async (bytes) => {
    longestMs = Math.max(longestMs, performance.now() - last);
    if (!lost && bytes > total / 6) {
      lost = true;
      await server.kill();
      say(`${megabytes(bytes)} read: ${server.name} is killed, without warning (kill -9).`);
    }
    last = performance.now();
  });
  say(`${megabytes(read.bytes)} read, through the one open file, to its end.`);
  hold(read.bytes === total, "the read went on to the end of the file without an error");
  hold(read.sha256 === (await sha256Of(original)), "every byte of it is right");
  const [failover] = mount.logged("failed over");
  // What is read ahead may find nas unhealthy before anybody waits for it: then reads go to cloud without trying it.
  const avoided = mount.logged("origin is unhealthy").some(({ origin }) => origin === "nas");
  hold(
    failover === undefined ? avoided : failover["origin"] === "nas" && failover["to"] === "cloud",
    "musicfs failed over from nas to cloud",
  );
  say(`The longest wait for a piece of it was ${longestMs.toFixed(0)} ms.`);
  const files = await filesBelow(mount.mountPoint);
  const { different } = await compareFiles(files, library.originals, mount.mountPoint);
  hold(
    different.length === 0 && Bun.deepEquals(files, library.files),
    `all ${files.length} files are still there, and right`,
  );
}

/** Origin by origin, of what the mount finds when it checks them now. */
async function checkedStates({ musicfs }: Stage): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await runProgram(musicfs, ["health", "--check", "--json"]);
  const { origins } = JSON.parse(stdout) as {
    readonly origins: readonly { readonly id: string; readonly status: string }[];
  };
  return Object.fromEntries(origins.map((origin) => [origin.id, origin.status]));
}

async function showHealth(stage: Stage): Promise<void> {
  chapter("Health");
  await until(
    "nas is found unhealthy",
    async () => (await checkedStates(stage))["nas"] === "unhealthy",
  );
  const { status } = await stage.run("health");
  hold(status === 2, "the exit status is 2: some origin is unhealthy");
  const { nas: _, ...others } = await checkedStates(stage);
  hold(
    Object.values(others).every((state) => state === "healthy"),
    "nas is unhealthy, cloud and disk are healthy",
  );
}

async function bringBack(stage: Stage, server: MortalServer): Promise<void> {
  chapter("The lost origin comes back");
  await server.restart();
  say(`${server.name} runs again; musicfs was not restarted.`);
  const { status } = await stage.run("health", "--check");
  hold(status === 0, "the exit status is 0: all origins are healthy");
}

async function unmount(stage: Stage, mount: MountProcess): Promise<void> {
  chapter("The end");
  const { status } = await stage.run("unmount", mount.mountPoint);
  hold(status === 0, "it is unmounted");
  hold((await mount.ended()) === 0, "musicfs has ended, and says that all went well");
  hold(
    (await filesBelow(mount.mountPoint)).length === 0,
    "the mount point is an empty directory again",
  );
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { watch: { type: "boolean", default: false } } });
  if (values.watch && !(process.stdin.isTTY && process.stdout.isTTY)) {
    throw new Error("--watch shows the live view, which needs a terminal");
  }
  const build = Bun.spawnSync([process.execPath, resolve(import.meta.dir, "build.ts")]);
  if (build.exitCode !== 0) throw new Error(build.stderr.toString());
  const interrupted = Promise.withResolvers<never>();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => interrupted.reject(new Error(`interrupted by ${signal}`)));
  }
  {
    await using stage = new Stage(BINARY);
    await Promise.race([values.watch ? watch(stage) : play(stage), interrupted.promise]);
  }
  hold(true, "no mount, no process and no file is left behind");
}

try {
  await main();
} catch (error) {
  console.error(`\nThe demonstration failed: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}
