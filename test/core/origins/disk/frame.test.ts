import { describe, expect, test } from "bun:test";
import { FrameAssembler, frame, MAX_FRAME_BYTES } from "../../../../src/core/origins/disk/frame.ts";

describe("FrameAssembler", () => {
  test("puts frames together from pieces of any size", () => {
    const payloads = [0, 1, 3, 4, 5, 1000].map((length) => new Uint8Array(length).fill(length));
    const stream = Buffer.concat(payloads.map(frame));
    for (const pieceBytes of [1, 2, 3, 4, 5, 7, 64, stream.length]) {
      const received: Uint8Array[] = [];
      const frames = new FrameAssembler((payload) => received.push(payload));
      for (let at = 0; at < stream.length; at += pieceBytes) {
        frames.push(stream.subarray(at, at + pieceBytes));
      }
      expect(received).toEqual(payloads);
    }
  });

  test("refuses a length that no frame has", () => {
    const frames = new FrameAssembler(() => undefined);
    const header = new Uint8Array(4);
    new DataView(header.buffer).setUint32(0, MAX_FRAME_BYTES + 1, true);
    expect(() => frames.push(header)).toThrow("frame");
  });
});
