import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../src/core/bytes.ts";
import type { CatalogReader } from "../../../src/core/catalog/catalog.ts";
import { OwnError } from "../../../src/core/errors.ts";
import type { ReadFile, ServedRead } from "../../../src/core/federation/file.ts";
import { SEAM_BYTES, SWITCH_MAX_MS } from "../../../src/core/limits.ts";
import { BoundFiles } from "../../../src/core/mount/bound_files.ts";
import { OpenedHeads } from "../../../src/core/mount/opened_heads.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { HANDLE_KNOWN_TO_MAIN, HandleTable } from "../../../src/core/vfs/handles.ts";
import { SeamPool } from "../../../src/core/vfs/seams.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";

const SIZE = 1_000_000;

const catalog = {
  version: () => true,
  pathOf: () => "a.flac" as BytePath,
  replicas: () => [],
} as unknown as CatalogReader;

function opening(read: ReadFile, sizeBytes = SIZE) {
  const clock = new VirtualClock();
  const handles = new HandleTable();
  const seams = new SeamPool();
  const files = new BoundFiles({ catalog, handles, seams });
  const fh = handles.allocate(1, sizeBytes);
  seams.claim(handles, fh);
  const heads = new OpenedHeads({ clock, read, files, handles, seams });
  return { clock, handles, heads, fh, seams: () => seams.seams(handles, fh) };
}

const reads =
  (proved = true): ReadFile =>
  async (_file, _offset, into) => {
    into.fill(7);
    const bytesRead = into.byteLength;
    const from = { cacheBytes: 0, memoryBytes: 0, originBytes: bytesRead };
    const how = { origin: "nas" as OriginId, failures: 0, hedged: false, proved };
    return { bytesRead, ...from, ...how } satisfies ServedRead;
  };

describe("the head of a file that is being opened", () => {
  test("is what another replica is compared with before anything was served", async () => {
    const { heads, handles, fh, seams } = opening(reads());
    expect(await heads.read(fh)).toBe(true);
    expect(seams()).toEqual([{ offsetBytes: 0, bytes: new Uint8Array(SEAM_BYTES).fill(7) }]);
    // Or nobody would hear of its end.
    expect(handles.hasFlag(fh, HANDLE_KNOWN_TO_MAIN)).toBe(true);
  });

  test("is all of a short file", async () => {
    const { heads, fh, seams } = opening(reads(), 100);
    expect(await heads.read(fh)).toBe(true);
    expect(seams().map(({ bytes }) => bytes.byteLength)).toEqual([100]);
  });

  test("of a replica that is only probable is nothing to compare with", async () => {
    const { heads, fh, seams } = opening(reads(false));
    expect(await heads.read(fh)).toBe(true);
    expect(seams()).toEqual([]);
  });

  test("that cannot be read says so", async () => {
    const { heads, fh, seams } = opening(() => {
      return Promise.reject(new OwnError("max_retries_exceeded", "nas is away"));
    });
    expect(await heads.read(fh)).toBe(false);
    expect(seams()).toEqual([]);
  });

  test("is waited for as long as a silent origin is, and given up then", async () => {
    let given: AbortSignal | undefined;
    const { heads, clock, fh } = opening((_file, _offset, _into, { signal }) => {
      given = signal;
      const { promise, reject } = Promise.withResolvers<ServedRead>();
      signal.addEventListener("abort", () => reject(new OwnError("cancelled", "cancelled")));
      return promise;
    });
    const read = heads.read(fh);
    await clock.advance(SWITCH_MAX_MS - 1);
    expect(given?.aborted).toBe(false);
    await clock.advance(1);
    expect(await read).toBe(false);
    expect(clock.pendingTimers).toBe(0);
  });
});
