/**
 * What a mount is put through: readers that compare every byte, origins that flap, origins that come
 * and go, scans, and programs that watch. All of it goes on until it is disposed.
 */

import { mkdirSync, renameSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { ControlClient } from "../../../src/core/control/client.ts";
import type { ControlledLibrary } from "../support/controlled_library.ts";
import { Flapping } from "../support/flapping.ts";
import { bytes } from "../support/library.ts";
import { BINARY } from "../support/musicfs.ts";

const READER = resolve(import.meta.dir, "../support/random_reader.ts");
const READERS = 2;

/** Files of each origin; the largest is of several of the kernel's reads. */
const FILES = 16;
const LARGEST_BYTES = 3 * 1024 * 1024;

/** Two origins that fail, at times that fall together in every way. */
const FLAPS = { one: { downMs: 1300, upMs: 1700 }, two: { downMs: 900, upMs: 2300 } } as const;
/** An origin that has what no other has. */
const GUEST = "guest";
/** The same files, where they stay. */
const GUEST_REFERENCE = "guest-reference";
const STAY_MS = 400;

export interface Done {
  reads: number;
  /** What readers were told instead of bytes, by "open EIO" and the like. */
  readonly errors: Record<string, number>;
  flaps: number;
  /** Origins that were added and removed again. */
  guests: number;
  scans: number;
}

export const NOTHING_DONE: Done = { reads: 0, errors: {}, flaps: 0, guests: 0, scans: 0 };

export function together(one: Done, other: Done): Done {
  const errors = { ...one.errors };
  for (const [what, times] of Object.entries(other.errors)) {
    errors[what] = (errors[what] ?? 0) + times;
  }
  return {
    reads: one.reads + other.reads,
    errors,
    flaps: one.flaps + other.flaps,
    guests: one.guests + other.guests,
    scans: one.scans + other.scans,
  };
}

/** A check that a busy machine delays has not failed. */
export const LOAD_CONFIG = "[health]\ncheck_interval_secs = 6\ntimeout_ms = 5000\n";

/** `backup` never fails; `one` and `two` are preferred to it and do. */
export function plantOrigins(library: ControlledLibrary): void {
  for (let n = 0; n < FILES; n++) {
    const content = bytes(n + 1, Math.floor((LARGEST_BYTES * (n + 1)) / FILES));
    for (const origin of ["one", "two", "backup"]) library.file(`${origin}/${n}`, content);
    for (const place of [GUEST, GUEST_REFERENCE]) {
      library.file(`${place}/${n}`, bytes(100 + n, 10_000 * (n + 1)));
    }
  }
  const guarded = `[[origins]]\nid = "two"\norigin_type = "nfs"\nrequire_mount = false\npath = "${library.path("two")}"\n`;
  library.config(
    [LOAD_CONFIG, library.written("one"), guarded, library.written("backup")].join("\n"),
  );
}

/** Runs everything for `seconds`, and answers what was done; rejects on a wrong byte. */
export async function load(
  library: ControlledLibrary,
  client: ControlClient,
  seconds: number,
  seed: number,
): Promise<Done> {
  const done: Done = { ...NOTHING_DONE, errors: {} };
  const { mountPoint } = library;
  const endMs = performance.now() + seconds * 1000;
  await using cleanUp = new AsyncDisposableStack();
  const flapping = Object.entries(FLAPS).map(([origin, times]) => {
    const path = library.path(origin);
    const down = () => renameSync(path, `${path}.away`);
    const up = () => renameSync(`${path}.away`, path);
    return cleanUp.use(new Flapping({ down, up, ...times }));
  });
  for (const watching of [
    ["events", "--follow", "--json"],
    ["health", "--watch"],
  ]) {
    cleanUp.use(watcher(library, watching));
  }
  // A guest's files need not be there; what is there must be right.
  const readers = [...Array(READERS).keys()].map((n) =>
    reader(mountPoint, library.path("backup"), seconds, seed + n),
  );
  readers.push(
    reader(join(mountPoint, GUEST), library.path(GUEST_REFERENCE), seconds, seed + READERS),
  );
  await Promise.all([
    ...readers.map(async (reading) => {
      const { reads, errors } = await reading;
      done.reads += reads;
      for (const [what, times] of Object.entries(errors)) {
        done.errors[what] = (done.errors[what] ?? 0) + times;
      }
    }),
    comeAndGo(library, client, endMs, done),
  ]);
  await Promise.all(flapping.map((each) => each[Symbol.asyncDispose]()));
  done.flaps = flapping.reduce((sum, { times }) => sum + times, 0);
  return done;
}

/** A guest is local or served by a guard, in turn, and another place each time. */
async function comeAndGo(
  library: ControlledLibrary,
  client: ControlClient,
  endMs: number,
  done: Done,
): Promise<void> {
  for (let round = 0; performance.now() < endMs; round++) {
    const place = library.path(`guest-${round % 4}`);
    mkdirSync(place);
    renameSync(library.path(GUEST), join(place, GUEST));
    const kind =
      round % 2 === 0 ? { origin_type: "local" } : { origin_type: "nfs", require_mount: false };
    const path = join(place, GUEST);
    await client.addOrigin({ id: GUEST, ...kind, path, prefix: GUEST, priority: round % 9 });
    await Bun.sleep(STAY_MS);
    if (round % 5 === 0) {
      await client.check(GUEST);
      await library.musicfs("scan", "--quiet", "--config", library.configFile);
      await client.metrics();
      done.scans++;
    }
    await client.removeOrigin(GUEST);
    renameSync(path, library.path(GUEST));
    rmSync(place, { recursive: true });
    done.guests++;
    await Bun.sleep(STAY_MS);
  }
}

interface Seen {
  readonly reads: number;
  readonly errors: Readonly<Record<string, number>>;
}

async function reader(
  mount: string,
  reference: string,
  seconds: number,
  seed: number,
): Promise<Seen> {
  const command = [process.execPath, READER, mount, reference, String(seconds), String(seed)];
  const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
  const [told, code] = await Promise.all([child.stdout.text(), child.exited]);
  if (code !== 0) throw new Error(`a reader of ${mount} ended with ${code}: ${told}`);
  return JSON.parse(told.trim().split("\n").at(-1) ?? "");
}

function watcher(library: ControlledLibrary, args: readonly string[]): AsyncDisposable {
  const command = [BINARY, ...args, "--config", library.configFile];
  const child = Bun.spawn(command, { env: library.env, stdio: ["ignore", "ignore", "ignore"] });
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}
