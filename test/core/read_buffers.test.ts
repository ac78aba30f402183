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

  test("keeps no more than its limit", () => {
    const buffers = new ReadBuffers(10_000);
    for (const bytes of [buffers.take(4096), buffers.take(4096), buffers.take(4096)]) {
      buffers.give(bytes);
    }
    expect(buffers.freeBytes).toBe(8192);
  });
});
