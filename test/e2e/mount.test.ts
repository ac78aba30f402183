/** What the mount shows of its origins: one tree, byte for byte, read-only, for root and others. */

import { afterAll, beforeAll, expect } from "bun:test";
import { statSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { FILES, plantLibrary } from "./support/library.ts";
import { Mount, run, Workspace } from "./support/musicfs.ts";
import { describeEachUser } from "./support/users.ts";

const { test } = needing("root", "fuse", "fusermount3", "setpriv", "getfattr", "rsync");

const WRITES = `cd "$1" || exit 9
attempt() { "$@" && echo "went through: $*"; }
attempt touch new
attempt touch Singles/empty.txt
attempt mkdir new
attempt rmdir Singles
attempt rm -f Singles/empty.txt
attempt rm -rf Artist
attempt mv Singles/empty.txt Singles/full.txt
attempt mv Artist Painter
attempt cp Singles/empty.txt new
attempt ln Singles/empty.txt new
attempt ln -s Singles/empty.txt new
attempt chmod 777 Singles/empty.txt
attempt chmod 777 .
attempt truncate -s 0 Singles/empty.txt
attempt truncate -s 10 new
attempt mkfifo new
attempt setfattr -n user.new -v value Singles/empty.txt
attempt setfattr -x user.musicfs.origin Singles/empty.txt
attempt dd if=/dev/zero of=Singles/empty.txt bs=1 count=1 status=none
attempt sh -c ': > new'
attempt sh -c ': > Singles/empty.txt'
attempt sh -c ': >> Singles/empty.txt'
attempt sh -c 'echo more | tee -a Singles/empty.txt > /dev/null'
attempt touch -d 2001-01-01 .
true`;
const WRITE_ATTEMPTS = WRITES.match(/^attempt /gm)?.length ?? 0;

describeEachUser("a library mounted by %s", (workspaceNamed, user) => {
  let workspace: Workspace;
  let mount: Mount;

  beforeAll(async () => {
    workspace = workspaceNamed("mount");
    plantLibrary(workspace);
    const origins = [`nas=${workspace.path("nas")}`, `backup=${workspace.path("backup")}`];
    mount = await Mount.scanned(workspace, Mount.origins(...origins));
  });
  afterAll(async () => {
    await mount?.[Symbol.asyncDispose]();
    workspace?.[Symbol.dispose]();
  });

  test("is one tree of all origins, without a configuration (FR-13.1, FR-13.2)", async () => {
    const listed = await workspace.shell('cd "$1" && find . -type f -printf "%P\\n" | sort');
    expect(listed.trimEnd().split("\n")).toEqual(FILES.map(([path]) => path));
    const directories = await workspace.shell('cd "$1" && find . -type d -printf "%P\\n" | sort');
    expect(directories).toBe("\nArtist\nArtist/Album\nSingles\n");
    expect(await workspace.shell('find "$1" ! -type f ! -type d')).toBe("");
  });

  test("shows of each file the origin of best priority, byte for byte (FR-13.3)", async () => {
    for (const [path, origin] of FILES) {
      await workspace.shell('cmp "$1/$2" "$3"', path, workspace.path(origin, path));
    }
  });

  test("shows sizes, times and modes without write permission", async () => {
    for (const [path, origin] of FILES) {
      const { size, mode, mtimeMs } = statSync(workspace.path(origin, path));
      const shown = await workspace.shell('stat -c "%s %f %.3Y %h" "$1/$2"', path);
      expect(shown.trim()).toBe(
        `${size} ${(mode & ~0o222).toString(16)} ${(mtimeMs / 1000).toFixed(3)} 1`,
      );
    }
  });

  test("belongs to the origins' owners for root, else to who mounted it", async () => {
    const shown = await workspace.shell('stat -c "%u:%g" "$1/$2" "$1/Artist"', FILES[0][0]);
    const id = user?.uid ?? 0;
    expect(shown).toBe(`${id}:${id}\n${id}:${id}\n`);
  });

  test("tells of each file's origin, replicas and version (FR-13.4)", async () => {
    const attributes = async (path: string) => {
      const text = await workspace.shell('cd "$1" && getfattr -d -m - "$2"', path);
      return Object.fromEntries(
        [...text.matchAll(/^user\.musicfs\.(\w+)="(.*)"$/gm)].map(([, name, value]) => [
          name ?? "",
          value ?? "",
        ]),
      );
    };
    const one = await attributes("Artist/Album/01 one.flac");
    expect(one).toEqual({ origin: "nas", replicas: "nas:proved", version: expect.any(String) });
    const cover = await attributes("Artist/Album/cover.png");
    expect(cover["replicas"]).toMatch(/^nas:proved,backup:(unverified|probable|proved)$/);
    const notes = await attributes("Artist/Album/notes.txt");
    expect(notes["replicas"]).toBe("nas:proved,backup:different");
    expect(await attributes("Artist")).toEqual({});
    const missing = await workspace.run([
      ...["getfattr", "-n", "user.musicfs.nothing", `${workspace.mountPoint}/${FILES[0][0]}`],
    ]);
    expect(missing.stderr).toContain("No such attribute");
  });

  test("is read by dd (O_DIRECT, too), cp, cmp, tar, rsync and md5sum", async () => {
    const [path, origin] = FILES[0];
    const original = workspace.path(origin, path);
    const copy = workspace.path("copy");
    await workspace.shell(
      'dd if="$1/$2" of="$4" bs=7777 status=none && cmp "$3" "$4"',
      ...[path, original, copy],
    );
    await workspace.shell(
      'dd if="$1/$2" of="$4" bs=64k skip=1234567 iflag=skip_bytes status=none && tail -c +1234568 "$3" | cmp - "$4"',
      ...[path, original, copy],
    );
    await workspace.shell(
      'dd if="$1/$2" of="$4" bs=1M iflag=direct status=none && cmp "$3" "$4"',
      ...[path, original, copy],
    );
    await workspace.shell('cp -a "$1/Artist" "$2" && diff -r "$1/Artist" "$2"', copy + 2);
    await workspace.shell('tar -C "$1" -cf - . | tar -xf - -C "$2"', workspace.directory("untar"));
    await workspace.shell('diff -r "$1" "$2" && chmod -R u+w "$2"', workspace.path("untar"));
    const differing = await workspace.shell(
      'rsync -rtnic --out-format=%n "$1/" "$2"',
      workspace.path("untar"),
    );
    expect(differing).toBe("");
    const sums = await workspace.shell('cd "$1" && find . -type f -exec md5sum {} + | sort -k 2');
    expect(sums.trimEnd().split("\n")).toEqual(
      await Promise.all(
        FILES.map(async ([name, from]) => {
          const file = Bun.file(workspace.path(from, name));
          const md5 = new Bun.CryptoHasher("md5").update(await file.bytes()).digest("hex");
          return `${md5}  ./${name}`;
        }),
      ),
    );
  });

  test("answers every attempt to write with 'Read-only file system'", async () => {
    const { code, stdout, stderr } = await workspace.run([
      ...["sh", "-c", WRITES, "sh", workspace.mountPoint],
    ]);
    expect([code, stdout]).toEqual([0, ""]);
    const complaints = stderr.trimEnd().split("\n");
    expect(complaints.filter((line) => !/Read-only file system/i.test(line))).toEqual([]);
    // rm -rf complains once for each file.
    expect(complaints.length).toBeGreaterThanOrEqual(WRITE_ATTEMPTS);
    for (const [path, origin] of FILES) {
      await workspace.shell('cmp "$1/$2" "$3"', path, workspace.path(origin, path));
    }
  });

  test("is shown to nobody else without allow_other", async () => {
    const other = { uid: 12_345, gid: 12_345 };
    const { mountPoint, namespace } = workspace;
    const seen = await run(["ls", mountPoint], { user: other, namespace });
    expect(seen.stderr).toContain("Permission denied");
  });

  test("tells how large the library is, and that it is full", async () => {
    const [blocks, free, files, freeFiles, nameMax] = (
      await workspace.shell('stat -f -c "%b %f %c %d %l" "$1"')
    ).split(" ");
    const sizes = FILES.map(([path, origin]) => statSync(workspace.path(origin, path)).size);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(Number(blocks)).toBe(Math.ceil(total / 4096));
    expect([free, freeFiles, nameMax]).toEqual(["0", "0", "255\n"]);
    expect(Number(files)).toBe(FILES.length + 3);
  });
});

// The kernel's root may be entered by nobody until it was looked at, and a look that meets a change
// is lost: whoever came first was refused now and then.
test("a mount was looked at before anything changes in it", async () => {
  using workspace = new Workspace("mount");
  workspace.file("disk/track", "track");
  const args = [...Mount.origins(workspace.path("disk")), "--log-level", "debug"];
  await using mount = await Mount.start(workspace, args);
  expect(await mount.stop()).toBe(0);
  const [line = "{}"] = mount.lines('"message":"requests of the kernel"');
  expect(JSON.parse(line)).toMatchObject({ GETATTR: expect.any(Number) });
});
