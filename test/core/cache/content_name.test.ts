import { expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { pathFromBytes, pathFromText } from "../../../src/core/bytes.ts";
import { contentName, contentNames } from "../../../src/core/cache/content_name.ts";
import type { Replica } from "../../../src/core/catalog/catalog.ts";
import { CLOUD, NAS } from "./fixture.ts";

const path = pathFromBytes(Buffer.from("album/caf\xe9.flac", "latin1"));

function replica(changes: Partial<Replica> = {}): Replica {
  const originVersion = { sizeBytes: 1234, token: "etag-1" };
  return { origin: NAS, path, entry: 1, version: 2, originVersion, match: "proved", ...changes };
}

test("contentName() is what docs/on-disk.md says, names of any bytes included", () => {
  const expected = createHash("sha256")
    .update(Buffer.from("nas\0album/caf\xe9.flac\x001234\0etag-1", "latin1"))
    .digest("hex")
    .slice(0, 32);
  expect(contentName(replica()) as string).toBe(expected);
});

test("contentNames() names a version by each of its proved replicas and by no other", () => {
  const replicas = [
    replica(),
    replica({ origin: CLOUD }),
    replica({ path: pathFromText("b"), match: "probable" }),
    replica({ path: pathFromText("c"), match: "unverified" }),
  ];
  expect(contentNames(replicas)).toEqual([
    contentName(replica()),
    contentName(replica({ origin: CLOUD })),
  ]);
});
