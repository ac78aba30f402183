import { describe, expect, test } from "bun:test";
import {
  initPacket,
  openPacket,
  PacketReader,
  ProtocolViolation,
  Request,
  readPacket,
  stringPacket,
} from "../../../../src/core/origins/sftp/packet.ts";
import { seeded } from "./seeded.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytes = (text: string) => Buffer.from(text.replace(/\s+/g, ""), "hex");

describe("requests", () => {
  test("are laid out as filexfer-02 says", () => {
    expect(hex(initPacket())).toBe("000000050100000003");
    expect(hex(stringPacket(Request.stat, 7, "/a\xff"))).toBe("0000000c1100000007000000032f61ff");
    expect(hex(stringPacket(Request.close, 0xffffffff, Buffer.from([0, 1])))).toBe(
      "0000000b04ffffffff000000020001",
    );
    expect(hex(openPacket(1, "f"))).toBe("00000012030000000100000001660000000100000000");
  });

  test("carry offsets beyond 4 GiB", () => {
    const packet = readPacket(2, Buffer.from([9]), 5 * 2 ** 32 + 6, 261_120);
    expect(hex(packet)).toBe("00000016050000000200000001090000000500000006" + "0003fc00");
  });
});

describe("attributes", () => {
  const reader = (text: string) => new PacketReader(bytes(`69 ${text}`));

  test("tell size, mode and mtime and pass over the rest", () => {
    const all = reader(`8000000f 0000000100000002 000003e8000003e8 000081a4 00000005 65000000
      00000001 00000001 61 00000002 6262`);
    expect(all.attributes()).toEqual({
      sizeBytes: 2 ** 32 + 2,
      mode: 0o100644,
      mtimeSec: 0x65000000,
    });
    expect(all.leftBytes).toBe(0);
  });

  test("may be left out by the server", () => {
    expect(reader("00000000").attributes()).toEqual({
      sizeBytes: undefined,
      mode: undefined,
      mtimeSec: undefined,
    });
  });

  test("that are cut anywhere are a violation and never anything else", () => {
    const whole = bytes(
      "69 8000000f 0000000100000002 000003e8000003e8 000081a4 00000005 65000000 00000001 00000001 61 00000002 6262",
    );
    for (let length = 1; length < whole.byteLength; length++) {
      expect(() => new PacketReader(whole.subarray(0, length)).attributes()).toThrow(
        ProtocolViolation,
      );
    }
  });
});

describe("names", () => {
  test("are bytes, whatever they are", () => {
    const reader = new PacketReader(
      bytes("68 00000002 00000002 ff2f 00000001 78 00000000 00000000 00000000 00000000"),
    );
    expect(reader.names().map(({ name }) => String(name))).toEqual(["\xff/", ""]);
  });

  test("of an absurd count end at the end of the packet", () => {
    const reader = new PacketReader(bytes("68 ffffffff 00000001 61 00000000 00000000"));
    expect(() => reader.names()).toThrow(ProtocolViolation);
  });

  test("random bytes are read or refused, nothing else", () => {
    const { seed, next: random } = seeded(20260101);
    for (let round = 0; round < 5000; round++) {
      const packet = Buffer.from(
        Array.from({ length: 1 + random(60) }, () => (random(5) < 3 ? random(4) : random(256))),
      );
      try {
        new PacketReader(packet).names();
      } catch (error) {
        if (!(error instanceof ProtocolViolation))
          throw new Error(`seed ${seed}`, { cause: error });
      }
    }
  });
});
