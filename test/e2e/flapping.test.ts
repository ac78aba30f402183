/**
 * The programs that people use, all at once on a mount whose preferred origin dies and recovers the
 * whole time: none of them may notice. `MUSICFS_LONG=1` lets a player play an album in real time.
 */

import { describe, expect } from "bun:test";
import { cpSync, renameSync } from "node:fs";
import { ALBUMS } from "../../scripts/library/album.ts";
import { makeLibrary } from "../../scripts/library.ts";
import { needing } from "../support/needs.ts";
import { BindfsMount } from "./support/bindfs.ts";
import { Flapping, type FlappingOptions } from "./support/flapping.ts";
import { Mpd } from "./support/mpd.ts";
import { Mount, Workspace } from "./support/musicfs.ts";

const PROGRAMS = "ffmpeg ffprobe flac lame oggenc opusenc rsync beet mpd bindfs".split(" ");
const { test } = needing("root", "fuse", ...PROGRAMS);
/** Whether the origins' bytes are kept in the cache. */
const long = process.env["MUSICFS_LONG"] === "1" ? [false, true] : [];

const TRACK_SECONDS = 1;
/** Three tracks of an album are over a minute, even less what mpd has ready beforehand. */
const LISTENED_SECONDS = 30;
const FLAP = { downMs: 1500, upMs: 1500 };
const OFTEN = 3;
/** Replicas of the few files are compared within this time. */
const COMPARED_MS = 3000;

interface Setting {
  readonly workspace: Workspace;
  readonly mount: Mount;
  /** The same library on a plain directory. */
  readonly all: string;
  readonly tracks: readonly string[];
  readonly flap: Pick<FlappingOptions, "down" | "up">;
}

type Preferred = (
  workspace: Workspace,
  cleanUp: AsyncDisposableStack,
) => Promise<{ readonly root: string; readonly flap: Setting["flap"] }>;

const WAYS: Readonly<Record<string, Preferred>> = {
  "whose directory goes away and comes back": async (workspace) => {
    const root = workspace.directory("nas");
    return {
      root,
      flap: {
        down: () => renameSync(root, `${root}.away`),
        up: () => renameSync(`${root}.away`, root),
      },
    };
  },
  "whose file system hangs and goes on": async (_, cleanUp) => {
    const share = cleanUp.use(await BindfsMount.create());
    return { root: share.tree.root, flap: { down: () => share.stop(), up: () => share.go() } };
  },
};

async function setUp(
  cleanUp: AsyncDisposableStack,
  preferred: Preferred,
  library: Parameters<typeof makeLibrary>[1],
  isCached = false,
): Promise<Setting> {
  const workspace = cleanUp.use(new Workspace("flapping"));
  const { root, flap } = await preferred(workspace, cleanUp);
  const all = workspace.directory("all");
  const files = await makeLibrary(all, library);
  const backup = workspace.directory("backup");
  for (const origin of [root, backup]) {
    cpSync(all, origin, { recursive: true, preserveTimestamps: true });
  }
  const origin = (id: string, path: string) =>
    `[[origins]]\nid = "${id}"\norigin_type = "local"\npath = "${path}"\ncache = ${isCached}\n`;
  const health = "[health]\ncheck_interval_secs = 1\ntimeout_ms = 500\n";
  const flags = workspace.config(`${health}${origin("nas", root)}${origin("backup", backup)}`);
  const mount = cleanUp.use(await Mount.scanned(workspace, flags));
  // What was read once has had its replicas compared, and any of them may finish an open file.
  await workspace.shell('find "$1" -type f -exec cat {} + >/dev/null');
  await Bun.sleep(COMPARED_MS);
  const tracks = files.filter((file) => !file.endsWith(".png"));
  return { workspace, mount, all, tracks, flap };
}

