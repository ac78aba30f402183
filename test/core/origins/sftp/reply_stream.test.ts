import { describe, expect, test } from "bun:test";
import { SFTP_MAX_PACKET_BYTES } from "../../../../src/core/limits.ts";
import { ProtocolViolation } from "../../../../src/core/origins/sftp/packet.ts";
import { ReplyStream } from "../../../../src/core/origins/sftp/reply_stream.ts";

function packet(...body: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 + body.length);
  bytes.writeUInt32BE(body.length, 0);
  bytes.set(body, 4);
  return bytes;
}

function data(id: number, payload: string): Buffer {
  return packet(103, 0, 0, 0, id, 0, 0, 0, payload.length, ...Buffer.from(payload));
}

function recording() {
  const events: string[] = [];
  let current = "";
  const stream = new ReplyStream({
    reply: (bytes) => events.push(`reply ${bytes.toString("hex")}`),
    dataStart: (id, lengthBytes) => {
      events.push(`data ${id} ${lengthBytes}`);
      current = "";
    },
    dataChunk: (bytes) => {
      current += Buffer.from(bytes).toString();
    },
    dataEnd: () => events.push(`end ${current}`),
  });
  return { events, stream };
}

const WIRE = Buffer.concat([
  packet(2, 0, 0, 0, 3),
  data(1, "hello world"),
  data(2, ""),
  packet(101, 9),
  data(3, "x"),
]);
const EVENTS = [
  "reply 0200000003",
  "data 1 11",
  "end hello world",
  "data 2 0",
  "end ",
  "reply 6509",
  "data 3 1",
  "end x",
];

describe("reply stream", () => {
  test("finds the same replies wherever the bytes are cut", () => {
    for (let cut = 0; cut <= WIRE.byteLength; cut++) {
      const { events, stream } = recording();
      stream.push(WIRE.subarray(0, cut));
      stream.push(WIRE.subarray(cut));
      expect(events).toEqual(EVENTS);
    }
    for (const size of [1, 2, 3, 5, 7]) {
      const { events, stream } = recording();
      for (let at = 0; at < WIRE.byteLength; at += size) stream.push(WIRE.subarray(at, at + size));
      expect(events).toEqual(EVENTS);
    }
  });

  test.each([
    ["an empty packet", packet()],
    ["a packet that is too long", Buffer.from([0xff, 0xff, 0xff, 0xff, 101])],
    ["DATA without its header", packet(103, 0, 0, 0, 1)],
    ["DATA that announces more than its packet holds", packet(103, 0, 0, 0, 1, 0, 0, 0, 9, 1)],
    ["DATA that announces less than its packet holds", packet(103, 0, 0, 0, 1, 0, 0, 0, 0, 1)],
  ])("refuses %s", (_what, bytes) => {
    const { events, stream } = recording();
    expect(() => stream.push(bytes)).toThrow(ProtocolViolation);
    expect(events).toEqual([]);
  });

  test("takes a packet of exactly the allowed length", () => {
    const { events, stream } = recording();
    const body = Buffer.alloc(SFTP_MAX_PACKET_BYTES, 1);
    stream.push(packet(...body));
    expect(events).toHaveLength(1);
  });
});
