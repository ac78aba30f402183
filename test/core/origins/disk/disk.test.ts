import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ByteName, type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { Disk, type DiskOptions } from "../../../../src/core/origins/disk/disk.ts";
import { DiskFailure } from "../../../../src/core/origins/disk/failure.ts";
import { ROOT_RECHECK_MS } from "../../../../src/core/origins/disk/root.ts";
import * as E from "../../../../src/core/sys/errno.ts";
import { Memory } from "../../../../src/core/sys/memory.ts";
import { openBelow } from "../../../support/descriptors.ts";
import { eraseTypes } from "../../../support/erase_types.ts";
import { replacedSyscalls } from "../../../support/failing_syscalls.ts";
import { LocalTree } from "../../../support/local_tree.ts";

const FILE = "file" as BytePath;

let tree: LocalTree;
beforeEach(async () => {
  tree = new LocalTree();
  await tree.put(FILE, Buffer.from("0123456789"));
});
afterEach(() => {
  const left = descriptors();
  tree[Symbol.dispose]();
  // Whatever went wrong in a test, no descriptor is left.
  expect(left).toBe(0);
});

function descriptors(): number {
  return openBelow(tree.directory).length;
}

function failureOf(work: () => unknown): DiskFailure | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof DiskFailure) return error;
    throw error;
  }
}

function read(disk: Disk, path = FILE, options: { version?: boolean } = {}): string {
  const into = new Memory(100);
  const version = options.version ? disk.stat(path) : undefined;
  const length = disk.read(path, 0, 100, version, into, 0);
  return Buffer.from(into.bytes.subarray(0, length)).toString();
}

function names(disk: Disk, path = ROOT_PATH): { names: ByteName[]; failure?: DiskFailure } {
  const { fd } = disk.openDirectory(path);
  try {
    const all: ByteName[] = [];
    let failure: DiskFailure | undefined;
    for (;;) {
      const page = disk.readDirectory(fd, path);
      all.push(...page.entries.map(({ name }) => name));
      failure ??= page.failure;
      if (page.done) return { names: all.sort(), ...(failure && { failure }) };
    }
  } finally {
    disk.closeDirectory(fd);
  }
}

