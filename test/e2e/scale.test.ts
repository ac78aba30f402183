/** A library of 200 000 files: complete at the first look, there at once after a remount. */

import { afterAll, beforeAll, expect } from "bun:test";
import { needing } from "../support/needs.ts";
import { Mount, must, Workspace } from "./support/musicfs.ts";

const { describe, test } = needing("root", "fuse");

const DIRECTORIES = 1000;
const FILES_EACH = 100;
const FILES_IN_ONE = 100_000;
const FILES = DIRECTORIES * FILES_EACH + FILES_IN_ONE;
const TIMEOUT_MS = 120_000;

/** Well under a second is meant; a machine under load is given a little more. */
const REMOUNT_MS = 3000;

/** Makes the files below `$1`. */
const PLANT = `cd "$1" && seq -f 'album %04g' 0 ${DIRECTORIES - 1} | tr '\\n' '\\0' | xargs -0 mkdir large
for d in album*; do (cd "$d" && seq -f 'track %g.flac' ${FILES_EACH} | tr '\\n' '\\0' | xargs -0 touch); done
cd large && seq -f 'file %g' ${FILES_IN_ONE} | tr '\\n' '\\0' | xargs -0 touch`;

/** \`ls -lR\` of "$1" into "$2", without what differs between file systems: links, totals, modes. */
const LIST = `cd "$1" && ls -lR --time-style=full-iso . > "$2.raw" && awk '
  /^\\.[^\\n]*:$/ { directory = $0 }
  /^[d-]/ { size = substr($1, 1, 1) == "d" ? "-" : $5
    name = $0; for (i = 0; i < 8; i++) sub(/^[^ ]+ +/, "", name)
    print directory, substr($1, 1, 1), size, $3, $4, $6, $7, name }' "$2.raw" | LC_ALL=C sort > "$2"`;

describe("a library of 100 000 files in 1000 directories and 100 000 in one", () => {
  let workspace: Workspace;
  let origins: readonly string[];

  beforeAll(async () => {
    workspace = new Workspace("scale");
    const disk = workspace.directory("disk");
    // In memory: what is measured is not this machine's disk, and it is gone at once afterwards.
    await must(["mount", "-t", "tmpfs", "-o", "nr_inodes=0,size=2g", "tmpfs", disk]);
    await must(["sh", "-c", PLANT, "sh", disk], { timeoutMs: TIMEOUT_MS });
    await must(["sh", "-c", LIST, "sh", disk, workspace.path("expected")], {
      timeoutMs: TIMEOUT_MS,
    });
    origins = Mount.origins(disk);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await must(["umount", workspace.path("disk")]);
    workspace[Symbol.dispose]();
  });

  const list = (name: string) =>
    workspace.must(["sh", "-c", LIST, "sh", workspace.mountPoint, workspace.path(name)], {
      timeoutMs: TIMEOUT_MS,
    });

  test(
    "is listed completely by the first ls -lR, before the scan has come by",
    async () => {
      await using mount = await Mount.start(workspace, origins);
      await list("first");
      await must(["cmp", workspace.path("expected"), workspace.path("first")]);
      const lines = (await must(["grep", "-c", ": - ", workspace.path("first")])).trim();
      expect(Number(lines)).toBe(FILES);
      await mount.logged('"message":"scanned"');
      expect(await mount.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "is there at once after a remount",
    async () => {
      const startedMs = performance.now();
      await using mount = await Mount.start(workspace, origins);
      const counted = await workspace.shell('ls "$1" | wc -l; stat -c %s "$1/large/file 99999"');
      const tookMs = performance.now() - startedMs;
      expect(counted).toBe(`${DIRECTORIES + 1}\n0\n`);
      expect(tookMs).toBeLessThan(REMOUNT_MS);
      await list("again");
      await must(["cmp", workspace.path("expected"), workspace.path("again")]);
      expect(await mount.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "costs O(1) requests to list a second time",
    async () => {
      const requests = async (times: number) => {
        await using mount = await Mount.scanned(workspace, [...origins, "--log-level", "debug"]);
        for (let i = 0; i < times; i++) await workspace.shell('ls -lR "$1" > /dev/null');
        expect(await mount.stop()).toBe(0);
        const [line = "{}"] = mount.lines('"message":"requests of the kernel"');
        const { time: _, level: __, message: ___, ...counts } = JSON.parse(line);
        return counts as Record<string, number>;
      };
      const once = await requests(1);
      const total = (counts: Record<string, number>) =>
        Object.values(counts).reduce((sum, count) => sum + count, 0);
      expect(once["READDIRPLUS"]).toBeGreaterThan(DIRECTORIES);
      const more = async () => total(await requests(2)) - total(once);
      const first = await more();
      // The kernel may drop its caches between two listings when anybody wants the memory.
      expect(first < 10 ? first : await more()).toBeLessThan(10);
    },
    TIMEOUT_MS,
  );
});
