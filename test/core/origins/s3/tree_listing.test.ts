import { describe, expect, test } from "bun:test";
import { type BytePath, displayPath, joinPath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import { Dice } from "../../../support/dice.ts";
import { ListedBucket } from "../../../support/listed_bucket.ts";
import { codeOf, rawBucket } from "../../../support/raw_bucket.ts";

/** All that an origin holds, and what it left out: directory by directory. */
async function walked(origin: Origin, directory: BytePath = ROOT_PATH): Promise<string[]> {
  const lines: string[] = [];
  for await (const page of origin.list(directory)) {
    for (const { name, kind, token } of page) {
      const path: BytePath = joinPath(directory, name);
      lines.push(`${displayPath(path)} ${kind} ${token}`);
      if (kind === "directory") lines.push(...(await walked(origin, path)));
    }
  }
  return lines;
}

/** The same in one go, and whether it came to its end; throws where pages come in a wrong order. */
async function listed(
  origin: Origin,
): Promise<{ readonly lines: string[]; readonly ended: boolean }> {
  const lines: string[] = [];
  const shown = new Set<BytePath>([ROOT_PATH]);
  const begun = new Set<BytePath>();
  const ended = new Set<BytePath>();
  for await (const pages of origin.listTree?.() ?? []) {
    for (const { directory, entries, first, last } of pages) {
      if (!shown.has(directory)) throw new Error(`${directory} was not shown yet`);
      if (begun.has(directory) === first) throw new Error(`${directory}: first is ${first}`);
      if (ended.has(directory)) throw new Error(`${directory} goes on after its end`);
      begun.add(directory);
      if (last) ended.add(directory);
      for (const { name, kind, token } of entries) {
        const path: BytePath = joinPath(directory, name);
        if (kind === "directory") shown.add(path);
        lines.push(`${displayPath(path)} ${kind} ${token}`);
      }
    }
  }
  if (ended.has(ROOT_PATH)) expect(ended.size).toBe(shown.size);
  return { lines, ended: ended.has(ROOT_PATH) };
}

/** Parts of keys, those among them that make trouble. */
const PARTS = ["a", "a.b", "a-", "b", "b b", "ä", "\u{1F3B5}", "z", "..", ".", "", "x".repeat(256)];

function randomBucket(dice: Dice): ListedBucket {
  const bucket = new ListedBucket();
  bucket.pageKeys = 1 + dice.below(12);
  for (let key = dice.below(60); key > 0; key--) {
    const parts = Array.from({ length: 1 + dice.below(5) }, () => dice.one(PARTS));
    bucket.put(parts.join("/") || "a");
  }
  return bucket;
}

describe("S3Origin.listTree", () => {
  test("brings what the listings of all directories bring, and leaves out the same", async () => {
    for (let seed = 0; seed < 25; seed++) {
      const bucket = randomBucket(new Dice(seed));
      const skipped: string[] = [];
      const onSkipped = (...skip: readonly string[]) => void skipped.push(skip.join(": "));
      await using at = await rawBucket(bucket.answer, {}, { onSkipped });
      const one = await walked(at.origin);
      const skippedByOne = skipped.splice(0);
      const { lines, ended } = await listed(at.origin);
      expect({ seed, ended, lines: lines.sort() }).toEqual({
        seed,
        ended: true,
        lines: one.sort(),
      });
      expect({ seed, skipped: skipped.sort() }).toEqual({ seed, skipped: skippedByOne.sort() });
    }
  });

  test("takes one request for each page, below a prefix, too", async () => {
    const bucket = new ListedBucket();
    for (let album = 0; album < 250; album++) {
      for (let track = 0; track < 10; track++) bucket.put(`music/${album}/${track}`);
    }
    bucket.put("music.txt");
    bucket.put("other/x");
    await using at = await rawBucket(bucket.answer, { path: "music" });
    const { lines, ended } = await listed(at.origin);
    expect([lines.length, ended, at.server.requests.length]).toEqual([2750, true, 3]);
    expect(at.server.requests.every(({ target }) => !target.includes("delimiter"))).toBe(true);
  });

  test("comes to no end where keys are in no order, or cut although nobody asked for that", async () => {
    const bucket = new ListedBucket();
    for (const key of ["a/1", "a/2", "b/1"]) bucket.put(key);
    bucket.backwards = true;
    await using at = await rawBucket(bucket.answer);
    expect((await listed(at.origin)).ended).toBe(false);
    at.server.answer = (socket, request) =>
      bucket.answer(socket, { ...request, target: `${request.target}&delimiter=/` });
    bucket.backwards = false;
    expect((await listed(at.origin)).ended).toBe(false);
  });

  test("of an empty bucket is an empty root, of one that is gone a failure", async () => {
    const bucket = new ListedBucket();
    await using at = await rawBucket(bucket.answer);
    expect(await listed(at.origin)).toEqual({ lines: [], ended: true });
    bucket.failure = { at: 0, status: 404, code: "NoSuchBucket" };
    expect(await codeOf(listed(at.origin))).toBe("misconfigured");
  });
});
