/**
 * One fixed story of a mount: start, scan, list, open, read with failover, change, rescan, restart.
 * Something in it fails; what must hold whatever that is:
 *
 * - bytes that are answered are those of one version that the path had, whole and unmixed;
 * - every request is answered once and in time, and nothing is thrown that nobody catches;
 * - a file that was shown and is there does not vanish, unless the failure says that it has;
 * - when nothing fails any more, the catalog opens, and the tree and its bytes are the origins';
 * - nothing is left: no descriptor, no timer, no unanswered request, no open handle.
 */

import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { BeforeStatement } from "../../src/core/catalog/connection.ts";
import { MusicFsError } from "../../src/core/errors.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import type { FaultPlan } from "../../src/core/origins/wrappers/faults.ts";
import { ENOENT, errnoName } from "../../src/core/sys/errno.ts";
import { SharedState } from "../../src/core/threads/shared_state.ts";
import { settle, VirtualClock } from "../support/virtual_clock.ts";
import { FaultLibrary, LONG_BYTES, NAS } from "./library.ts";
import { OneThreadMount } from "./one_thread_mount.ts";
import { type OpenFile, Program, type Result } from "./program.ts";

const PIECE_BYTES = 65_536;
/** Health is checked every 30 s. */
const NEXT_CHECK_MS = 31_000;
const SCAN_MS = 1000;
/** Real time until a root directory that came back is open again. */
const REOPEN_MS = 500;

/** Stories are told by the thousand: their files need not reach a disk. */
const MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
/** Looks at a start or an end under way between two steps of virtual time. */
const WAITS_FOR_DISK = 50;
const HANG_MS = 5000;

/** What of the program's surroundings fails; what is not given does not. */
export interface Failure extends Disposable {
  readonly origins?: ReadonlyMap<OriginId, FaultPlan>;
  readonly statements?: BeforeStatement;
}

export interface Story {
  /** Puts the failure in; it is disposed before the end is looked at. */
  readonly arm: (clock: VirtualClock) => Failure;
  /** The failure says of what is there that it is not. */
  readonly hides?: boolean;
  /** Without a failure, nothing but success is right. */
  readonly mustSucceed?: boolean;
}

/** Tells the story; answers what went wrong. */
export async function tell(story: Story): Promise<readonly string[]> {
  const scenario = new Scenario(story);
  const uncaught = (error: unknown) =>
    scenario.violations.push(`uncaught: ${error instanceof Error ? error.stack : error}`);
  process.on("unhandledRejection", uncaught);
  process.on("uncaughtException", uncaught);
  try {
    await scenario.run();
  } catch (error) {
    scenario.violations.push(error instanceof Error ? (error.stack ?? error.message) : `${error}`);
  } finally {
    await settle();
    process.off("unhandledRejection", uncaught);
    process.off("uncaughtException", uncaught);
    scenario.library.remove();
  }
  return scenario.violations;
}

class Scenario {
  readonly violations: string[] = [];
  readonly clock = new VirtualClock();
  readonly library = new FaultLibrary(mkdtempSync(join(MEMORY, "musicfs-faults-")));
  readonly #shown = new Set<string>();

  constructor(readonly story: Story) {}