describe("Disk", () => {
  test("tries again what a signal or a racing rename interrupted", () => {
    let left = 5;
    const interrupted = (original: (...args: number[]) => number, ...args: number[]) =>
      left-- > 0 ? -E.EINTR : original(...args);
    for (const call of ["openat2", "pread", "getdents64"] as const) {
      left = 5;
      using disk = new Disk(tree.root, replacedSyscalls({ [call]: interrupted }));
      expect(call === "getdents64" ? names(disk).names : read(disk)).toEqual(
        call === "getdents64" ? ["file" as ByteName] : "0123456789",
      );
      expect(left).toBeLessThan(0);
    }
    using busy = new Disk(tree.root, replacedSyscalls({ openat2: () => -E.EAGAIN }));
    expect(failureOf(() => read(busy))?.code).toBe("io");
  });

  test("puts short answers of read(2) together", () => {
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        pread: (original, fd, into, length, offset) =>
          original(fd, into, Math.min(length, 3), offset),
      }),
    );
    expect(read(disk)).toBe("0123456789");
  });

  test("calls a file that ends before its size a short read", () => {
    using disk = new Disk(tree.root, replacedSyscalls({ pread: () => 0 }));
    expect(failureOf(() => read(disk))?.code).toBe("short_read");
  });

  test("refuses bytes of a file that changed while it was read", async () => {
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        pread: (original, ...args) => {
          writeFileSync(join(tree.root, "file"), "98765432!!");
          return original(...args);
        },
      }),
    );
    expect(failureOf(() => read(disk, FILE, { version: true }))?.code).toBe("version_changed");
    expect(read(disk)).toBe("98765432!!");
  });

  test("tells in an errno's name what failed, in every call", () => {
    const cases = [
      [E.EIO, "io"],
      [E.EACCES, "denied"],
      [E.ENOTCONN, "device_gone"],
      [E.EHOSTDOWN, "connection"],
      [E.ETIMEDOUT, "timeout"],
      [E.EMFILE, "io"],
    ] as const;
    for (const [errno, code] of cases) {
      for (const call of ["openat2", "statx", "fstatx", "pread", "getdents64"] as const) {
        using disk = new Disk(tree.root, replacedSyscalls({ [call]: () => -errno }));
        const failure = failureOf(() => (call === "getdents64" ? names(disk) : read(disk)));
        if (failure === undefined) throw new Error(`${call} was not called`);
        expect([call, failure.code]).toEqual([call, code]);
        expect(failure.message).toContain(E.errnoName(errno));
      }
    }
  });

  test("lists on past an entry that cannot be looked at, and says so at the end", async () => {
    for (const name of ["a", "b", "c"]) await tree.put(name as BytePath, Buffer.from("x"));
    let looked = 0;
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        statx: (original, fd, ...rest) =>
          fd >= 0 && looked++ === 1 ? -E.EIO : original(fd, ...rest),
      }),
    );
    const listed = names(disk);
    expect(listed.names).toHaveLength(3);
    expect(listed.failure).toMatchObject({ code: "io", errno: E.EIO });
  });

  test("leaves out an entry that vanishes while it lists", async () => {
    await tree.put("other" as BytePath, Buffer.from("x"));
    let looked = 0;
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        statx: (original, fd, ...rest) =>
          fd >= 0 && looked++ === 0 ? -E.ENOENT : original(fd, ...rest),
      }),
    );
    const listed = names(disk);
    expect(listed.names).toHaveLength(1);
    expect(listed.failure).toBeUndefined();
  });

  test("asks for the type of entries that the file system does not tell", async () => {
    await tree.makeDirectory("directory" as BytePath);
    await tree.link("link" as BytePath, "file");
    await tree.makeSpecial("fifo" as BytePath, "fifo");
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        getdents64: (original, fd, into, length) => {
          const read = original(fd, into, length);
          eraseTypes(into, read);
          return read;
        },
      }),
    );
    expect(names(disk).names).toEqual(["directory", "file", "link"] as ByteName[]);
  });

  test("ends a listing at once when the disk is gone", async () => {
    using disk = new Disk(
      tree.root,
      replacedSyscalls({
        statx: (original, fd, ...rest) => (fd >= 0 ? -E.ENODEV : original(fd, ...rest)),
      }),
    );
    expect(failureOf(() => names(disk))?.code).toBe("device_gone");
  });

  test("opens root and file again after a stale handle (NFS)", () => {
    let stale = true;
    const { syscalls, counts } = replacedSyscalls({
      fstatx: (original, ...args) => {
        if (!stale) return original(...args);
        stale = (counts.get("openat2") ?? 0) === 0;
        return stale ? original(...args) : -E.ESTALE;
      },
    });
    using disk = new Disk(tree.root, { syscalls });
    expect(read(disk)).toBe("0123456789");
    expect(counts.get("open")).toBe(2);
    expect(counts.get("openat2")).toBe(2);
  });

  test("keeps files open between reads of one version, at most so many", async () => {
    const { syscalls, counts } = replacedSyscalls({});
    using disk = new Disk(tree.root, { syscalls, keptFiles: 2 });
    const opens = () => counts.get("openat2") ?? 0;
    const version = disk.stat(FILE);
    const into = new Memory(10);
    const readVersion = (path = FILE, of = version) => disk.read(path, 0, 10, of, into, 0);
    const before = opens();
    readVersion();
    readVersion();
    expect(opens() - before).toBe(1);
    // Without a version the path decides, as always.
    read(disk);
    expect(opens() - before).toBe(2);
    for (const name of ["a", "b"] as unknown as BytePath[]) {
      await tree.put(name, Buffer.from(name));
      readVersion(name, disk.stat(name));
    }
    const others = opens();
    readVersion();
    expect(opens() - others).toBe(1);
    // Root and two files.
    expect(descriptors()).toBe(3);
    disk.release();
    expect(descriptors()).toBe(0);
    expect(readVersion()).toBe(10);
  });

  test("serves a version it holds open even when its path leads to another file", () => {
    using disk = new Disk(tree.root, { keptFiles: 2, tokens: "weak" });
    const version = disk.stat(FILE);
    const into = new Memory(10);
    disk.read(FILE, 0, 10, version, into, 0);
    renameSync(join(tree.root, "file"), join(tree.root, "moved"));
    writeFileSync(join(tree.root, "file"), "replacement");
    into.bytes.fill(0);
    expect(disk.read(FILE, 0, 10, version, into, 0)).toBe(10);
    expect(Buffer.from(into.bytes).toString()).toBe("0123456789");
    expect(read(disk)).toBe("replacement");
  });

  test("tells versions apart by inode and ctime, unless tokens are weak", () => {
    const tokens = (options: DiskOptions) => {
      using disk = new Disk(tree.root, options);
      const first = disk.stat(FILE).token;
      renameSync(join(tree.root, "file"), join(tree.root, "moved"));
      renameSync(join(tree.root, "moved"), join(tree.root, "file"));
      return [first, disk.stat(FILE).token];
    };
    const [strong, renamed] = tokens({});
    expect(strong).not.toBe(renamed);
    const [weak, same] = tokens({ tokens: "weak" });
    expect(weak).toBe(same);
  });
});

