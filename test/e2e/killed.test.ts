/** A mount that is killed in the worst moment: while the kernel does what it was told to. */

import { expect } from "bun:test";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { eventually } from "./support/musicfs.ts";

const FILES = 2000;
const READERS = 3;
/** Where the kernel has a thread that waits for the lock of a directory to take a name from it. */
const NOTIFYING = "fuse_reverse_inval_entry";
/** Then it is killed anyway. */
const PATIENCE_MS = 15_000;

/** Some of the files come and go until it is disposed. */
class Changes implements AsyncDisposable {
  readonly #ended: Promise<void>;
  #isEnding = false;

  constructor(readonly directory: string) {
    this.#ended = this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    await this.#ended;
  }

  async #run(): Promise<void> {
    for (let round = 0; !this.#isEnding; round++) {
      for (let n = 0; n < FILES; n += 4) {
        const file = join(this.directory, `${n}`);
        if (round % 2 === 0) rmSync(file);
        else writeFileSync(file, `${round}`);
      }
      await Bun.sleep(250);
    }
  }
}

function threadNamed(pid: number, name: string): string {
  const tasks = readdirSync(`/proc/${pid}/task`).map((task) => `/proc/${pid}/task/${task}`);
  const found = tasks.find((task) => readFileSync(`${task}/comm`, "latin1").trim() === name);
  if (found === undefined) throw new Error(`no thread ${name}`);
  return found;
}

function isGone(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length === 0;
  } catch {
    return true;
  }
}

needing("root", "fuse").test(
  "NFR-7.2 killed while it tells the kernel of changes, a mount lets its readers go",
  async () => {
    using library = new ControlledLibrary("disk");
    for (let n = 0; n < FILES; n++) library.file(`disk/album/${n}`, "");
    await using mount = await library.mount();
    const script = 'while [ -e "$2" ]; do find "$1/album" -printf %s; done > /dev/null 2>&1';
    const going = library.file("going", "");
    await using _changes = new Changes(library.path("disk/album"));
    const readers = Array.from({ length: READERS }, () =>
      Bun.spawn(["sh", "-c", script, "sh", library.mountPoint, going]),
    );
    try {
      const notifier = threadNamed(mount.pid, "notifier");
      const endMs = performance.now() + PATIENCE_MS;
      while (readFileSync(`${notifier}/wchan`, "latin1") !== NOTIFYING) {
        if (performance.now() > endMs) break;
        await Bun.sleep(0);
      }
    } finally {
      mount.kill("SIGKILL");
      rmSync(going);
    }
    await eventually("the process is gone", () => isGone(mount.pid));
    await Promise.all(readers.map(({ exited }) => exited));
    // Neither hung nor an empty directory, which a player would take for a library without music.
    const { stderr } = await library.run(["ls", library.mountPoint]);
    expect(stderr).toContain("Transport endpoint is not connected");
  },
  60_000,
);
