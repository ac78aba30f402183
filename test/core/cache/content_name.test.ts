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

test("contentName() leaves out the path where the token is made of the bytes", () => {
  const at = (path: string, token: string) =>
    contentName(replica({ path: pathFromText(path), originVersion: { sizeBytes: 1234, token } }));
  const md5 = "9e107d9d372bb6826bd81d3542a419d6";
  const expected = createHash("sha256").update(`nas\0\x001234\0${md5}`).digest("hex");
  expect(at("a/b", md5) as string).toBe(expected.slice(0, 32));
  for (const token of [md5, `${md5}-12`]) expect(at("a", token)).toBe(at("b", token));
  // Of shares, of servers that make up their ETags.
  for (const token of ["1767323045.1", "1767323045", "e", `${md5}x`, `${md5}-`]) {
    expect(at("a", token)).not.toBe(at("b", token));
  }
});

test("contentName() leaves out the path of a file that inode and ctime tell from all others", () => {
  const at = (path: string, token: string) =>
    contentName(replica({ path: pathFromText(path), originVersion: { sizeBytes: 1234, token } }));
  const token = "4242:1767323045.123456789:1700000000.0";
  expect(at("old/a.flac", token)).toBe(at("new/a.flac", token));
  // Written to, or another file; renamed itself, which moves the ctime, too.
  for (const other of [
    "4242:1767323045.123456790:1700000000.0",
    "4243:1767323045.123456789:1700000000.0",
  ]) {
    expect(at("old/a.flac", other)).not.toBe(at("old/a.flac", token));
  }
  // Of file systems that make inode numbers up: their ctimes are coarse.
  for (const coarse of ["7:1767323045.0:1767323045.0", "7:1767323045.120000000:1767323044.0"]) {
    expect(at("old/a.flac", coarse)).not.toBe(at("new/a.flac", coarse));
  }
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
