/** Origins that come and go under a mount that is used (F-9). */

import { expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { ControlledLibrary } from "./support/controlled_library.ts";
import { eventually } from "./support/musicfs.ts";
import { type ProcessUse, processUse } from "./support/process_use.ts";

const { test: mounted } = needing("root", "fuse");

const ROUNDS = 100;
const GUARDED_EVERY = 4;
const SONG_BYTES = 16 * 1024 * 1024;
/** Roots of local origins are closed a while after their removal. */
const CLOSED_MS = 20_000;

mounted(
  `${ROUNDS} origins added and removed leave nothing behind: descriptors, threads, sockets, guards (F-9)`,
  async () => {
    using library = new ControlledLibrary("one");
    library.file("one/a/1.flac", "one");
    library.file("three/c/3.flac", "three");
    await using mount = await library.mount();
    using running = await library.client();
    const { client } = running;
    // A guard process serves it.
    const guarded = { origin_type: "nfs", path: library.path("three"), require_mount: false };
    const round = async (isGuarded: boolean, place: number) => {
      // Elsewhere each time: what is kept for a place adds up.
      const path = library.directory("two", `${place}`);
      library.file(`two/${place}/b/2.flac`, "two");
      await client.addOrigin({ id: "two", origin_type: "local", path });
      await client.check("two");
      if (isGuarded) {
        await client.addOrigin({ ...guarded, id: "three" });
        await client.check("three");
        await client.removeOrigin("three");
      }
      await client.removeOrigin("two");
    };
    // What is loaded with the first of its kind stays.
    await round(true, 0);
    const before = processUse(mount.pid);
    for (let count = 0; count < ROUNDS; count++)
      await round(count % GUARDED_EVERY === 0, count + 1);
    expect(await library.files()).toEqual(["a/1.flac"]);
    await eventually(
      `the mount holds no more than ${JSON.stringify(before)}`,
      () => isAtMost(processUse(mount.pid), before),
      CLOSED_MS,
    );
    expect((await client.origins()).origins.map(({ id }) => id)).toEqual(["one"]);
    expect(await client.metrics()).not.toContain('"two"');
    expect(mount.lines('"level":"error"')).toEqual([]);
  },
);

function isAtMost(use: ProcessUse, bound: ProcessUse): boolean {
  const kinds = ["descriptors", "sockets", "threads", "children"] as const;
  return kinds.every((kind) => use[kind] <= bound[kind]);
}

const SONG = new Uint8Array(SONG_BYTES).map((_, at) => (at * 7919) >> 8);

/** Opens `song`, reads its beginning, lets `change` happen, and reads the rest. */
async function readAcross(
  library: ControlledLibrary,
  change: () => Promise<unknown>,
): Promise<{ readonly rest: Uint8Array; readonly error: string }> {
  const script = 'exec 3< "$1/song"; dd bs=64k count=1 status=none <&3; read -r _; exec cat <&3';
  const reader = Bun.spawn(["sh", "-c", script, "sh", library.mountPoint], {
    ...{ stdin: "pipe", stdout: "pipe", stderr: "pipe" },
  });
  const chunks: Uint8Array[] = [];
  const reading = reader.stdout.pipeTo(
    new WritableStream<Uint8Array>({
      write(chunk) {
        chunks.push(chunk);
      },
    }),
  );
  await eventually("it was read so far", () => chunks.length > 0);
  await change();
  reader.stdin.write("go\n");
  reader.stdin.end();
  const error = await new Response(reader.stderr).text();
  await reading;
  return { rest: Buffer.concat(chunks), error };
}

for (const change of ["removed", "disabled"]) {
  mounted(
    `an open file goes on from another origin when its own is ${change} (F-8, F-9)`,
    async () => {
      using library = new ControlledLibrary("one", "two");
      for (const origin of ["one", "two"]) library.file(`${origin}/song`, SONG);
      await using mount = await library.mount();
      const command = change === "removed" ? "rm" : "disable";
      const { rest, error } = await readAcross(library, async () => {
        await library.done("origins", command, "one");
      });
      expect([error, Buffer.compare(rest, SONG)]).toEqual(["", 0]);
      expect(await library.files()).toEqual(["song"]);
      expect(await mount.stop()).toBe(0);
    },
  );
}

mounted(
  "an open file of a removed origin that nobody else has ends in EIO, not in silence (F-9)",
  async () => {
    using library = new ControlledLibrary("one", "two");
    library.file("one/song", SONG);
    library.file("two/other", "other");
    await using mount = await library.mount();
    const { rest, error } = await readAcross(library, () => library.done("origins", "rm", "one"));
    expect(error).toContain("Input/output error");
    expect(rest.length).toBeLessThan(SONG.length);
    expect(Buffer.compare(rest, SONG.subarray(0, rest.length))).toBe(0);
    expect(await library.files()).toEqual(["other"]);
    expect(await mount.stop()).toBe(0);
  },
);
