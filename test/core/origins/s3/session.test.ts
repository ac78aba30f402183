import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { CREDENTIALS_RETRY_MS } from "../../../../src/core/limits.ts";
import { CredentialsProvider } from "../../../../src/core/origins/credentials.ts";
import type { ContentProof, OriginId } from "../../../../src/core/origins/origin.ts";
import { UsageLedger } from "../../../../src/core/origins/usage.ts";
import { codeOf, failureOf, rawBucket } from "../../../support/raw_bucket.ts";
import { type Answer, type RawRequest, reply } from "../../../support/raw_http.ts";
import { errorXml, listXml, serveRange } from "../../../support/s3_answers.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "file" as BytePath;
const VERSION = { sizeBytes: 10, token: "e" };
const CONTENT = Buffer.from("0123456789");
const serve: Answer = (socket, request) => serveRange(socket, request, CONTENT);

const keyIdOf = ({ headers }: RawRequest) =>
  /Credential=([^/]+)\//.exec(headers.get("authorization") ?? "")?.[1];

describe("S3Origin.probe", () => {
  const asked = (requests: readonly RawRequest[]) =>
    requests.map(({ method, target }) => `${method} ${target.replace(/&?x-id=\w+&?/, "")}`);

  test("is one HeadBucket where that is allowed (R-6)", async () => {
    await using at = await rawBucket((socket) => reply(socket, 200));
    expect(await at.origin.probe()).toEqual({ status: "ok" });
    expect(asked(at.server.requests)).toEqual(["HEAD /music/"]);
  });

  test("is decided by a listing of one key below the path where it is forbidden (R-6)", async () => {
    await using at = await rawBucket(
      (socket, { method }) => {
        if (method === "HEAD") reply(socket, 403, { "Content-Length": 0 });
        else reply(socket, 200, {}, listXml({ prefix: "my/part/" }));
      },
      { path: "my/part" },
    );
    expect(await at.origin.probe()).toEqual({ status: "ok" });
    const [, listing = ""] = asked(at.server.requests);
    const query = new URL(listing.slice("GET ".length), "http://host").searchParams;
    expect([query.get("prefix"), query.get("max-keys")]).toEqual(["my/part/", "1"]);
  });

  test("says what is missing where both are forbidden (R-6)", async () => {
    await using at = await rawBucket((socket, { method }) =>
      reply(socket, 403, {}, method === "HEAD" ? "" : errorXml("AccessDenied")),
    );
    const failure = await failureOf(at.origin.probe());
    expect(failure).toMatchObject({ code: "credentials", scope: "origin", retryable: false });
    expect(failure.message).toContain("s3:ListBucket");
  });

  test("takes a server that fails or is overloaded at its word", async () => {
    for (const [status, code] of [
      [500, "protocol"],
      [503, "overloaded"],
    ] as const) {
      await using at = await rawBucket((socket) => reply(socket, status));
      expect(await codeOf(at.origin.probe())).toBe(code);
      expect(at.server.requests).toHaveLength(1);
    }
  });
});

describe("S3Origin.stat", () => {
  test("finds out what a refused HEAD means", async () => {
    const answers: readonly (readonly [string, Answer])[] = [
      ["denied", (socket) => reply(socket, 200, {}, listXml({}))],
      ["credentials", (socket) => reply(socket, 403, {}, errorXml("SignatureDoesNotMatch"))],
      ["credentials", (socket) => reply(socket, 400, {}, errorXml("ExpiredToken"))],
      ["misconfigured", (socket) => reply(socket, 404, {}, errorXml("NoSuchBucket"))],
    ];
    for (const [code, listing] of answers) {
      await using at = await rawBucket((socket, request) =>
        request.method === "HEAD" ? reply(socket, 403) : listing(socket, request),
      );
      expect(await codeOf(at.origin.stat(FILE))).toBe(code);
    }
  });

  test("refuses an answer without size or version", async () => {
    await using at = await rawBucket((socket) => reply(socket, 200, { "Content-Length": 5 }));
    expect(await codeOf(at.origin.stat(FILE))).toBe("protocol");
  });
});

