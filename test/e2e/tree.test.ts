/** Which files, directories and links of the origins the tree shows, where, and as whose. */

import { describe, expect } from "bun:test";
import { chmodSync, mkdirSync, symlinkSync } from "node:fs";
import { needing } from "../support/needs.ts";
import { plantLibrary } from "./support/library.ts";
import { eventually, Mount, NOBODY, run, Workspace } from "./support/musicfs.ts";
import { processorTicks } from "./support/process_use.ts";

const { test } = needing("root", "fuse", "setpriv");

describe("the tree", () => {
  test("keeps inode numbers across remounts, and when a file is replaced", async () => {
    using workspace = new Workspace("inodes");
    plantLibrary(workspace);
    const origins = Mount.origins(workspace.path("nas"), workspace.path("backup"));
    const inodes = async () => {
      await using mount = await Mount.scanned(workspace, origins);
      const listed = await workspace.shell('cd "$1" && find . -printf "%P %i\\n" | sort');
      expect(await mount.stop()).toBe(0);
      return listed;
    };
    const first = await inodes();
    expect(await inodes()).toBe(first);
    workspace.file("nas/Artist/Album/01 one.flac", "something else");
    expect(await inodes()).toBe(first);
  });

  test("leads into an origin at its prefix (FR-13.5)", async () => {
    using workspace = new Workspace("prefix");
    plantLibrary(workspace);
    const config = workspace.file(
      "config.toml",
      `[[origins]]
id = "nas"
origin_type = "local"
path = "${workspace.path("nas")}"
[[origins]]
id = "backup"
origin_type = "local"
priority = 2
path = "${workspace.path("backup")}"
prefix = "Archive/2011"
[mount]
uid = 1234
gid = 2345
`,
    );
    chmodSync(config, 0o600);
    await using _mount = await Mount.scanned(workspace, ["--config", config]);
    const listed = await workspace.shell('cd "$1" && find . -printf "%P %U:%G\\n" | sort');
    expect(listed.trimEnd().split("\n")).toEqual(
      [
        "",
        "Archive",
        "Archive/2011",
        "Archive/2011/Artist",
        "Archive/2011/Artist/Album",
        "Archive/2011/Artist/Album/02 two.flac",
        "Archive/2011/Artist/Album/cover.png",
        "Archive/2011/Artist/Album/notes.txt",
        "Archive/2011/Singles",
        "Archive/2011/Singles/empty.txt",
        "Archive/2011/Singles/only here.mp3",
        "Artist",
        "Artist/Album",
        "Artist/Album/01 one.flac",
        "Artist/Album/cover.png",
        "Artist/Album/notes.txt",
      ].map((path) => `${path} 1234:2345`),
    );
    await workspace.shell(
      'cmp "$1/Archive/2011/$2" "$3"',
      ...["Singles/only here.mp3", workspace.path("backup/Singles/only here.mp3")],
    );
  });

  test("settles a directory against a file of one name by priority, and says so", async () => {
    using workspace = new Workspace("kinds");
    workspace.file("first/thing", "a file");
    workspace.file("first/other/within", "within");
    workspace.file("second/thing/below", "below a directory");
    workspace.file("second/other", "a file");
    await using mount = await Mount.scanned(
      workspace,
      Mount.origins(workspace.path("first"), workspace.path("second")),
    );
    const listed = await workspace.shell('cd "$1" && find . -printf "%y %P\\n" | sort');
    expect(listed).toBe("d \nd other\nf other/within\nf thing\n");
    expect(await workspace.shell('cat "$1/thing" "$1/other/within"')).toBe("a filewithin");
    await mount.logged("a directory and a file have one name", 2);
  });

  test("follows links inside an origin, and shows nothing that leads out or nowhere", async () => {
    using workspace = new Workspace("links");
    workspace.file("outside/secret", "secret");
    const disk = workspace.path("disk");
    workspace.file("disk/album/track", "track");
    mkdirSync(`${disk}/deep/down`, { recursive: true });
    for (const [target, link] of [
      ["album/track", "to a file"],
      ["album", "to a directory"],
      ["../../album/track", "deep/down/up and over"],
      ["../outside/secret", "out"],
      ["../outside", "out to a directory"],
      [workspace.path("outside/secret"), "out by an absolute path"],
      [`${disk}/album/track`, "in by an absolute path"],
      ["/proc/self/environ", "to the machine"],
      ["missing", "nowhere"],
      ["loop", "loop"],
      ["album/track/below", "below a file"],
    ] as const) {
      symlinkSync(target, `${disk}/${link}`);
    }
    await run(["mkfifo", `${disk}/fifo`]);
    await run(["mknod", `${disk}/null`, "c", "1", "3"]);
    await using _mount = await Mount.scanned(workspace, Mount.origins(disk));
    const listed = await workspace.shell('cd "$1" && find . -printf "%y %P\\n" | sort');
    expect(listed.trimEnd().split("\n")).toEqual([
      "d ",
      "d album",
      "d deep",
      "d deep/down",
      "d to a directory",
      "f album/track",
      "f deep/down/up and over",
      "f to a directory/track",
      "f to a file",
    ]);
    const text = await workspace.shell('cd "$1" && find . -type f -exec cat {} +');
    expect(text).toBe("track".repeat(4));
  });

  test("lets others in with allow_other, as far as the modes do", async () => {
    using workspace = new Workspace("other");
    chmodSync(workspace.file("disk/open", "for all"), 0o644);
    chmodSync(workspace.file("disk/closed", "for root"), 0o400);
    chmodSync(workspace.file("disk/private/within", "for root"), 0o644);
    chmodSync(workspace.path("disk/private"), 0o700);
    const args = [...Mount.origins(workspace.path("disk")), "--allow-other"];
    await using _mount = await Mount.scanned(workspace, args);
    const at = (path: string) => `${workspace.mountPoint}/${path}`;
    expect(await workspace.shell('cat "$1/closed" "$1/private/within"')).toBe("for rootfor root");
    const asNobody = (...command: string[]) => run(command, { user: NOBODY });
    expect((await asNobody("cat", at("open"))).stdout).toBe("for all");
    for (const refused of ["closed", "private/within"]) {
      const { code, stderr } = await asNobody("cat", at(refused));
      expect([code, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
    }
    expect((await asNobody("ls", at("private"))).stderr).toContain("Permission denied");
    // No more for what the kernel has cached for root.
    expect((await asNobody("cat", at("closed"))).code).toBe(1);
  });

  test("shows files of over 4 GiB whole", async () => {
    using workspace = new Workspace("large");
    const large = workspace.file("disk/large", "");
    const size = 5 * 1024 ** 3 + 12_345;
    await run(["truncate", "-s", String(size), large]);
    await run([
      "sh",
      "-c",
      'printf "the end" | dd of="$1" oflag=append conv=notrunc status=none',
      "sh",
      large,
    ]);
    await using _mount = await Mount.scanned(workspace, Mount.origins(workspace.path("disk")));
    expect(await workspace.shell('stat -c %s "$1/large"')).toBe(`${size + 7}\n`);
    expect(await workspace.shell('tail -c 7 "$1/large"')).toBe("the end");
    const middle = await workspace.shell(
      'dd if="$1/large" bs=1M skip=4400 count=1 status=none | tr -d "\\0" | wc -c',
    );
    expect(middle.trim()).toBe("0");
  });

  test("shows no temporary files of copy and sync tools", async () => {
    using workspace = new Workspace("excluded");
    for (const name of ["track.flac", ".DS_Store", "Thumbs.db", "@eaDir/x", ".track.flac.a8Xk2p"]) {
      workspace.file(`disk/album/${name}`, name);
    }
    await using _mount = await Mount.scanned(workspace, Mount.origins(workspace.path("disk")));
    expect(await workspace.shell('ls -A "$1/album"')).toBe("track.flac\n");
  });

  test("costs no processor time while nobody uses it", async () => {
    using workspace = new Workspace("idle");
    plantLibrary(workspace);
    const origins = Mount.origins(workspace.path("nas"), workspace.path("backup"));
    await using mount = await Mount.scanned(workspace, origins);
    await workspace.shell('find "$1" -type f -exec cat {} + > /dev/null');
    // Memory of the scan and the reads is collected for a while; what polls or spins never rests.
    await eventually("it rests", async () => {
      const before = processorTicks(mount.pid);
      await Bun.sleep(3000);
      return processorTicks(mount.pid) - before <= 3;
    });
  });
});
