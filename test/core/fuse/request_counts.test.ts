import { describe, expect, test } from "bun:test";
import { RequestCounts } from "../../../src/core/fuse/request_counts.ts";
import { codeOf } from "./requests.ts";

describe("RequestCounts", () => {
  test("counts by name, for other threads to read", () => {
    const counts = new RequestCounts();
    const elsewhere = new RequestCounts(counts.shared);
    expect(elsewhere.byName()).toEqual({});
    for (const name of ["LOOKUP", "READ", "LOOKUP", "COPY_FILE_RANGE_64"]) counts.add(codeOf(name));
    expect(elsewhere.byName()).toEqual({ LOOKUP: 2, READ: 1, COPY_FILE_RANGE_64: 1 });
  });

  test("counts what is in no table together", () => {
    const counts = new RequestCounts();
    for (const code of [0, 54, 4096, 0xffff_ffff]) counts.add(code);
    expect(counts.byName()).toEqual({ unknown: 4 });
  });
});