describe("S3Origin.proof", () => {
  const HEX = "5d41402abc4b2a76b9719d911017c592";
  const SHA256 = Buffer.alloc(32, 7);
  const etag = { ETag: `"${HEX}"` };
  const parts = { ETag: `"${HEX}-3"` };
  const sha256 = { "x-amz-checksum-sha256": SHA256.toString("base64") };
  const MIB = 1024 * 1024;
  const SIZE = 20 * MIB;
  const md5Proof = { kind: "md5", hex: HEX } as const;
  const cases: readonly (readonly [
    what: string,
    headers: Record<string, string>,
    proof: ContentProof | undefined,
    bucket?: string,
  ])[] = [
    ["uploaded in one part", etag, md5Proof],
    ["encrypted by S3 itself", { ...etag, "x-amz-server-side-encryption": "AES256" }, md5Proof],
    ["encrypted by KMS", { ...etag, "x-amz-server-side-encryption": "aws:kms" }, undefined],
    [
      "encrypted twice by KMS",
      { ...etag, "x-amz-server-side-encryption": "aws:kms:dsse" },
      undefined,
    ],
    [
      "encrypted with a customer's key",
      { ...etag, "x-amz-server-side-encryption-customer-algorithm": "AES256" },
      undefined,
    ],
    ["in a directory bucket", etag, undefined, "music--usw2-az1--x-s3"],
    ["whose ETag is no MD5", { ETag: '"version-7"' }, undefined],
    [
      "with SHA-256 of the whole",
      { ...etag, ...sha256 },
      { kind: "sha256", hex: SHA256.toString("hex") },
    ],
    [
      "uploaded in several parts",
      parts,
      { kind: "parts", hex: HEX, partBytes: [9 * MIB, 8 * MIB, 7 * MIB] },
    ],
    [
      "uploaded in parts, encrypted by KMS",
      { ...parts, "x-amz-server-side-encryption": "aws:kms" },
      undefined,
    ],
    ["of more parts than bytes", { ETag: `"${HEX}-99999"` }, undefined],
    [
      "with SHA-256 of its parts",
      { ...etag, ...sha256, "x-amz-checksum-type": "COMPOSITE" },
      md5Proof,
    ],
    [
      "with SHA-256 of parts, written the old way",
      { ...etag, "x-amz-checksum-sha256": `${SHA256.toString("base64")}-3` },
      md5Proof,
    ],
  ];
  for (const [what, headers, proof, bucketName = "music"] of cases) {
    test(`tells what S3 keeps of an object ${what}`, async () => {
      const settings = { bucket: bucketName };
      const answer: Answer = (socket, { method, target }) => {
        const length = target.includes("partNumber=1") ? 9 * MIB : SIZE;
        const { ETag = "", ...more } = headers;
        if (method === "HEAD") reply(socket, 200, { ETag, ...more, "Content-Length": length });
        else reply(socket, 200, {}, SESSION_XML);
      };
      await using at = await rawBucket(answer, settings);
      const version = { sizeBytes: SIZE, token: headers["ETag"]?.replaceAll('"', "") ?? "" };
      expect(await at.origin.proof(FILE, version)).toEqual(proof);
      const heads = at.server.requests.filter(({ method }) => method === "HEAD");
      expect(heads[0]?.headers.get("x-amz-checksum-mode")).toBe("ENABLED");
    });
  }

  test("tries usual lengths of parts where the server does not tell them", async () => {
    await using at = await rawBucket((socket, { method, target }) => {
      if (method !== "HEAD") reply(socket, 200, {}, listXml({}));
      else if (target.includes("partNumber")) reply(socket, 400);
      else reply(socket, 200, { ...parts, "Content-Length": SIZE });
    });
    const version = { sizeBytes: SIZE, token: `${HEX}-3` };
    expect(await at.origin.proof(FILE, version)).toEqual({
      kind: "parts",
      hex: HEX,
      partBytes: [8 * MIB, 7 * MIB],
    });
  });

  test("is not told of another version", async () => {
    await using at = await rawBucket((socket) => {
      reply(socket, 200, { ...etag, "Content-Length": SIZE });
    });
    for (const version of [
      { sizeBytes: SIZE, token: "other" },
      { sizeBytes: SIZE - 1, token: HEX },
    ]) {
      expect(await codeOf(at.origin.proof(FILE, version))).toBe("version_changed");
    }
  });

  /** Directory buckets give temporary keys first. */
  const SESSION_XML = `<CreateSessionResult><Credentials><AccessKeyId>A</AccessKeyId>
    <SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>
    <Expiration>2100-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>`;
});

