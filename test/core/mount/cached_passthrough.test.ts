import { describe, expect, test } from "bun:test";
import { pathFromText } from "../../../src/core/bytes.ts";
import type { BackingContent } from "../../../src/core/cache/backing_contents.ts";
import type { CacheableFile } from "../../../src/core/cache/block_cache.ts";
import type { ProvedFiles } from "../../../src/core/cache/proved_files.ts";
import { OwnError } from "../../../src/core/errors.ts";
import { CachedPassthrough } from "../../../src/core/mount/cached_passthrough.ts";
import { ELOOP } from "../../../src/core/sys/errno.ts";
import { HANDLE_HAS_REPLICAS, HandleTable } from "../../../src/core/vfs/handles.ts";

const VERSION = 7;
const FD = 40;
const BACKING = 3;

function setUp(options: { readonly answer?: number; readonly listenedFor?: boolean } = {}) {
  const handles = new HandleTable();
  const closed: number[] = [];
  const faults: string[] = [];
  const state = { held: 0, isProved: true, isOff: false, fails: false };
  const proved: Pick<ProvedFiles, "has" | "open" | "close"> = {
    has: () => state.isProved && !state.isOff,
    async open(): Promise<BackingContent> {
      if (state.fails) throw new OwnError("catalog", "the catalog cannot be read");
      state.held++;
      return { fd: FD, [Symbol.dispose]: () => void state.held-- };
    },
    close() {
      state.isOff = true;
    },
  };
  const passthrough = new CachedPassthrough({
    backing: {
      open: (fd) => options.answer ?? (fd === FD ? BACKING : 0),
      close: (backingId) => void closed.push(backingId),
    },
    proved: proved as ProvedFiles,
    handles,
    isListenedFor: () => options.listenedFor ?? false,
    onFault: (message) => void faults.push(message),
  });
  const file: CacheableFile = {
    ...{ path: pathFromText("track"), version: VERSION, sizeBytes: 1 },
    replicas: () => [],
  };
  const open = async () => {
    const fh = handles.allocate(VERSION, 1);
    return { fh, backingId: await passthrough.open(fh, VERSION, () => file) };
  };
  const close = (fh: number) => {
    handles.free(fh);
    passthrough.released(fh);
  };
  return { handles, closed, faults, state, passthrough, file, open, close };
}

describe("CachedPassthrough", () => {
  test("gives all handles of a file one backing id, and holds its content until the last is closed", async () => {
    const { open, close, closed, state, passthrough } = setUp();
    const [first, second] = await Promise.all([open(), open()]);
    expect([first.backingId, second.backingId]).toEqual([BACKING, BACKING]);
    expect(state.held).toBe(1);
    expect(passthrough.opens).toBe(2);
    close(first.fh);
    expect([state.held, closed]).toEqual([1, []]);
    close(second.fh);
    expect([state.held, closed]).toEqual([0, [BACKING]]);
  });

  test("keeps to reading through us while a handle is open that began so", async () => {
    const { open, close, state } = setUp();
    state.isProved = false;
    const before = await open();
    state.isProved = true;
    const meanwhile = await open();
    expect([before.backingId, meanwhile.backingId]).toEqual([0, 0]);
    close(before.fh);
    close(meanwhile.fh);
    expect((await open()).backingId).toBe(BACKING);
  });

  test("wants to see what is read where something follows from it", async () => {
    const listened = setUp({ listenedFor: true });
    expect((await listened.open()).backingId).toBe(0);
    const { handles, passthrough, file } = setUp();
    const fh = handles.allocate(VERSION, 1);
    handles.setFlag(fh, HANDLE_HAS_REPLICAS);
    expect(await passthrough.open(fh, VERSION, () => file)).toBe(0);
  });

  test("lets everything be proved no more once the kernel has refused a file", async () => {
    const { open, state } = setUp({ answer: -ELOOP });
    expect((await open()).backingId).toBe(0);
    expect(state).toMatchObject({ held: 0, isOff: true });
  });

  test("reads through us where the catalog cannot be read, and lets go of everything at the end", async () => {
    const { open, close, state, faults, passthrough } = setUp();
    state.fails = true;
    const { fh, backingId } = await open();
    expect([backingId, faults.length]).toEqual([0, 1]);
    close(fh);
    state.fails = false;
    await open();
    passthrough[Symbol.dispose]();
    expect(state.held).toBe(0);
  });
});
