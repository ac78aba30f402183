import { describe, expect, test } from "bun:test";
import { ReadBuffers } from "../../src/core/read_buffers.ts";

describe("ReadBuffers", () => {
  test("gives exact lengths and reuses what came back", () => {
    const buffers = new ReadBuffers();
    const first = buffers.take(5000);
    expect(first.byteLength).toBe(5000);
    buffers.give(first);
    expect(buffers.freeBytes).toBe(8192);
    const second = buffers.take(8192);
    expect(second.buffer).toBe(first.buffer);
    expect(buffers.freeBytes).toBe(0);
    expect(buffers.take(8192).buffer).not.toBe(first.buffer);
  });

  test("takes lengths of nothing, of one byte and of powers of two", () => {
    const buffers = new ReadBuffers();
    for (const length of [0, 1, 4096, 4097, 131_072, 1_048_576, 1_048_577]) {
      const bytes = buffers.take(length);
      expect(bytes.byteLength).toBe(length);
      expect(bytes.buffer.byteLength).toBeGreaterThanOrEqual(length);
    }
  });

  test("a buffer that is made takes the place of free ones of other sizes", () => {
    const buffers = new ReadBuffers();
    const small = Array.from({ length: 4 }, () => buffers.take(4096));
    for (const bytes of small) buffers.give(bytes);
    const large = buffers.take(8192);
    expect(buffers.freeBytes).toBe(8192);
    buffers.give(large);
    buffers.take(16_384);
    expect(buffers.freeBytes).toBe(0);
    buffers.take(4096);
    expect(buffers.freeBytes).toBe(0);
  });

  test("keeps no more than its limit", () => {
    const buffers = new ReadBuffers(10_000);
    for (const bytes of [buffers.take(4096), buffers.take(4096), buffers.take(4096)]) {
      buffers.give(bytes);
    }
    expect(buffers.freeBytes).toBe(8192);
  });

  test("what is asked for now takes the room of what is not", () => {
    const buffers = new ReadBuffers(16_384);
    const small = [buffers.take(4096), buffers.take(4096), buffers.take(4096), buffers.take(4096)];
    for (const bytes of small) buffers.give(bytes);
    const large = buffers.take(16_384);
    buffers.give(large);
    expect(buffers.freeBytes).toBe(16_384);
    expect(buffers.take(16_384).buffer).toBe(large.buffer);
  });

  test("lets go of the memory of what it does not keep", () => {
    const buffers = new ReadBuffers(8192);
    const given = [buffers.take(4096), buffers.take(4096), buffers.take(4096)];
    for (const bytes of given) buffers.give(bytes);
    const heldBytes = given.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    expect(heldBytes).toBe(buffers.freeBytes);
    expect(heldBytes).toBe(8192);
  });
});
