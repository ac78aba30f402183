import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { createServer, type Server } from "node:tls";
import { inspect } from "node:util";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { CredentialsProvider } from "../../../../src/core/origins/credentials.ts";
import type { Origin, OriginId } from "../../../../src/core/origins/origin.ts";
import { toOriginError } from "../../../../src/core/origins/s3/errors.ts";
import { openS3Origin } from "../../../../src/core/origins/s3/origin.ts";
import { credentialsOf, s3Settings } from "../../../support/buckets.ts";
import { failureOf, RAW_KEYS, rawBucket } from "../../../support/raw_bucket.ts";
import { type Answer, reply } from "../../../support/raw_http.ts";
import { errorXml } from "../../../support/s3_answers.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";

const FILE = "album/file" as BytePath;
const NOW = "2026-01-01T00:00:00Z";

const list = (origin: Origin) => origin.list(ROOT_PATH)[Symbol.asyncIterator]().next();
const read = (origin: Origin) => origin.read(FILE, 0, new Uint8Array(1));
const refuse = (status: number, body: string, headers = {}): Answer => {
  return (socket) => reply(socket, status, headers, body);
};

describe("an S3 failure", () => {
  const cases: Record<string, readonly [code: string, message: string, Answer]> = {
    "an unknown access key": [
      "credentials",
      "check access key and secret",
      refuse(403, errorXml("InvalidAccessKeyId")),
    ],
    "a wrong secret": [
      "credentials",
      "check access key and secret",
      refuse(403, errorXml("SignatureDoesNotMatch")),
    ],
    "an ended session": ["credentials", "have expired", refuse(400, errorXml("ExpiredToken"))],
    "a suspended account": ["credentials", "suspended", refuse(403, errorXml("AllAccessDisabled"))],
    "a missing bucket": [
      "misconfigured",
      "bucket music does not exist at http://127.0.0.1",
      refuse(404, errorXml("NoSuchBucket")),
    ],
    "a redirect to another region": [
      "misconfigured",
      'is in region eu-central-1, not in us-east-1; set region = "eu-central-1"',
      refuse(301, errorXml("PermanentRedirect"), { "x-amz-bucket-region": "eu-central-1" }),
    ],
    "a signature for another region": [
      "misconfigured",
      'set region = "ap-south-1"',
      refuse(400, errorXml("AuthorizationHeaderMalformed", { Region: "ap-south-1" })),
    ],
    "a redirect to nowhere": ["misconfigured", "in another region", refuse(307, "")],
    "a region that is none": [
      "misconfigured",
      "in another region",
      refuse(301, errorXml("PermanentRedirect", { Region: "\u001b[31mevil" })),
    ],
    "a bucket that makes requesters pay": [
      "misconfigured",
      "makes requesters pay",
      refuse(403, errorXml("AccessDenied", { Message: "Bucket is Requester Pays" })),
    ],
    "a key of KMS that is disabled": [
      "denied",
      "key that encrypts it",
      refuse(400, errorXml("KMS.DisabledException")),
    ],
    "a denied access": ["denied", "s3:GetObject", refuse(403, errorXml("AccessDenied"))],
    "a server that asks for fewer requests": [
      "overloaded",
      "fewer requests",
      refuse(503, errorXml("SlowDown")),
    ],
    "too many requests": ["overloaded", "fewer requests", refuse(429, "")],
    "a failing server": [
      "protocol",
      "answered 500 InternalError",
      refuse(500, errorXml("InternalError")),
    ],
    "a server that is something else": [
      "protocol",
      "is this an S3 endpoint?",
      refuse(405, "<html><body>no</body></html>"),
    ],
    "a name that no error has": [
      "protocol",
      "the server answered 418;",
      refuse(418, errorXml("\u001b]0;title\u0007")),
    ],
    "a name that any object has": [
      "protocol",
      "answered 400 constructor;",
      refuse(400, errorXml("constructor")),
    ],
    "a timeout of the server": ["timeout", "too long", refuse(400, errorXml("RequestTimeout"))],
    "a closed connection": ["connection", "closed the connection", (socket) => socket.destroy()],
  };
  for (const [what, [code, message, answer]] of Object.entries(cases)) {
    test(`tells of ${what}: ${code}`, async () => {
      for (const use of [list, read]) {
        await using at = await rawBucket(answer);
        const failure = await failureOf(use(at.origin));
        expect(failure).toMatchObject({ name: "OriginError", code });
        expect(failure.message).toContain(message);
        expect(failure.message).not.toMatch(/[^\x20-\x7e…]/);
      }
    });
  }

  test("repeats nothing that the server wrote, nor any secret (R-3)", async () => {
    const fields = { Token: RAW_KEYS.secretAccessKey, Message: "leaked-text" };
    await using at = await rawBucket(refuse(403, errorXml("InvalidToken", fields)));
    for (const use of [list, read, (origin: Origin) => origin.probe()]) {
      const failure = await failureOf(use(at.origin));
      const shown = inspect(failure, { depth: 20, showHidden: true });
      expect(failure.code).toBe("credentials");
      expect(shown).not.toContain("leaked-text");
      expect(shown).not.toContain(RAW_KEYS.secretAccessKey);
      expect(shown).not.toContain("AWS4-HMAC");
    }
    const shown = inspect(at.origin, { depth: 20, showHidden: true });
    expect(shown).not.toContain(RAW_KEYS.secretAccessKey);
  });

  test("says how far this machine's clock is off", async () => {
    for (const [serverTime, told] of [
      ["2026-01-01T03:00:00Z", "3 h behind"],
      ["2025-12-31T23:30:00Z", "30 min ahead of"],
    ] as const) {
      const clock = new VirtualClock(1000, Date.parse(NOW));
      const body = errorXml("RequestTimeTooSkewed", { ServerTime: serverTime });
      await using at = await rawBucket(refuse(403, body), {}, { clock });
      const failure = await failureOf(list(at.origin));
      expect(failure.code).toBe("credentials");
      expect(failure.message).toContain(`clock is ${told} the server's`);
    }
  });

  test("learns the time from the server and asks again", async () => {
    const hourMs = 3_600_000;
    await using at = await rawBucket((socket) => {
      const headers = { Date: new Date(Date.now() + hourMs).toUTCString() };
      if (at.server.requests.length === 1) {
        reply(socket, 403, headers, errorXml("RequestTimeTooSkewed"));
      } else reply(socket, 404, headers, errorXml("NoSuchBucket"));
    });
    expect((await failureOf(list(at.origin))).code).toBe("misconfigured");
    const times = at.server.requests.map(({ headers }) => headers.get("x-amz-date") ?? "");
    const [first = 0, second = 0] = times.map((time) => Number(time.slice(9, 11)));
    expect((first + 1) % 24).toBe(second);
  });

  test("names what keeps a connection from being made", async () => {
    const settings = s3Settings({ endpoint: "http://127.0.0.1:1" });
    const origin = openS3Origin(settings, { credentials: credentialsOf(RAW_KEYS) });
    const failure = await failureOf(origin.probe());
    expect(failure).toMatchObject({ name: "OriginError", code: "connection" });
    expect(failure.message).toContain("refuses connections");
    await origin.close();
  });

  const unreachable: Record<string, string> = {
    ENOTFOUND: "name is unknown",
    EAI_AGAIN: "cannot be looked up now",
    EHOSTUNREACH: "cannot be reached",
    ERR_TLS_CERT_ALTNAME_INVALID: "no trusted TLS connection",
    CERT_HAS_EXPIRED: "no trusted TLS connection",
  };
  for (const [code, message] of Object.entries(unreachable)) {
    test(`says what ${code} means`, () => {
      const cause = Object.assign(new Error("raw text"), { code });
      const failure = toOriginError(cause, {
        origin: "bucket" as OriginId,
        path: ROOT_PATH,
        bucket: "music",
        endpoint: undefined,
        region: undefined,
        nowMs: 0,
      });
      expect(failure.code).toBe("connection");
      expect(failure.message).toContain(message);
    });
  }

  test("says how to trust a server whose certificate is of an unknown authority", async () => {
    const { server, port } = await tlsServer();
    const settings = s3Settings({ endpoint: `https://127.0.0.1:${port}` });
    const origin = openS3Origin(settings, { credentials: credentialsOf(RAW_KEYS) });
    const failure = await failureOf(origin.probe());
    expect(failure.code).toBe("connection");
    expect(failure.message).toContain("NODE_EXTRA_CA_CERTS");
    await origin.close();
    server.close();
  });

  test("tells of credentials that are not for S3, and of none", async () => {
    const source = { from: "env", prefix: "T" } as const;
    const id = "bucket" as OriginId;
    const told = { "S3 needs ACCESS_KEY_ID": { T_PASSWORD: "pw" }, "holds no credentials": {} };
    for (const [message, env] of Object.entries(told)) {
      const credentials = new CredentialsProvider(id, source, { env });
      await using at = await rawBucket(refuse(200, ""), {}, { credentials });
      const failure = await failureOf(list(at.origin));
      expect(failure.code).toBe("credentials");
      expect(failure.message).toContain(message);
      expect(at.server.requests).toEqual([]);
    }
  });
});

/** Its certificate is signed by itself; the key is of no use for anything else. */
async function tlsServer(): Promise<{ readonly server: Server; readonly port: number }> {
  const pem = await Bun.file(join(import.meta.dir, "fixtures", "self_signed.pem")).text();
  const server = createServer({ key: pem, cert: pem.slice(pem.indexOf("-----BEGIN CERT")) });
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { server, port: address.port };
}