describe("Disk's root", () => {
  function timed() {
    let nowMs = 0;
    const disk = new Disk(tree.root, { nowMs: () => nowMs });
    const wait = () => {
      nowMs += ROOT_RECHECK_MS;
    };
    return { disk, wait };
  }

  test("is gone when its path leads nowhere, and comes back with it", () => {
    const { disk, wait } = timed();
    using _ = disk;
    expect(read(disk)).toBe("0123456789");
    const away = join(tree.directory, "away");
    renameSync(tree.root, away);
    expect(failureOf(() => disk.probe())?.code).toBe("device_gone");
    expect(failureOf(() => read(disk))?.code).toBe("device_gone");
    expect(failureOf(() => names(disk))?.code).toBe("device_gone");
    writeFileSync(tree.root, "not a directory");
    wait();
    expect(failureOf(() => disk.probe())?.message).toContain("no directory");
    rmSync(tree.root);
    renameSync(away, tree.root);
    expect(disk.probe()).toEqual({ status: "ok" });
    expect(read(disk)).toBe("0123456789");
  });

  test("is looked at again before long, without a probe", () => {
    const { disk, wait } = timed();
    using _ = disk;
    expect(read(disk)).toBe("0123456789");
    renameSync(tree.root, join(tree.directory, "away"));
    mkdirSync(tree.root);
    writeFileSync(join(tree.root, "file"), "new");
    expect(read(disk)).toBe("0123456789");
    wait();
    expect(read(disk)).toBe("new");
  });

  test("is not trusted to lack what its path may lead to by now", () => {
    const { disk } = timed();
    using _ = disk;
    const away = join(tree.directory, "away");
    renameSync(tree.root, away);
    mkdirSync(tree.root);
    expect(names(disk).names).toEqual([]);
    expect(failureOf(() => disk.stat(FILE))?.code).toBe("not_found");
    rmdirSync(tree.root);
    renameSync(away, tree.root);
    expect(read(disk, FILE, { version: true })).toBe("0123456789");
  });

  test("is listed from where its path leads to now", () => {
    const { disk } = timed();
    using _ = disk;
    const away = join(tree.directory, "away");
    renameSync(tree.root, away);
    mkdirSync(tree.root);
    expect(names(disk).names).toEqual([]);
    rmdirSync(tree.root);
    renameSync(away, tree.root);
    expect<string[]>(names(disk).names).toEqual(["file"]);
  });

  test("that is removed is gone, and does not just lack its files", () => {
    const { disk } = timed();
    using _ = disk;
    expect(read(disk)).toBe("0123456789");
    rmSync(tree.root, { recursive: true });
    expect(failureOf(() => disk.stat(FILE))?.code).toBe("device_gone");
    expect(failureOf(() => names(disk))?.code).toBe("device_gone");
  });

  test("says once that another directory took its place", () => {
    const { disk } = timed();
    using _ = disk;
    disk.probe();
    renameSync(tree.root, join(tree.directory, "away"));
    mkdirSync(tree.root);
    expect(disk.probe()).toMatchObject({ status: "degraded" });
    expect(disk.probe()).toEqual({ status: "ok" });
  });

  test("that rests holds no descriptor and knows which directory it was", () => {
    const { disk } = timed();
    using _ = disk;
    read(disk);
    expect(descriptors()).toBe(1);
    disk.rest();
    expect(descriptors()).toBe(0);
    expect(read(disk)).toBe("0123456789");
    disk.rest();
    renameSync(tree.root, join(tree.directory, "away"));
    mkdirSync(tree.root);
    expect(disk.probe()).toMatchObject({ status: "degraded" });
    // Released, it is whatever its path leads to.
    disk.release();
    rmSync(tree.root, { recursive: true });
    renameSync(join(tree.directory, "away"), tree.root);
    expect(disk.probe()).toEqual({ status: "ok" });
  });

  test("may be a symbolic link", () => {
    const link = join(tree.directory, "link");
    symlinkSync("root", link);
    using disk = new Disk(link);
    expect(read(disk)).toBe("0123456789");
  });

  test("is served only while its check holds", () => {
    let mounted = false;
    const rootCheck = () => {
      if (!mounted) throw new DiskFailure("not_mounted", "nothing is mounted there");
    };
    using disk = new Disk(tree.root, { rootCheck });
    expect(failureOf(() => disk.probe())?.code).toBe("not_mounted");
    expect(failureOf(() => names(disk))?.code).toBe("not_mounted");
    mounted = true;
    expect(disk.probe()).toEqual({ status: "ok" });
    mounted = false;
    expect(failureOf(() => disk.probe())?.code).toBe("not_mounted");
    expect(failureOf(() => read(disk))?.code).toBe("not_mounted");
  });

  test("does not hold our own lack of descriptors against the disk", () => {
    using disk = new Disk(tree.root, replacedSyscalls({ openat2: () => -E.EMFILE }));
    expect(disk.probe()).toMatchObject({ status: "degraded" });
    using none = new Disk(tree.root, replacedSyscalls({ open: () => -E.ENFILE }));
    expect(none.probe()).toMatchObject({ status: "degraded" });
  });
});
