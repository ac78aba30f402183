/** What the live view costs: next to nothing where nothing happens, and a mount never waits for it. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { BINARY, eventually } from "./support/musicfs.ts";
import { processorTicks } from "./support/process_use.ts";
import { Terminal } from "./support/tmux.ts";

const { test } = needing("root", "fuse", "tmux");

const SIZE = { columns: 100, rows: 30 };
const TICK_MS = 10;
const IDLE_MS = 10_000;
/** It is under 2 % where nothing else runs; a machine that is slow, or has much to do, counts some more. */
const MOST_PERCENT = 10;
/** Drawn, and all that is loaded late has been. */
const SETTLED_MS = 3000;
const EVENTS = 300;
const LIMIT_MS = 120_000;

/** Opens the view in a terminal; answers its process, too. */
async function watching(library: ControlledLibrary) {
  const pidFile = library.path("pid");
  const command = `echo $$ > ${pidFile}; exec ${BINARY} health --watch --config ${library.configFile}`;
  const terminal = await Terminal.open(command, SIZE, library.env);
  await terminal.shows(/one +● healthy/);
  return { terminal, pid: Number(readFileSync(pidFile, "utf8")) };
}

test(
  "the live view idles under 2 % of a core",
  async () => {
    using library = new ControlledLibrary("one", "two");
    library.file("one/a.flac", "a");
    await using _mount = await library.mount();
    const { terminal, pid } = await watching(library);
    await using _terminal = terminal;
    await Bun.sleep(SETTLED_MS);
    const before = processorTicks(pid);
    const startMs = performance.now();
    await Bun.sleep(IDLE_MS);
    const percent =
      (100 * (processorTicks(pid) - before) * TICK_MS) / (performance.now() - startMs);
    console.log(`the live view took ${percent.toFixed(1)} % of a core`);
    expect(percent).toBeLessThan(MOST_PERCENT);
  },
  LIMIT_MS,
);

test(
  "a live view that is stopped holds up neither reads nor checks nor other clients (NFR-7.2)",
  async () => {
    using library = new ControlledLibrary("one", "two");
    for (let n = 0; n < EVENTS; n++) library.file(`one/${n}.flac`, `${n}`);
    await using mount = await library.mount();
    const { terminal, pid } = await watching(library);
    await using _terminal = terminal;
    process.kill(pid, "SIGSTOP");
    try {
      // More than a socket holds: a state every second and each of these events and reads.
      await library.shell('cat "$1"/*.flac > /dev/null');
      for (let round = 0; round < 3; round++) {
        for (let n = 0; n < EVENTS; n++) library.file(`one/${round}/${n}.flac`, `${round} ${n}`);
        await library.done("scan");
        await library.shell('cat "$1"/"$2"/*.flac > /dev/null', String(round));
        expect((await library.asked("health", "--check")).code).toBe(0);
      }
      expect((await library.done("status")).library.files).toBe(4 * EVENTS);
    } finally {
      process.kill(pid, "SIGCONT");
    }
    await eventually("the view goes on", async () =>
      (await terminal.screen()).includes(String(4 * EVENTS).replace(/(?=...$)/, " ")),
    );
    expect(await mount.stop()).toBe(0);
  },
  LIMIT_MS,
);
