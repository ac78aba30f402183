import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WatchedTree, WatchFailure } from "../../../../src/core/sync/watch/watched_tree.ts";
import { ENOSPC } from "../../../../src/core/sys/errno.ts";
import { libc, type Syscalls } from "../../../../src/core/sys/libc.ts";
import { replacedSyscalls } from "../../../support/failing_syscalls.ts";

class Fixture implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "musicfs-watch-"));
  #tree: WatchedTree | undefined;

  constructor(...directories: readonly string[]) {
    for (const directory of directories) mkdirSync(join(this.root, directory), { recursive: true });
  }

  watch(syscalls: Syscalls = libc()): WatchedTree {
    this.#tree = new WatchedTree(this.root, syscalls);
    return this.#tree;
  }

  at(path: string): string {
    return join(this.root, path);
  }

  /** What is told after `work`, sorted. */
  told(work: () => void): string[] {
    this.#tree?.changes();
    work();
    return [...(this.#tree?.changes().directories ?? [])].sort();
  }

  [Symbol.dispose](): void {
    this.#tree?.[Symbol.dispose]();
    rmSync(this.root, { recursive: true, force: true });
  }
}

describe("WatchedTree", () => {
  test("tells the directory of every kind of change of a file", () => {
    using fixture = new Fixture("album");
    writeFileSync(fixture.at("album/old.flac"), "old");
    fixture.watch();
    const changes: readonly (() => void)[] = [
      () => writeFileSync(fixture.at("album/a.flac"), "a"),
      () => appendFileSync(fixture.at("album/a.flac"), "more"),
      () => chmodSync(fixture.at("album/a.flac"), 0o600),
      () => utimesSync(fixture.at("album/a.flac"), 1, 1),
      () => renameSync(fixture.at("album/a.flac"), fixture.at("album/b.flac")),
      () => linkSync(fixture.at("album/b.flac"), fixture.at("album/c.flac")),
      () => symlinkSync("b.flac", fixture.at("album/d.flac")),
      () => rmSync(fixture.at("album/b.flac")),
    ];
    for (const change of changes) expect(fixture.told(change)).toEqual(["album"]);
    expect(fixture.told(() => readFileSync(fixture.at("album/c.flac")))).toEqual([]);
  });

  test("tells both directories of a file that moves", () => {
    using fixture = new Fixture("from", "to");
    writeFileSync(fixture.at("from/a"), "a");
    fixture.watch();
    const moved = fixture.told(() => renameSync(fixture.at("from/a"), fixture.at("to/a")));
    expect(moved).toEqual(["from", "to"]);
  });

  test("watches directories that come later, with all below them", () => {
    using fixture = new Fixture();
    const tree = fixture.watch();
    const made = fixture.told(() => mkdirSync(fixture.at("a/b/c"), { recursive: true }));
    expect(made).toEqual(["", "a", "a/b", "a/b/c"]);
    expect(tree.size).toBe(4);
    expect(fixture.told(() => writeFileSync(fixture.at("a/b/c/d"), "d"))).toEqual(["a/b/c"]);
  });

  test("follows a directory that is renamed, and one that moves in from elsewhere", () => {
    using fixture = new Fixture("a/inner", "b");
    using elsewhere = new Fixture("album/disc");
    const tree = fixture.watch();
    const renamed = fixture.told(() => renameSync(fixture.at("a"), fixture.at("b/c")));
    expect(renamed).toEqual(["", "b", "b/c", "b/c/inner"]);
    expect(fixture.told(() => writeFileSync(fixture.at("b/c/inner/x"), "x"))).toEqual([
      "b/c/inner",
    ]);
    const moved = fixture.told(() => renameSync(elsewhere.at("album"), fixture.at("album")));
    expect(moved).toEqual(["", "album", "album/disc"]);
    expect(tree.size).toBe(6);
  });

  test("lets go of directories that are removed or move out", () => {
    using fixture = new Fixture("a/b/c", "d/e");
    using elsewhere = new Fixture();
    const tree = fixture.watch();
    expect(tree.size).toBe(6);
    fixture.told(() => rmSync(fixture.at("a"), { recursive: true }));
    fixture.told(() => renameSync(fixture.at("d"), elsewhere.at("d")));
    expect(tree.size).toBe(1);
    expect(fixture.told(() => writeFileSync(elsewhere.at("d/e/x"), "x"))).toEqual([]);
    const inner = readFileSync(`/proc/self/fdinfo/${tree.fd}`, "utf8").match(/^inotify/gm);
    expect(inner).toHaveLength(1);
  });

  test("tells every path of a directory that links lead to, and stands loops", () => {
    using fixture = new Fixture("real/inner");
    symlinkSync("real", fixture.at("link"));
    symlinkSync("..", fixture.at("real/loop"));
    symlinkSync(tmpdir(), fixture.at("outside"));
    const tree = fixture.watch();
    expect(tree.size).toBe(3);
    const written = fixture.told(() => writeFileSync(fixture.at("real/inner/x"), "x"));
    expect(written).toEqual(["link/inner", "real/inner"]);
    const linked = fixture.told(() => symlinkSync("real/inner", fixture.at("again")));
    expect(linked).toEqual(["", "again"]);
    expect(fixture.told(() => writeFileSync(fixture.at("real/inner/y"), "y"))).toEqual([
      "again",
      "link/inner",
      "real/inner",
    ]);
  });

  test("takes names that are not UTF-8", () => {
    using fixture = new Fixture();
    fixture.watch();
    const name = Buffer.concat([Buffer.from(`${fixture.root}/`), Buffer.from([0x62, 0xe4])]);
    expect(fixture.told(() => mkdirSync(name))).toEqual(["", "b\xe4"]);
  });

  test("tells a change of everything when the kernel's queue overflows, and goes on", () => {
    using fixture = new Fixture("a");
    const tree = fixture.watch();
    const limit = Number(readFileSync("/proc/sys/fs/inotify/max_queued_events", "utf8"));
    for (let at = 0; at <= limit; at++) chmodSync(fixture.at("a"), 0o700 + (at % 2));
    mkdirSync(fixture.at("a/missed"));
    expect(tree.changes().everything).toBe(true);
    expect(tree.size).toBe(3);
    expect(fixture.told(() => writeFileSync(fixture.at("a/missed/x"), "x"))).toEqual(["a/missed"]);
  });

  test("ends when its directory goes", () => {
    using fixture = new Fixture();
    const tree = fixture.watch();
    renameSync(fixture.root, `${fixture.root}.away`);
    expect(() => tree.changes()).toThrow("its directory was moved or removed");
    renameSync(`${fixture.root}.away`, fixture.root);
  });

  test("names the sysctl when the system's limit is reached, and leaves nothing open", () => {
    using fixture = new Fixture("a", "b");
    let left = 2;
    const { syscalls, counts } = replacedSyscalls({
      inotifyAddWatch: (original, ...args) => (left-- > 0 ? original(...args) : -ENOSPC),
    });
    let failure: unknown;
    try {
      fixture.watch(syscalls);
    } catch (error) {
      failure = error;
    }
    expect(failure).toBeInstanceOf(WatchFailure);
    expect(failure).toMatchObject({
      message: expect.stringContaining("sysctl fs.inotify.max_user_watches="),
      forGood: true,
    });
    const opened = ["open", "openat2", "inotifyInit"].map((name) => counts.get(name) ?? 0);
    expect(counts.get("close")).toBe(opened.reduce((sum, count) => sum + count, 0));
  });
});