describe("S3Origin under load", () => {
  test("rests for as long as the server asks, short rests within the request", async () => {
    const clock = new VirtualClock();
    let overloaded = true;
    await using at = await rawBucket(
      (socket, request) => {
        if (overloaded) reply(socket, 503, { "Retry-After": 30 }, errorXml("SlowDown"));
        else serveRange(socket, request, CONTENT);
      },
      {},
      { clock },
    );
    const read = () => at.origin.read(FILE, 0, new Uint8Array(4), { version: VERSION });
    expect(await codeOf(read())).toBe("overloaded");
    overloaded = false;
    await clock.advance(15_000);
    const refused = await failureOf(read());
    expect(refused).toMatchObject({ code: "overloaded", retryable: true });
    expect(refused.message).toContain("none is sent for 15 s");
    expect(at.server.requests).toHaveLength(1);

    await clock.advance(14_500);
    const waiting = read();
    await Bun.sleep(20);
    expect(at.server.requests).toHaveLength(1);
    await clock.advance(500);
    expect(await waiting).toBe(4);
    expect(at.server.requests).toHaveLength(2);
  });

  test("rests for a second when no time is named, and lets go who gives up", async () => {
    const clock = new VirtualClock();
    await using at = await rawBucket((socket) => reply(socket, 429), {}, { clock });
    expect(await codeOf(at.origin.probe())).toBe("overloaded");
    const controller = new AbortController();
    const waiting = codeOf(at.origin.probe(controller.signal));
    controller.abort();
    expect(await waiting).toBe("cancelled");
    expect(clock.pendingTimers).toBe(0);
    expect(at.server.requests).toHaveLength(1);
    await clock.advance(1000);
    expect(await codeOf(at.origin.probe())).toBe("overloaded");
    expect(at.server.requests).toHaveLength(2);
  });

  test("never rests longer than a minute", async () => {
    const clock = new VirtualClock();
    const answer: Answer = (socket) => reply(socket, 503, { "Retry-After": 999_999 });
    await using at = await rawBucket(answer, {}, { clock });
    expect(await codeOf(at.origin.probe())).toBe("overloaded");
    await clock.advance(60_000);
    expect(await codeOf(at.origin.probe())).toBe("overloaded");
    expect(at.server.requests).toHaveLength(2);
  });
});

