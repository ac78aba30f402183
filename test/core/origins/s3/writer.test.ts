import { describe, expect, test } from "bun:test";
import { pathFromText } from "../../../../src/core/bytes.ts";
import { systemClock } from "../../../../src/core/clock.ts";
import { S3Writer } from "../../../../src/core/origins/s3/writer.ts";
import { credentialsOf, s3Settings } from "../../../support/buckets.ts";
import { failureOf, RAW_KEYS } from "../../../support/raw_bucket.ts";
import { errorXml } from "../../../support/s3_answers.ts";

interface Heard {
  readonly method: string;
  readonly path: string;
  readonly ifMatch: string | null;
  readonly ifNoneMatch: string | null;
  readonly body: string;
}

const FILE = pathFromText("dir/file");
const BODY = Buffer.from("content");

/** A writer below `some/prefix` of a bucket whose server answers each request with the next of `answers`. */
function written(...answers: readonly (readonly [status: number, error?: string])[]) {
  const heard: Heard[] = [];
  const rest = answers.values();
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const { method, headers, url } = request;
      heard.push({
        method,
        path: new URL(url).pathname,
        ifMatch: headers.get("if-match"),
        ifNoneMatch: headers.get("if-none-match"),
        body: await request.text(),
      });
      const [status, error] = rest.next().value ?? [200];
      return new Response(error === undefined ? null : errorXml(error), { status });
    },
  });
  const endpoint = `http://127.0.0.1:${server.port}`;
  const settings = s3Settings({ endpoint, path: "some/prefix" });
  const writer = new S3Writer(settings, {
    clock: systemClock,
    credentials: credentialsOf(RAW_KEYS),
  });
  const dispose = async () => {
    writer[Symbol.dispose]();
    await server.stop(true);
  };
  return { writer, heard, [Symbol.asyncDispose]: dispose };
}

describe("an S3 writer", () => {
  test("writes and removes below its prefix, and nowhere else", async () => {
    await using at = written([200], [204]);
    await at.writer.put(FILE, BODY);
    await at.writer.remove(FILE);
    const path = "/music/some/prefix/dir/file";
    expect(at.heard).toEqual([
      { method: "PUT", path, ifMatch: null, ifNoneMatch: null, body: "content" },
      { method: "DELETE", path, ifMatch: null, ifNoneMatch: null, body: "" },
    ]);
    expect(await failureOf(at.writer.put(pathFromText("../file"), BODY))).toMatchObject({
      code: "bad_name",
    });
  });

  test("replaces what it was told of, and makes what is not there", async () => {
    await using at = written(
      [200],
      [200],
      [412, "PreconditionFailed"],
      [409, "ConditionalRequestConflict"],
    );
    await at.writer.put(FILE, BODY, { version: "abc" });
    await at.writer.put(FILE, BODY, { version: undefined });
    expect(at.heard).toMatchObject([
      { ifMatch: '"abc"', ifNoneMatch: null },
      { ifMatch: null, ifNoneMatch: "*" },
    ]);
    for (const version of ["abc", undefined]) {
      const failure = await failureOf(at.writer.put(FILE, BODY, { version }));
      expect(failure.code).toBe("version_changed");
    }
  });

  test("writes without a condition where the server knows none", async () => {
    await using at = written([501, "NotImplemented"], [200]);
    await at.writer.put(FILE, BODY, { version: "abc" });
    expect(at.heard).toMatchObject([
      { ifMatch: '"abc"', body: "content" },
      { ifMatch: null, ifNoneMatch: null, body: "content" },
    ]);
  });

  test("says what the credentials lack", async () => {
    await using at = written([403, "AccessDenied"]);
    const failure = await failureOf(at.writer.put(FILE, BODY));
    expect(failure.code).toBe("denied");
    expect(failure.message).toContain("s3:PutObject");
  });
});
