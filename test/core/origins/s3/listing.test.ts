import { describe, expect, test } from "bun:test";
import { type BytePath, nameFromText, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { S3_MAX_EMPTY_PAGES, S3_MAX_LISTING_BYTES } from "../../../../src/core/limits.ts";
import type { DirEntry, Origin } from "../../../../src/core/origins/origin.ts";
import { codeOf, failureOf, rawBucket } from "../../../support/raw_bucket.ts";
import { type Answer, type RawRequest, reply, writeForEver } from "../../../support/raw_http.ts";
import { errorXml, type ListAnswer, listXml } from "../../../support/s3_answers.ts";

const ALBUM = "album" as BytePath;

/** Answers the pages of `album/` in turn, the last one for ever. */
function pages(...answers: readonly ListAnswer[]): Answer {
  let page = 0;
  return (socket) => {
    const answer = answers[Math.min(page++, answers.length - 1)];
    reply(socket, 200, {}, listXml({ prefix: "album/", ...answer }));
  };
}

const keys = (...names: readonly string[]) => names.map((name) => ({ key: `album/${name}` }));
const prefixes = (...names: readonly string[]) => names.map((name) => `album/${name}/`);

async function list(origin: Origin, directory = ALBUM): Promise<readonly DirEntry[]> {
  const entries: DirEntry[] = [];
  for await (const page of origin.list(directory)) entries.push(...page);
  return entries;
}

async function names(origin: Origin, directory = ALBUM): Promise<readonly string[]> {
  const entries = await list(origin, directory);
  return entries.map(({ name, kind }) => `${name}${kind === "directory" ? "/" : ""}`).sort();
}

function queryOf({ target }: RawRequest): URLSearchParams {
  return new URL(target, "http://host").searchParams;
}

describe("S3Origin.list", () => {
  test("asks for pages of 1000 by delimiter, percent-encoded, and follows their tokens", async () => {
    await using at = await rawBucket(
      pages(
        { keys: keys("a"), prefixes: prefixes("cd"), token: "to+page/2" },
        { keys: keys("z"), token: "3" },
        { keys: [] },
      ),
    );
    expect(await names(at.origin)).toEqual(["a", "cd/", "z"]);
    const asked = at.server.requests.map((request) => Object.fromEntries(queryOf(request)));
    const common = {
      "list-type": "2",
      prefix: "album/",
      delimiter: "/",
      "max-keys": "1000",
      "encoding-type": "url",
    };
    expect(asked.map(({ "x-id": _, ...query }) => query)).toEqual([
      common,
      { ...common, "continuation-token": "to+page/2" },
      { ...common, "continuation-token": "3" },
    ]);
  });

  test("tells size, token and mtime in whole seconds", async () => {
    const key = "album/x";
    await using at = await rawBucket(pages({ keys: [{ key, size: 2 ** 45, etag: '"abc-3"' }] }));
    expect(await list(at.origin)).toEqual([
      {
        name: nameFromText("x"),
        kind: "file",
        sizeBytes: 2 ** 45,
        token: "abc-3",
        mtimeSec: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
        mtimeNsec: 0,
        mode: 0o644,
        uid: -1,
        gid: -1,
      },
    ]);
  });

  test("decodes what the server encodes, each in its own way, and nothing else", async () => {
    for (const [encoding, key] of [
      ["url", "album/a+b%2Bc%25%C3%A9%23%3F%0A"],
      ["url", "album/a%20b%2bc%25%c3%a9%23%3f%0a"],
      [undefined, "album/a b+c%é#?\n"],
    ] as const) {
      const answer = { keys: [{ key }], ...(encoding === undefined ? {} : { encoding }) };
      await using at = await rawBucket(pages(answer));
      expect(await names(at.origin)).toEqual([nameFromText("a b+c%é#?\n") as string]);
    }
  });

  test("takes marks of directories for directories, wherever they stand", async () => {
    await using at = await rawBucket(pages({ keys: keys("", "sub/", "x/y/z") }));
    expect(await names(at.origin)).toEqual(["sub/", "x/"]);
  });

  test("leaves out keys that no file can have, and tells of each once", async () => {
    const bad = ["..", ".", "nul\0", "x".repeat(256), "\u{d800}", "%FF", "/"];
    const skipped: string[] = [];
    const onSkipped = (_: BytePath, name: string) => void skipped.push(name);
    const listed = bad.map((name) => encodeURIComponent(name.toWellFormed()).replace("%25", "%"));
    const answer = { keys: keys("good", ...listed), prefixes: prefixes("", "..", "sub") };
    await using at = await rawBucket(
      pages({ ...answer, encoding: "url", token: "2" }, { ...answer, encoding: "url" }),
      {},
      { onSkipped },
    );
    // An unpaired surrogate cannot be sent; what stands for it is a name like any other.
    expect(await names(at.origin)).toEqual(["good", "sub/", nameFromText("\ufffd") as string]);
    expect(skipped.sort()).toEqual(
      ["../", "..", ".", "/", "nul\0", "x".repeat(256), "\xff"].sort(),
    );
  });

  test("leaves out objects whose size or version is not told", async () => {
    const skipped: string[] = [];
    const onSkipped = (_: BytePath, name: string) => void skipped.push(name);
    const odd = [
      { key: "album/no-etag", etag: "" },
      { key: "album/injection", etag: '"a\r\nX: y"' },
      { key: "album/negative", size: -1 },
      { key: "album/huge", size: "99999999999999999999" },
      { key: "album/weak", etag: 'W/"w"' },
    ];
    await using at = await rawBucket(pages({ keys: odd }), {}, { onSkipped });
    expect((await list(at.origin)).map(({ token }) => token)).toEqual(["w"]);
    expect(skipped.sort()).toEqual(["huge", "injection", "negative", "no-etag"]);
  });

  test("shows the directory where a key is also the beginning of others", async () => {
    const skipped: string[] = [];
    const onSkipped = (_: BytePath, name: string) => void skipped.push(name);
    const together = pages({ keys: keys("a", "b"), prefixes: prefixes("a") });
    // "a" sorts before "a.flac", and that before "a/".
    const apart = pages(
      { keys: keys("a", "a.flac"), token: "2" },
      { keys: keys("b"), prefixes: prefixes("a") },
    );
    for (const answer of [together, apart]) {
      await using at = await rawBucket(answer, {}, { onSkipped });
      const found = await names(at.origin);
      expect(found).toContain("a/");
      expect(found).not.toContain("a");
      expect(found).toContain("b");
    }
    expect(skipped).toEqual(["a", "a"]);
  });

  test("gives each name once where pages overlap", async () => {
    const page = { keys: keys("a", "b"), prefixes: prefixes("c") };
    await using at = await rawBucket(pages({ ...page, token: "2" }, { ...page, token: "3" }, page));
    expect(await names(at.origin)).toEqual(["a", "b", "c/"]);
  });

  const endless: Record<string, (page: number) => ListAnswer> = {
    "one token again and again": (page) => ({ keys: keys(`${page}`), token: "same" }),
    "the same keys under new tokens": (page) => ({ keys: keys("a"), token: `${page}` }),
    "nothing under new tokens": (page) => ({ token: `${page}` }),
  };
  for (const [what, answerOf] of Object.entries(endless)) {
    test(`fails when the listing has no end: ${what}`, async () => {
      let page = 0;
      await using at = await rawBucket((socket) => {
        reply(socket, 200, {}, listXml({ prefix: "album/", ...answerOf(page++) }));
      });
      const failure = await failureOf(list(at.origin));
      expect(failure.code).toBe("protocol");
      expect(failure.message).toContain("does not come to an end");
      expect(page).toBeLessThan(S3_MAX_EMPTY_PAGES + 5);
    });
  }

  test("shows control characters and terminal escapes in names to nobody's terminal", async () => {
    const escapes = "\x1b]0;owned\x07\x1b[2J\r\n";
    const listed = pages({ keys: keys(encodeURIComponent(escapes)), encoding: "url" });
    await using at = await rawBucket((socket, request) => {
      if (request.method === "HEAD") reply(socket, 404);
      else listed(socket, request);
    });
    expect(await names(at.origin)).toEqual([escapes]);
    const failure = await failureOf(at.origin.stat(`album/${escapes}` as BytePath));
    expect(failure.message).toContain("\\x1b]0;owned");
    expect(failure.message).not.toMatch(/\p{Cc}/u);
  });

  const noListings: Record<string, string> = {
    "a page for people": "<html><body>Welcome to the hotel's network</body></html>",
    nothing: "",
    "another result of S3": "<ListAllMyBucketsResult></ListAllMyBucketsResult>",
    "an empty root": "<ListBucketResult/>",
    "an error with status 200": errorXml("InternalError"),
    "half of a listing": listXml({ prefix: "album/", keys: keys("a") }).slice(0, -40),
    "a listing cut before its end": listXml({ prefix: "album/" }).replace(
      "<IsTruncated>false</IsTruncated>",
      "<IsTruncated>true</IsTruncated>",
    ),
    "crossed tags": "<ListBucketResult><Name></ListBucketResult></Name>",
    "another directory": listXml({ prefix: "elsewhere/" }),
    "keys of another directory": listXml({ prefix: "album/", keys: [{ key: "other/x" }] }),
    "deep nesting": `<ListBucketResult>${"<a>".repeat(100_000)}`,
    "an XML bomb": `<!DOCTYPE x [<!ENTITY a "${"x".repeat(1000)}">]><ListBucketResult/>`,
  };
  for (const [what, body] of Object.entries(noListings)) {
    test(`does not take ${what} for an empty directory`, async () => {
      await using at = await rawBucket((socket) => reply(socket, 200, {}, body));
      expect(await codeOf(list(at.origin))).toBe("protocol");
      expect(await codeOf(list(at.origin, ROOT_PATH))).toBe("protocol");
    });
  }

  test("holds no more of an answer without end than a listing may have", async () => {
    await using at = await rawBucket((socket) => {
      reply(socket, 200, { "Content-Length": 100 * S3_MAX_LISTING_BYTES });
      writeForEver(socket);
    });
    const failure = await failureOf(list(at.origin));
    expect(failure.code).toBe("protocol");
    expect(failure.message).toContain("longer than");
    await at.server.closedTo(0);
  });

  test("tells a directory that is not there from a file and from an empty one", async () => {
    await using at = await rawBucket((socket, request) => {
      if (request.method === "HEAD") {
        const found = request.target.includes("/file");
        reply(socket, found ? 200 : 404, { ETag: '"e"', "Content-Length": 5 });
      } else {
        const prefix = queryOf(request).get("prefix") ?? "";
        reply(
          socket,
          200,
          {},
          listXml({ prefix, keys: prefix === "empty/" ? [{ key: prefix }] : [] }),
        );
      }
    });
    expect(await list(at.origin, "empty" as BytePath)).toEqual([]);
    expect(await list(at.origin, ROOT_PATH)).toEqual([]);
    expect(await codeOf(list(at.origin, "file" as BytePath))).toBe("not_a_directory");
    expect(await codeOf(list(at.origin, "missing" as BytePath))).toBe("not_found");
  });
});
