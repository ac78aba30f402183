import { expect, test } from "bun:test";
import { MAX_DIRECTORY_ENTRIES } from "../../../../src/core/limits.ts";
import { Listing } from "../../../../src/core/origins/s3/listing.ts";

test("a listing fails at a bound when ever new keys come under new tokens", () => {
  const listing = new Listing("album/", () => undefined);
  let pages = 0;
  const listOn = () => {
    for (;;) {
      const prefix = `album/${pages++}-`;
      const objects = Array.from({ length: 1000 }, (_, at) => ({
        ...{ key: `${prefix}${at}`, sizeBytes: 1, etag: '"e"', lastModifiedMs: 0 },
      }));
      const page = { prefix: "album/", encoding: undefined, continuation: prefix };
      listing.take({ ...page, commonPrefixes: [], objects });
    }
  };
  expect(listOn).toThrow("does not come to an end");
  expect(pages).toBe(MAX_DIRECTORY_ENTRIES / 1000 + 1);
}, 60_000);
