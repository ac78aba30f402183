import { describe, expect, test } from "bun:test";
import { ReadaheadWindow } from "../../../src/core/cache/readahead_window.ts";
import { LOOK_BYTES, PAGED_LOOK_BYTES } from "../../../src/core/limits.ts";

const KIB = 1024;
/** Through the kernel's page cache. */
const LOOK = PAGED_LOOK_BYTES / KIB;

/** The window's length after reads of these offsets and lengths, all in KiB. */
function after(...reads: readonly (readonly [number, number])[]): number {
  const window = new ReadaheadWindow(() => PAGED_LOOK_BYTES);
  for (const [offset, length] of reads) window.note(offset * KIB, length * KIB);
  return window.aheadBytes / KIB;
}

/** Reads a stretch in pieces. */
function stretch(from: number, to: number, piece: number): [number, number][] {
  const reads: [number, number][] = [];
  for (let at = from; at < to; at += piece) reads.push([at, Math.min(piece, to - at)]);
  return reads;
}

describe("ReadaheadWindow", () => {
  test("is closed for a first read, however long", () => {
    expect(after([0, 4])).toBe(0);
    expect(after([0, 1024])).toBe(0);
    expect(after([5000, 128])).toBe(0);
  });

  test("is closed for what the kernel asks for when a header is read", () => {
    expect(after([0, 32], [32, 128], [160, 256])).toBe(0);
    expect(after(...stretch(0, LOOK, 4))).toBe(0);
    expect(after(...stretch(0, LOOK + 4, 4))).toBe(128);
  });

  test("is closed for a look of a program's own reads, and opens right behind it", () => {
    const window = new ReadaheadWindow(() => LOOK_BYTES);
    for (const [offset, length] of stretch(0, LOOK_BYTES, 8 * KIB)) window.note(offset, length);
    expect(window.aheadBytes).toBe(0);
    window.note(LOOK_BYTES, 8 * KIB);
    expect(window.aheadBytes).toBe(128 * KIB);
  });

  test("is as long as what was read beyond that in sequence, from 128 KiB to 16 MiB", () => {
    const lengths = [96, 128, 160, 256, 300, 512, 1000, 1024, 2048, 5000, 8192, 100_000];
    expect(lengths.map((length) => after(...stretch(0, LOOK + length, 32)))).toEqual([
      128, 128, 256, 256, 512, 512, 1024, 1024, 2048, 8192, 8192, 16384,
    ]);
  });

  test("closes with a seek and opens anew from there", () => {
    expect(after(...stretch(0, 1024, 32), [9000, 32])).toBe(0);
    expect(after(...stretch(0, 1024, 32), ...stretch(9000, 9096 + LOOK, 32))).toBe(128);
  });

  test("stays open for skips within it and for looks back, which do not make it grow", () => {
    const read = stretch(0, LOOK + 256, 32);
    expect(after(...read)).toBe(256);
    expect(after(...read, [8, 4], [0, 16])).toBe(256);
    expect(after(...read, [LOOK + 320, 32])).toBe(512);
    expect(after(...read, [LOOK + 513, 32])).toBe(0);
  });

  test("tells a seek from going on", () => {
    const window = new ReadaheadWindow(() => PAGED_LOOK_BYTES);
    const note = (offset: number, length: number) => window.note(offset * KIB, length * KIB);
    expect([note(0, 64), note(64, 64), note(32, 4), note(128, 64)]).toEqual([
      false,
      true,
      true,
      true,
    ]);
    expect([note(1000, 64), note(900, 64), note(964, 64)]).toEqual([false, false, true]);
  });
});
