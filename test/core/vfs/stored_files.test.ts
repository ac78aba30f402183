import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OUT_HEADER } from "../../../src/core/fuse/layout.ts";
import { STORED_AT } from "../../../src/core/fuse/notify.ts";
import { OPEN_STORE_BYTES } from "../../../src/core/limits.ts";
import { Disk } from "../../../src/core/origins/disk/disk.ts";
import { EAGAIN, ENOENT } from "../../../src/core/sys/errno.ts";
import { HandleTable } from "../../../src/core/vfs/handles.ts";
import { LocalFiles } from "../../../src/core/vfs/local_files.ts";
import { StoredFiles } from "../../../src/core/vfs/stored_files.ts";
import { replacedSyscalls } from "../../support/failing_syscalls.ts";
import { path } from "../catalog/fixture.ts";

const VERSION = 4;
const NODE = 9;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "musicfs-stored-"));
});
afterEach(() => rmSync(root, { recursive: true }));

interface Scene {
  readonly others?: number;
  readonly cached?: boolean;
  /** What the kernel answers instead of taking it. */
  readonly refusal?: number;
  /** Happens between opening and reading. */
  readonly meanwhile?: (file: string) => void;
}

/** Opens a file with these bytes and gives it to the kernel; what that was told, and what is answered. */
function store(bytes: Uint8Array, { others = 0, cached = true, refusal, meanwhile }: Scene = {}) {
  const file = join(root, "track");
  writeFileSync(file, bytes);
  const { syscalls } = replacedSyscalls({
    preadv2: (original, fd, iov, count, offset) =>
      cached ? original(fd, iov, count, offset, 0) : -EAGAIN,
  });
  const handles = new HandleTable();
  const local = new LocalFiles(syscalls, handles);
  const told: { nodeid: bigint; bytes: Uint8Array }[] = [];
  const stored = new StoredFiles(handles, local, ({ view, bytes: message }, length) => {
    const nodeid = view.getBigUint64(OUT_HEADER.sizeBytes, true);
    told.push({ nodeid, bytes: message.slice(STORED_AT, length) });
    return refusal ?? length;
  });
  const disk = new Disk(root);
  const expected = disk.stat(path("track"));
  disk.release();
  const fh = handles.allocate(VERSION, bytes.byteLength);
  for (let i = 0; i < others; i++) handles.allocate(VERSION, bytes.byteLength);
  const rootFd = openSync(root, constants.O_DIRECTORY);
  const fd = local.open(fh, 0, rootFd, Buffer.from("track"), expected, 0, false);
  meanwhile?.(file);
  const given = stored.store(NODE, fh, fd)?.slice();
  for (const open of [fd, rootFd]) closeSync(open);
  return { told, given };
}

const NOTHING = { told: [], given: undefined };

describe("StoredFiles", () => {
  test("gives a small file in the page cache to the kernel, whole, and answers its bytes", () => {
    for (const size of [1, 4096, 4097, OPEN_STORE_BYTES]) {
      const bytes = new Uint8Array(Buffer.alloc(size, "music "));
      expect(store(bytes)).toEqual({ told: [{ nodeid: BigInt(NODE), bytes }], given: bytes });
    }
  });

  test("gives nothing of an empty or a larger file", () => {
    expect(store(new Uint8Array(0))).toEqual(NOTHING);
    expect(store(new Uint8Array(OPEN_STORE_BYTES + 1))).toEqual(NOTHING);
  });

  test("waits for no disk", () => {
    expect(store(new Uint8Array(9), { cached: false })).toEqual(NOTHING);
  });

  test("gives nothing while another handle is open: its READ and the kernel would wait for each other", () => {
    expect(store(new Uint8Array(9), { others: 1 })).toEqual(NOTHING);
  });

  test("gives no byte of a file that was changed since it was opened", () => {
    const meanwhile = (file: string) => {
      const { ctimeMs } = statSync(file);
      while (statSync(file).ctimeMs === ctimeMs) writeFileSync(file, new Uint8Array(9).fill(1));
    };
    expect(store(new Uint8Array(9), { meanwhile })).toEqual(NOTHING);
  });

  test("takes nothing for given that the kernel did not take", () => {
    expect(store(new Uint8Array(9), { refusal: -ENOENT }).given).toBeUndefined();
  });
});