  async run(): Promise<void> {
    const descriptors = openDescriptors();
    {
      using failure = this.story.arm(this.clock);
      await this.#life(failure, async (program, mount) => {
        await this.#scan(mount);
        await this.#lookAround(program);
        await this.#readThroughFailure(program, mount);
        await this.#change(program, mount);
      });
      await this.#life(failure, async (program) => {
        await this.#lookAround(program);
        await this.#readAll(program);
      });
    }
    await this.#checkEnd();
    const left = openDescriptors().filter((path) => !descriptors.includes(path));
    if (left.length > 0) this.#violated(`left open: ${left.join(" ")}`);
    if (this.clock.pendingTimers > 0) this.#violated(`${this.clock.pendingTimers} timers are left`);
  }

  /** From a start of the program to its end. One that refuses to start is started once more. */
  async #life(
    failure: Failure | undefined,
    work: (program: Program, mount: OneThreadMount) => Promise<void>,
  ): Promise<void> {
    const { clock, library } = this;
    const cacheDir = join(library.directory, "cache");
    mkdirSync(cacheDir, { recursive: true });
    const state = new SharedState();
    const onFault = (message: string) => {
      if (this.story.mustSucceed) this.#violated(message);
    };
    const { roots } = library;
    const fails = { faults: failure?.origins, before: failure?.statements };
    const start = () => OneThreadMount.start({ clock, cacheDir, roots, state, onFault, ...fails });
    const mount = (await this.#allowed(start)) ?? (await this.#allowed(start));
    if (mount === undefined) return;
    try {
      await work(new Program(mount, clock, this.#violated), mount);
    } catch (error) {
      this.#violated(error instanceof Error ? (error.stack ?? error.message) : `${error}`);
    }
    await this.#allowed(() => mount[Symbol.asyncDispose]());
    if (mount.unanswered > 0) this.#violated(`${mount.unanswered} requests were never answered`);
    if (state.handles.openCount() > 0)
      this.#violated(`${state.handles.openCount()} handles are left`);
  }

  async #scan({ assembly }: OneThreadMount): Promise<void> {
    await this.clock.advance(SCAN_MS);
    await this.clock.run(assembly.scans.settled());
  }

  async #lookAround(program: Program): Promise<void> {
    for (const path of ["", "album", "singles"]) {
      const names = this.#checked(path, await program.list(path));
      for (const name of names ?? []) this.#shown.add(path === "" ? name : `${path}/${name}`);
    }
    this.#checked("album/one", await program.look("album/one"));
  }

  /** A file is read on while its origin goes and comes back. */
  async #readThroughFailure(program: Program, mount: OneThreadMount): Promise<void> {
    const { clock, library } = this;
    await this.#withFile(program, "album/one", async (read) => {
      await read(0);
      const wasOpen = mount.isRootOpen(NAS);
      using away = library.takeAway(NAS);
      await clock.advance(NEXT_CHECK_MS);
      await read(PIECE_BYTES);
      away[Symbol.dispose]();
      await clock.advance(NEXT_CHECK_MS);
      await this.#scan(mount);
      // The root's descriptor comes from this machine's own file system, in its own time.
      for (let ms = 0; wasOpen && ms < REOPEN_MS && !mount.isRootOpen(NAS); ms++)
        await Bun.sleep(1);
      await read(2 * PIECE_BYTES);
      await read(3 * PIECE_BYTES);
      await read(LONG_BYTES);
    });
  }

  async #change(program: Program, mount: OneThreadMount): Promise<void> {
    await this.#readFile(program, "album/two");
    this.library.replaceTwo();
    await this.#readFile(program, "album/two");
    this.library.moveThree();
    for (const id of this.library.roots.keys()) mount.assembly.scans.recovered(id);
    await this.#scan(mount);
    await this.#lookAround(program);
    await this.#readAll(program);
  }

  async #readAll(program: Program): Promise<void> {
    for (const path of this.library.now.keys()) await this.#readFile(program, path);
  }

  async #readFile(program: Program, path: string): Promise<void> {
    await this.#withFile(program, path, async (read, { sizeBytes }) => {
      for (let at = 0; at < sizeBytes; at += PIECE_BYTES) await read(at);
    });
  }

  /** Opens a file; every byte read of it belongs to one and the same version. */
  async #withFile(
    program: Program,
    path: string,
    work: (read: (offsetBytes: number) => Promise<void>, file: OpenFile) => Promise<void>,
  ): Promise<void> {
    const file = this.#checked(path, await program.open(path));
    if (file === undefined) return;
    const ever = this.library.ever.get(path) ?? [];
    let versions = ever.filter(({ length }) => length === file.sizeBytes);
    await work(async (offsetBytes) => {
      const end = offsetBytes + PIECE_BYTES;
      const bytes = this.#checked(path, await program.read(file, offsetBytes, PIECE_BYTES));
      if (bytes === undefined) return;
      versions = versions.filter((version) => version.subarray(offsetBytes, end).equals(bytes));
      if (versions.length === 0) this.#violated(`${path}: wrong bytes at ${offsetBytes}`);
    }, file);
    await program.close(file);
  }

  /** What was answered, unless it was an error. */
  #checked<T>(path: string, result: Result<T>): T | undefined {
    if ("ok" in result) return result.ok;
    const { hides = false, mustSucceed = false } = this.story;
    const isThere = path === "" || this.library.names(parent(path)).includes(base(path));
    const vanished = result.errno === ENOENT && isThere && this.#shown.has(path);
    if (mustSucceed || (vanished && !hides)) {
      this.#violated(`${path}: ${errnoName(result.errno)}`);
    }
    return undefined;
  }

  /** Nothing fails any more. */
  async #checkEnd(): Promise<void> {
    const found = new Map<string, Buffer>();
    await this.#life(undefined, async (program, mount) => {
      await this.#scan(mount);
      if (this.story.hides === true) await this.#allowAbsence(mount);
      for (const directory of ["", "album", "singles"]) {
        const listed = await program.list(directory);
        const shown = "ok" in listed ? listed.ok.join(" ") : errnoName(listed.errno);
        const expected = this.library.names(directory).join(" ");
        if (shown !== expected) this.#violated(`at the end, /${directory} is: ${shown}`);
      }
      for (const [path, bytes] of this.library.now) {
        const opened = await program.open(path);
        if (!("ok" in opened)) {
          this.#violated(`at the end, ${path}: ${errnoName(opened.errno)}`);
          continue;
        }
        const pieces: Buffer[] = [];
        for (let at = 0; at < opened.ok.sizeBytes; at += PIECE_BYTES) {
          const piece = await program.read(opened.ok, at, PIECE_BYTES);
          if ("ok" in piece) pieces.push(piece.ok);
        }
        await program.close(opened.ok);
        found.set(path, Buffer.concat(pieces));
        if (!Buffer.concat(pieces).equals(bytes)) this.#violated(`at the end, ${path} differs`);
      }
    });
    if (found.size !== this.library.now.size)
      this.#violated("at the end, the mount does not start");
  }

  /** What the failure hid makes the rest look like most of an origin: people say that it is right. */
  async #allowAbsence({ assembly: { scans } }: OneThreadMount): Promise<void> {
    for (const id of this.library.roots.keys()) {
      await this.clock.run(scans.request(id, { wait: true, allowEmpty: true }));
    }
  }

  /** Runs what may fail, but only with an error of the program's own. */
  async #allowed<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#inRealTime(work());
    } catch (error) {
      if (this.story.mustSucceed || !isOwn(error)) throw error;
      return undefined;
    }
  }

  /**
   * Waits for what opens and closes files of this machine and so takes real time; virtual time moves
   * only when that does not bring it on.
   */
  async #inRealTime<T>(work: Promise<T>): Promise<T> {
    let settled = false;
    const mark = () => {
      settled = true;
    };
    work.then(mark, mark);
    const startedMs = performance.now();
    for (let waits = 0; !settled; waits++) {
      if (performance.now() - startedMs > HANG_MS) throw new Error("a start or an end hangs");
      if (waits % WAITS_FOR_DISK === WAITS_FOR_DISK - 1) {
        await this.clock.advance(this.clock.nextTimerMs ?? 0);
      } else await Bun.sleep(waits < 10 ? 0 : 1);
    }
    return await work;
  }

  readonly #violated = (what: string): void => void this.violations.push(what);
}

function isOwn(error: unknown): boolean {
  if (error instanceof SuppressedError) return isOwn(error.error) && isOwn(error.suppressed);
  return error instanceof MusicFsError;
}

function parent(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

function base(path: string): string {
  return path.split("/").at(-1) ?? "";
}

/** What this process has open: `number -> what`. */
function openDescriptors(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [`${fd} -> ${readlinkSync(`/proc/self/fd/${fd}`)}`];
    } catch {
      // The descriptor by which the directory was read.
      return [];
    }
  });
}
