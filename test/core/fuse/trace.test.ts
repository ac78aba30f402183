import { describe, expect, test } from "bun:test";
import { errorReply, finishReply } from "../../../src/core/fuse/reply.ts";
import { formatReply, formatRequest } from "../../../src/core/fuse/trace.ts";
import { ENOENT } from "../../../src/core/sys/errno.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { named, request, u32, u64 } from "./requests.ts";

describe("formatRequest()", () => {
  test("names members and strings", () => {
    expect(
      formatRequest(request("RENAME2", [u64(2), u32(1), u32(0), named("a"), named('b"')])),
    ).toBe('RENAME2 unique=77 nodeid=1 uid=1000 gid=1000 pid=4242 newdir=2 flags=1 "a" "b\\""');
  });

  test("prints unknown and cut requests as far as they go", () => {
    expect(formatRequest(request(99))).toStartWith("opcode 99 unique=77");
    expect(formatRequest(new Uint8Array(3))).toBe("cut request of 3 bytes");
    expect(formatRequest(request("OPEN", [u32(5)]))).toEndWith("pid=4242 flags=5");
    expect(formatRequest(request("LOOKUP", ["no end"]))).toEndWith('"no end"');
  });

  test("lets no name drive a terminal", () => {
    expect(formatRequest(request("LOOKUP", [named("\x1b[2J")]))).toEndWith('"\\u001b[2J"');
  });
});

describe("formatReply()", () => {
  test("prints the errno's name or the length", () => {
    const memory = new Memory(64);
    const bytes = (length: number) => memory.bytes.subarray(0, length);
    expect(formatReply(bytes(errorReply(memory, 8, -ENOENT)))).toBe("-> unique=8 ENOENT");
    expect(formatReply(bytes(finishReply(memory, 8, 20)))).toBe("-> unique=8 36 bytes");
    expect(formatReply(bytes(5))).toBe("cut reply of 5 bytes");
  });
});
