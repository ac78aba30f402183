import { describe, expect, test } from "bun:test";
import { inflateSync } from "node:zlib";
import { coverAsVorbisComment, makeCover } from "../../../scripts/library/cover.ts";

describe("makeCover()", () => {
  const png = makeCover(5);

  test("is a PNG whose chunks carry their checksums", () => {
    const types: string[] = [];
    for (let at = 8; at < png.length; ) {
      const length = png.readUInt32BE(at);
      const body = png.subarray(at + 4, at + 8 + length);
      types.push(body.toString("latin1", 0, 4));
      expect(png.readUInt32BE(at + 8 + length)).toBe(Bun.hash.crc32(body));
      if (types.at(-1) === "IDAT") {
        expect(inflateSync(body.subarray(4)).length).toBe(300 * (1 + 3 * 300));
      }
      at += 12 + length;
    }
    expect(types).toEqual(["IHDR", "IDAT", "IEND"]);
  });

  test("differs by seed only", () => {
    expect(makeCover(5)).toEqual(png);
    expect(makeCover(6)).not.toEqual(png);
  });
});

describe("coverAsVorbisComment()", () => {
  test("wraps the picture into a FLAC picture block", () => {
    const comment = coverAsVorbisComment(makeCover(5));
    const block = Buffer.from(comment.replace("METADATA_BLOCK_PICTURE=", ""), "base64");
    expect(block.readUInt32BE(0)).toBe(3);
    expect(block.subarray(8, 17).toString()).toBe("image/png");
    expect(block.subarray(-makeCover(5).length).equals(makeCover(5))).toBe(true);
  });

  test("fits into one argument of a command, 128 KiB", () => {
    expect(coverAsVorbisComment(makeCover(5)).length).toBeLessThan(131_072);
  });
});