/** What each program finds on the mount, and on the plain directory. */
const CHECKS: Readonly<Record<string, (setting: Setting) => Promise<void>>> = {
  "rsync with checksums": async ({ workspace, all }) => {
    expect(await workspace.shell('rsync -rtOnic --delete "$1/" "$2/"', all)).toBe("");
  },
  "a parallel grep": async ({ workspace, all }) => {
    const script = 'cd "$2" && find . -type f -print0 | xargs -0 -P 8 -n 2 grep -acF -e a -e fLaC';
    const found = async (place: string) =>
      (await workspace.shell(script, place)).split("\n").sort();
    expect(await found(workspace.mountPoint)).toEqual(await found(all));
  },
  "flac -t": async ({ workspace, tracks }) => {
    const flacs = tracks.filter((file) => file.endsWith(".flac"));
    expect(flacs.length).toBeGreaterThan(0);
    for (const file of flacs) await workspace.shell('flac -t --silent "$1/$2"', file);
  },
  "ffprobe of every format": async ({ workspace, all, tracks }) => {
    const script = 'cd "$2" && ffprobe -v error -show_format -show_streams -of json "$3"';
    for (const file of tracks) {
      const [shown, original] = await Promise.all(
        [workspace.mountPoint, all].map((place) => workspace.shell(script, place, file)),
      );
      expect(shown).toBe(original ?? "");
    }
  },
  "beets import": async ({ workspace, tracks }) => {
    const { mountPoint } = workspace;
    const beet = ["beet", "-l", workspace.path("beets.db"), "-d", workspace.directory("beets")];
    await workspace.must([...beet, "import", "-A", "-C", "-W", "-q", mountPoint]);
    const listed = await workspace.must([...beet, "ls", "-f", "$path"]);
    const paths = tracks.map((file) => `${mountPoint}/${file}`);
    expect(listed.trimEnd().split("\n").sort()).toEqual(paths.sort());
  },
  "mpd scanning and playing": async ({ workspace, tracks }) => {
    await using mpd = await Mpd.start(workspace);
    expect(await mpd.scanned()).toEqual(tracks.toSorted());
    await mpd.play(tracks, 60_000);
    expect(complaints(mpd)).toEqual([]);
  },
};

/** Lines of the daemon's log that tell of a file it could not read. */
function complaints({ log }: Mpd): readonly string[] {
  const lines = log.split("\n").filter((line) => /fail|error|No such file/i.test(line));
  // It has no database yet when it starts.
  return lines.filter((line) => !line.includes("mpd.db"));
}

describe.each(Object.entries(WAYS))("a preferred origin %s", (_, preferred) => {
  test("is noticed by no program (F-8)", async () => {
    await using cleanUp = new AsyncDisposableStack();
    const setting = await setUp(cleanUp, preferred, { seconds: TRACK_SECONDS });
    const { mount, flap } = setting;
    const flapping = cleanUp.use(new Flapping({ ...flap, ...FLAP }));
    const results = await Promise.allSettled(
      Object.entries(CHECKS).map(async ([program, check]) => {
        // A few at least, and as many as it takes to see the origin die a few times.
        do await check(setting);
        while (flapping.times < OFTEN && program !== "beets import");
      }),
    );
    await flapping[Symbol.asyncDispose]();
    const failed = results.flatMap((result, at) =>
      result.status === "rejected" ? [`${Object.keys(CHECKS)[at]}: ${result.reason}`] : [],
    );
    expect([...failed, ...(failed.length > 0 ? mount.lines('"level":"') : [])]).toEqual([]);
    expect(mount.lines('"level":"error"')).toEqual([]);
    expect(flapping.times).toBeGreaterThanOrEqual(OFTEN);
  });

  test.each(long)(
    "lets mpd play an album in real time, cached: %p",
    async (isCached) => {
      await using cleanUp = new AsyncDisposableStack();
      const albums = ALBUMS.filter(({ format }) => format === "flac").slice(0, 1);
      const library = { albums, seconds: LISTENED_SECONDS };
      const { workspace, tracks, flap } = await setUp(cleanUp, preferred, library, isCached);
      const mpd = cleanUp.use(await Mpd.start(workspace, { inRealTime: true }));
      await mpd.scanned();
      const flapping = cleanUp.use(new Flapping({ ...flap, downMs: 3000, upMs: 3000 }));
      const startedMs = performance.now();
      expect(await mpd.play(tracks, 180_000)).toEqual(tracks.toSorted());
      expect(performance.now() - startedMs).toBeGreaterThan(60_000);
      expect(complaints(mpd)).toEqual([]);
      expect(flapping.times).toBeGreaterThan(8);
    },
    300_000,
  );
});
