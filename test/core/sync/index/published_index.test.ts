import { describe, expect, test } from "bun:test";
import { type BytePath, pathFromText } from "../../../../src/core/bytes.ts";
import { OwnError } from "../../../../src/core/errors.ts";
import { INDEX_FORMER_SECS } from "../../../../src/core/limits.ts";
import { Description } from "../../../../src/core/sync/chunks/describe.ts";
import type { DescribedFile } from "../../../../src/core/sync/describe_files.ts";
import {
  decodeHead,
  encodeHead,
  INDEX_HEAD,
  isFormerName,
  pageBits,
  pageOf,
} from "../../../../src/core/sync/index/index_page.ts";
import { publishIndex } from "../../../../src/core/sync/index/publish.ts";
import { PublishedIndex } from "../../../../src/core/sync/index/published_index.ts";
import { noise } from "../delta/fixture.ts";
import { IndexMemory } from "./index_memory.ts";

function described(path: BytePath, bytes: Uint8Array): DescribedFile {
  const description = new Description();
  description.push(bytes);
  return { path, sizeBytes: bytes.byteLength, mtimeSec: 7, content: description.finish() };
}

const LATIN = "Bj\u{f6}rk" as BytePath;
const FILES = [
  described(pathFromText("a/b.flac"), noise(1, 300_000)),
  described(pathFromText("夜/電車.mp3"), noise(2, 100)),
  // A name of bytes that are no UTF-8.
  described(LATIN, noise(3, 70_000)),
];

describe("a published index", () => {
  test("tells of each file what it was made from", async () => {
    const target = new IndexMemory();
    const { written } = await publishIndex(FILES, target);
    expect(written).toBe(target.puts.length);
    const index = new PublishedIndex(target);
    for (const { path, sizeBytes, content } of FILES) {
      const entry = await index.find(path);
      const { md5, sha256 } = content;
      expect(entry).toMatchObject({ path, sizeBytes, mtimeSec: 7, md5, sha256 });
      if (entry === undefined) throw new Error("there is no entry");
      expect((await index.manifest(entry)).sizeBytes).toBe(sizeBytes);
    }
    expect(await index.find(pathFromText("c"))).toBeUndefined();
  });

  test("is replaced by its head alone, which is written last", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES, target);
    expect(target.puts.at(-1)).toBe(INDEX_HEAD);
    const before = new Map(target.objects);
    target.puts.length = 0;
    const [first, ...others] = FILES;
    if (first === undefined) throw new Error("there are no files");
    await publishIndex([described(first.path, noise(9, 10)), ...others], target);
    // One manifest, one page, the former head, the head; nothing that was there changed.
    expect(target.puts).toHaveLength(4);
    for (const [name, bytes] of before) {
      if (name !== INDEX_HEAD) expect(target.objects.get(name)).toEqual(bytes);
    }
  });

  test("stays as it is where nothing changed", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES, target);
    target.puts.length = 0;
    expect(await publishIndex(FILES, target)).toMatchObject({ written: 0, writtenBytes: 0 });
    expect(target.puts).toEqual([]);
  });

  test("gets the objects again that were cut short", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES, target);
    const [name = "", bytes = new Uint8Array()] = [...target.objects][0] ?? [];
    target.objects.set(name, bytes.subarray(1));
    await publishIndex(FILES, target);
    expect(target.objects.get(name)).toEqual(bytes);
  });

  test("is left to whoever else published there meanwhile", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES.slice(1), target);
    const other = await target.get(INDEX_HEAD);
    target.beforeHead = () => target.write(INDEX_HEAD, other);
    await expect(publishIndex(FILES, target)).rejects.toMatchObject({ code: "busy" });
    expect(await target.get(INDEX_HEAD)).toEqual(other);
  });

  test("loses what it no longer needs, once nobody reads it any more", async () => {
    const target = new IndexMemory();
    const [first, second, third] = FILES;
    if (first === undefined || second === undefined || third === undefined) throw new Error("none");
    await publishIndex([first, second], target);
    const oldest = new PublishedIndex(target);
    await oldest.find(first.path);
    target.nowSec += INDEX_FORMER_SECS + 1;
    // What is replaced now may be in use from now on for as long, whatever its age.
    expect(await publishIndex([second, third], target)).toMatchObject({ removed: 0 });
    expect(await oldest.find(first.path)).toBeDefined();
    target.nowSec += INDEX_FORMER_SECS;
    expect(await publishIndex([third], target)).toMatchObject({ removed: 0 });
    expect(await oldest.find(first.path)).toBeDefined();
    target.nowSec += 1;
    // The first head, its page, and the manifest of its first file.
    expect(await publishIndex([second], target)).toMatchObject({ removed: 3 });
    await expect(oldest.find(first.path)).rejects.toMatchObject({ code: "manifest" });
    const now = new PublishedIndex(target);
    const entry = await now.find(second.path);
    if (entry === undefined) throw new Error("there is no entry");
    expect((await now.manifest(entry)).sizeBytes).toBe(second.sizeBytes);
  });

  test("loses nothing while a head that may be in use cannot be read", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES, target);
    target.nowSec += INDEX_FORMER_SECS + 1;
    await publishIndex(FILES.slice(1), target);
    const former = [...target.objects.keys()].find(isFormerName) ?? "";
    target.objects.set(former, Buffer.from("damaged"));
    expect(await publishIndex(FILES.slice(2), target)).toMatchObject({ removed: 0 });
  });

  test("is not believed when an object is not what its name says", async () => {
    const target = new IndexMemory();
    await publishIndex(FILES, target);
    for (const [name, bytes] of target.objects) {
      if (name === INDEX_HEAD) continue;
      const damaged = bytes.slice();
      damaged[0] = (damaged[0] ?? 0) ^ 1;
      target.objects.set(name, damaged);
    }
    const found = new PublishedIndex(target).find(pathFromText("a/b.flac"));
    await expect(found).rejects.toMatchObject({ code: "manifest" });
  });

  test("refuses heads that are none, cut, or of another version", () => {
    const head = encodeHead(["ab".repeat(32), "cd".repeat(32)]);
    expect(decodeHead(head)).toEqual(["ab".repeat(32), "cd".repeat(32)]);
    for (let length = 0; length < head.byteLength; length++) {
      expect(() => decodeHead(head.subarray(0, length))).toThrow(OwnError);
    }
    const newer = head.slice();
    newer[4] = 2;
    expect(() => decodeHead(newer)).toThrow("version 2");
  });

  test("spreads files over pages of some 64", () => {
    expect(pageBits(0)).toBe(0);
    expect(pageBits(64)).toBe(0);
    expect(pageBits(65)).toBe(1);
    const bits = pageBits(200_000);
    expect(2 ** bits).toBe(4096);
    const pages = Array.from({ length: 10_000 }, (_, i) => pageOf(pathFromText(`${i}`), bits));
    expect(Math.max(...pages)).toBeLessThan(4096);
    expect(new Set(pages).size).toBeGreaterThan(3500);
  });
});
