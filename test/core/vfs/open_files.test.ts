import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { closeSync, constants, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CatalogReader, KnownFile } from "../../../src/core/catalog/catalog.ts";
import { DEFERRED } from "../../../src/core/fuse/filesystem.ts";
import { STORED_AT } from "../../../src/core/fuse/notify.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { EAGAIN } from "../../../src/core/sys/errno.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import type { Deferred } from "../../../src/core/vfs/deferred.ts";
import { fileNode } from "../../../src/core/vfs/nodeid.ts";
import { OpenFiles, type Readers } from "../../../src/core/vfs/open_files.ts";
import { ServedReads } from "../../../src/core/vfs/served_reads.ts";
import { replacedSyscalls } from "../../support/failing_syscalls.ts";
import { path } from "../catalog/fixture.ts";

const context = { unique: 1, uid: 0, gid: 0, pid: 1, request: new Uint8Array() };

const READERS = { open: () => false, read: () => false, fetchHeads: () => undefined };

function setUp(catalog: Partial<CatalogReader>) {
  const { handles, routing, seams } = new SharedState();
  const deferred: Deferred[] = [];
  const files = new OpenFiles({
    ...{ catalog: catalog as CatalogReader, handles, routing, seams },
    ...{ served: new ServedReads(), syscalls: libc(), readers: READERS },
    defer: (each) => void deferred.push(each),
  });
  return { files, handles, deferred };
}

test("OpenFiles takes no handle for a file whose replicas cannot be read", () => {
  const { files, handles } = setUp({
    knownFile: () => {
      throw new Error("database is locked");
    },
  });
  const out = { fh: 0, flags: 0, backingId: 0 };
  expect(() => files.open(context, fileNode(1), out)).toThrow("database is locked");
  expect(handles.openCount()).toBe(0);
});

test("OpenFiles tells of a closed descriptor only while a read waits that somebody made", () => {
  const { files, handles, deferred } = setUp({});
  const fh = handles.allocate(1, 1000);
  const into = new Memory(1000);
  const kinds = () => deferred.splice(0).map(({ kind }) => kind);
  files.flush(fh);
  expect(kinds()).toEqual([]);
  files.read({ ...context, pid: 0 }, fh, 0, 10, into, 0);
  files.flush(fh);
  expect(kinds()).toEqual(["read"]);
  files.read(context, fh, 0, 10, into, 0);
  files.read(context, fh, 10, 10, into, 0);
  handles.readEnded(fh);
  files.flush(fh);
  expect(kinds()).toEqual(["read", "read", "flush"]);
  handles.readEnded(fh);
  files.flush(fh);
  expect(kinds()).toEqual([]);
});

const ORIGIN = "disk" as OriginId;
const NAMES = ["one", "two", "three", "four", "five"];
const DIRECTORY = 5;

/** A directory of small files on a disk whose directories are in memory up to `waiting` opens. */
class Album implements Disposable {
  readonly state = new SharedState();
  readonly fetched: string[] = [];
  readonly told: string[] = [];
  readonly deferred: Deferred[] = [];
  /** Opens that have to wait for the disk. */
  waiting = 0;
  asked = 0;
  readonly files: OpenFiles;
  readonly row: number;
  readonly #rootFd: number;

  constructor(readonly root: string) {
    for (const name of NAMES) writeFileSync(join(root, name), `music of ${name}`);
    this.#rootFd = openSync(root, constants.O_DIRECTORY);
    const { handles, routing, seams, served } = this.state;
    this.row = routing.claim(ORIGIN);
    routing.publish([{ id: ORIGIN, usable: true }]);
    routing.setRootFd(this.row, this.#rootFd);
    const known = this.#known();
    const catalog = {
      knownFile: (version: number) => {
        this.asked++;
        return known.find((file) => file.version === version);
      },
      filesAfter: (directory: number, after: number, limit: number) =>
        known.filter(({ parent, entry }) => parent === directory && entry > after).slice(0, limit),
    } as Partial<CatalogReader> as CatalogReader;
    const readers: Readers = {
      open: () => true,
      read: () => true,
      fetchHeads: (_origin, paths) => void this.fetched.push(...paths),
    };
    const { syscalls } = replacedSyscalls({
      openat2: (original, ...args) => (this.waiting-- > 0 ? -EAGAIN : original(...args)),
      preadv2: (original, fd, iov, count, offset) => original(fd, iov, count, offset, 0),
    });
    this.files = new OpenFiles({
      ...{ catalog, handles, routing, seams, served, readers, syscalls },
      defer: (deferred) => void this.deferred.push(deferred),
      tell: ({ bytes }, length) => {
        this.told.push(Buffer.from(bytes.slice(STORED_AT, length)).toString());
        return length;
      },
    });
  }

  /** Opens the file of that number; its handle, or what else is answered. */
  open(version: number): number {
    const out = { fh: -1, flags: 0, backingId: 0 };
    const result = this.files.open(context, fileNode(version), out);
    return result === 0 ? out.fh : result;
  }

  [Symbol.dispose](): void {
    closeSync(this.#rootFd);
  }

  #known(): readonly KnownFile[] {
    const disk = new Disk(this.root);
    const files = NAMES.map((name, index): KnownFile => {
      const version = index + 1;
      const originVersion = disk.stat(path(name));
      const replica = { origin: ORIGIN, path: path(name), entry: version, version, originVersion };
      return {
        ...{ version, entry: version, parent: DIRECTORY, sizeBytes: originVersion.sizeBytes },
        replicas: [{ ...replica, match: "proved" }],
      };
    });
    disk.release();
    return files;
  }
}

describe("OpenFiles in a directory whose files are opened one after the other", () => {
  let root: string;
  let album: Album;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "musicfs-open-"));
    album = new Album(root);
    album.waiting = 2;
    for (const version of [1, 2]) expect(album.open(version)).toBe(DEFERRED);
  });
  afterEach(() => {
    album[Symbol.dispose]();
    rmSync(root, { recursive: true });
  });

  test("has the following ones fetched, and gives them to the kernel as they are opened", () => {
    expect(album.fetched).toEqual(["three", "four", "five"]);
    const { asked } = album;
    const opened = [3, 4].map((version) => album.open(version));
    expect(album.told).toEqual(["music of three", "music of four"]);
    expect(album.asked).toBe(asked);
    const { routing, handles } = album.state;
    expect(routing.counter(album.row, "reads")).toBe(2);
    for (const [index, fh] of opened.entries()) album.files.release(fileNode(3 + index), fh);
    // Those that the readers opened are not released yet.
    expect(handles.openCount()).toBe(2);
  });

  test("gives nothing to the kernel that it opens again, or while it is open elsewhere", () => {
    const first = album.open(3);
    const second = album.open(3);
    album.files.release(fileNode(3), first);
    album.files.release(fileNode(3), second);
    album.files.release(fileNode(3), album.open(3));
    expect(album.told).toEqual(["music of three"]);
  });

  test("opens nothing by what it knew of a file that has changed", () => {
    writeFileSync(join(root, "three"), "another music");
    expect(album.open(3)).toBe(DEFERRED);
    expect(album.told).toEqual([]);
    expect(album.deferred).toMatchObject([{ kind: "open", failure: { reason: "changed" } }]);
  });
});