describe("S3Origin's credentials", () => {
  test("are asked for again a minute after they were refused", async () => {
    const clock = new VirtualClock();
    const env = { T_ACCESS_KEY_ID: "OLD", T_SECRET_ACCESS_KEY: "s" };
    const source = { from: "env", prefix: "T" } as const;
    const credentials = new CredentialsProvider("b" as OriginId, source, { env, clock });
    await using at = await rawBucket(
      (socket, request) => {
        if (keyIdOf(request) === "NEW") serveRange(socket, request, CONTENT);
        else reply(socket, 403, {}, errorXml("InvalidAccessKeyId"));
      },
      {},
      { clock, credentials },
    );
    const read = () => at.origin.read(FILE, 0, new Uint8Array(4), { version: VERSION });
    expect(await codeOf(read())).toBe("credentials");
    env.T_ACCESS_KEY_ID = "NEW";
    expect(await codeOf(read())).toBe("credentials");
    await clock.advance(CREDENTIALS_RETRY_MS);
    expect(await codeOf(read())).toBe("credentials");
    expect(await read()).toBe(4);
    expect(at.server.requests.map(keyIdOf)).toEqual(["OLD", "OLD", "OLD", "NEW"]);
  });

  test("come from the profile named, with its region, and are read anew", async () => {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-aws-"));
    const { AWS_CONFIG_FILE: config, AWS_SHARED_CREDENTIALS_FILE: shared } = process.env;
    const write = (keyId: string) => {
      const keys = `aws_access_key_id = ${keyId}\naws_secret_access_key = s\n`;
      writeFileSync(join(directory, "credentials"), `[nas]\n${keys}`);
    };
    writeFileSync(join(directory, "config"), "[profile nas]\nregion = mars-north-1\n");
    write("FIRST");
    process.env["AWS_CONFIG_FILE"] = join(directory, "config");
    process.env["AWS_SHARED_CREDENTIALS_FILE"] = join(directory, "credentials");
    try {
      const clock = new VirtualClock();
      await using at = await rawBucket(
        (socket) => reply(socket, 403, {}, errorXml("InvalidAccessKeyId")),
        { profile: "nas", region: undefined },
        { clock, credentials: undefined },
      );
      await codeOf(at.origin.probe());
      expect(at.server.requests[0]?.headers.get("authorization")).toContain("/mars-north-1/s3/");
      write("SECOND");
      await clock.advance(CREDENTIALS_RETRY_MS);
      await codeOf(at.origin.probe());
      await codeOf(at.origin.probe());
      const used = at.server.requests.map(keyIdOf);
      expect(used[0]).toBe("FIRST");
      expect(used.at(-1)).toBe("SECOND");
    } finally {
      restore("AWS_CONFIG_FILE", config);
      restore("AWS_SHARED_CREDENTIALS_FILE", shared);
      rmSync(directory, { recursive: true });
    }
  });
});

function restore(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

describe("S3Origin's costs", () => {
  test("are counted as the server sees them", async () => {
    const clock = new VirtualClock();
    const store = { load: async () => undefined, save: async () => undefined };
    await using ledger = await UsageLedger.open({ clock, store });
    const id = "bucket" as OriginId;
    await using at = await rawBucket(serve, {}, { meter: ledger.meter(id) });
    await at.origin.read(FILE, 0, new Uint8Array(10), { version: VERSION });
    await at.origin.read(FILE, 0, new Uint8Array(2), { version: VERSION });
    await codeOf(
      at.origin.read(FILE, 99, new Uint8Array(2), { version: { ...VERSION, sizeBytes: 100 } }),
    );
    const { requests, receivedBytes, sentBytes } = ledger.usage(id).today;
    expect(requests).toBe(at.server.requests.length);
    expect(requests).toBe(3);
    expect(receivedBytes).toBe(at.server.sentBytes);
    expect(sentBytes).toBe(at.server.heardBytes);
  });
});

describe("S3Origin.list given up", () => {
  test("sends nothing more and holds nothing open", async () => {
    await using at = await rawBucket((socket) => {
      const keys = [{ key: `${at.server.requests.length}` }, { key: "zzz" }];
      reply(socket, 200, {}, listXml({ keys, token: `${at.server.requests.length}` }));
    });
    for await (const page of at.origin.list(ROOT_PATH)) {
      expect(page).toHaveLength(1);
      break;
    }
    await Bun.sleep(20);
    expect(at.server.requests).toHaveLength(1);
    expect(at.server.open).toBe(1);
  });
});
