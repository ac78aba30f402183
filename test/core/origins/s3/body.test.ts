import { describe, expect, test } from "bun:test";
import { Readable } from "node:stream";
import { fill } from "../../../../src/core/origins/s3/body.ts";

const piece = (text: string) => new Uint8Array(Buffer.from(text)).slice();

describe("fill", () => {
  test("frees the pieces of a body once their bytes are taken, and none that are part of others", async () => {
    const whole = piece("2345");
    const shared = piece("head01");
    const into = new Uint8Array(6);
    const came = await fill(Readable.from([shared.subarray(4), whole]), into);
    expect([came, Buffer.from(into).toString()]).toEqual([6, "012345"]);
    expect([whole.byteLength, Buffer.from(shared).toString()]).toEqual([0, "head01"]);
  });

  test("says when more came than fits, and writes nothing behind its end", async () => {
    const into = new Uint8Array(4);
    const came = await fill(Readable.from([piece("0123456")]), into.subarray(0, 3));
    expect(came).toBeGreaterThan(3);
    expect([...into]).toEqual([0x30, 0x31, 0x32, 0]);
  });
});
