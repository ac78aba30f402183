/** Real audio files on the mount, read by the programs that people use for them. */

import { afterAll, beforeAll, expect } from "bun:test";
import { cpSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { makeLibrary } from "../../scripts/library.ts";
import { needing } from "../support/needs.ts";
import { Mpd } from "./support/mpd.ts";
import { Mount, must, Workspace } from "./support/musicfs.ts";

const PROGRAMS = "ffmpeg ffprobe flac lame oggenc opusenc rsync beet mpd".split(" ");
const { describe, test } = needing("root", "fuse", ...PROGRAMS);

describe("an album library on two origins", () => {
  let workspace: Workspace;
  let mount: Mount;
  let files: readonly string[] = [];
  let tracks: readonly string[] = [];

  beforeAll(async () => {
    workspace = new Workspace("audio");
    const all = workspace.directory("all");
    files = await makeLibrary(all, { seconds: 1 });
    tracks = files.filter((file) => !file.endsWith(".png"));
    // Every other file on the second origin alone, every third on both.
    for (const [index, file] of files.entries()) {
      const origins = index % 3 === 0 ? ["nas", "backup"] : index % 2 === 0 ? ["nas"] : ["backup"];
      for (const origin of origins) {
        mkdirSync(dirname(workspace.path(origin, file)), { recursive: true });
        cpSync(`${all}/${file}`, workspace.path(origin, file), { preserveTimestamps: true });
      }
    }
    mount = await Mount.scanned(
      workspace,
      Mount.origins(workspace.path("nas"), workspace.path("backup")),
    );
  }, 120_000);

  afterAll(async () => {
    await mount?.[Symbol.asyncDispose]();
    workspace?.[Symbol.dispose]();
  });

  test("is the whole library, byte for byte, for rsync and diff", async () => {
    const all = workspace.path("all");
    expect(await workspace.shell('rsync -rtOnic --delete "$1/" "$2/"', all)).toBe("");
    await workspace.shell('diff -r "$1" "$2"', all);
  });

  test("is sound for flac -t", async () => {
    const flacs = tracks.filter((file) => file.endsWith(".flac"));
    expect(flacs.length).toBeGreaterThan(0);
    for (const file of flacs) await workspace.shell('flac -t --silent "$1/$2"', file);
  });

  test("tells ffprobe the tags that the originals have", async () => {
    const probe = async (path: string) => {
      const what = ["-show_format", "-show_streams", "-of", "json"];
      const text = await must(["ffprobe", "-v", "error", ...what, path]);
      const { format, streams } = JSON.parse(text) as { format: object; streams: unknown[] };
      return { format: { ...format, filename: "" }, streams };
    };
    for (const file of tracks) {
      expect(await probe(`${workspace.mountPoint}/${file}`)).toEqual(
        await probe(workspace.path("all", file)),
      );
    }
  });

  test("is imported whole by beets", async () => {
    const { mountPoint } = workspace;
    const beet = ["beet", "-l", workspace.path("beets.db"), "-d", workspace.directory("beets")];
    await workspace.must([...beet, "import", "-A", "-C", "-W", "-q", mountPoint]);
    const listed = await workspace.must([...beet, "ls", "-f", "$path"]);
    expect(listed.trimEnd().split("\n").sort()).toEqual(
      tracks.map((file) => `${mountPoint}/${file}`).sort(),
    );
  }, 60_000);

  test("is scanned whole by mpd", async () => {
    await using daemon = await Mpd.start(workspace);
    expect(await daemon.scanned()).toEqual(tracks.toSorted());
    const titles = (await daemon.ask("listallinfo")).match(/^Title: .+$/gm) ?? [];
    expect(titles.length).toBeGreaterThan(0);
  }, 60_000);
});
