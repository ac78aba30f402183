import { describe, expect, test } from "bun:test";
import type { BytePath } from "../../../../src/core/bytes.ts";
import type { S3Origin } from "../../../../src/core/origins/s3/origin.ts";
import { codeOf, rawBucket } from "../../../support/raw_bucket.ts";
import { type Answer, reply, writeForEver } from "../../../support/raw_http.ts";
import { errorXml, listXml, serveRange } from "../../../support/s3_answers.ts";

const FILE = "file" as BytePath;
const CONTENT = Buffer.from("0123456789");
const VERSION = { sizeBytes: CONTENT.byteLength, token: "e" };
const OK = { ETag: '"e"', "Content-Range": "bytes 2-5/10" };

const MARK = 0xaa;

/** Reads bytes 2..5 into the middle of a marked buffer, which must stay as it is around them. */
async function readFour(origin: S3Origin, signal?: AbortSignal): Promise<string> {
  const whole = new Uint8Array(20).fill(MARK);
  const options = { version: VERSION, ...(signal === undefined ? {} : { signal }) };
  try {
    const read = await origin.read(FILE, 2, whole.subarray(8, 12), options);
    return Buffer.from(whole.subarray(8, 8 + read)).toString();
  } finally {
    expect(whole.subarray(0, 8)).toEqual(new Uint8Array(8).fill(MARK));
    expect(whole.subarray(12)).toEqual(new Uint8Array(8).fill(MARK));
  }
}

describe("S3Origin.read", () => {
  test("asks for the clamped range of the version and reuses the connection (R-5)", async () => {
    await using at = await rawBucket((socket, request) => serveRange(socket, request, CONTENT));
    const into = new Uint8Array(100);
    expect(await at.origin.read(FILE, 7, into, { version: VERSION })).toBe(3);
    expect(Buffer.from(into.subarray(0, 3)).toString()).toBe("789");
    expect(await readFour(at.origin)).toBe("2345");
    const sent = at.server.requests.map(({ target, headers }) => [
      target.split("?")[0],
      headers.get("range"),
      headers.get("if-match"),
    ]);
    expect(sent).toEqual([
      ["/music/file", "bytes=7-9", '"e"'],
      ["/music/file", "bytes=2-5", '"e"'],
    ]);
    expect(at.server.accepted).toBe(1);
  });

  test("sends nothing for a read at or past the end of its version (R-5)", async () => {
    await using at = await rawBucket((socket, request) => serveRange(socket, request, CONTENT));
    const into = new Uint8Array(4);
    expect(await at.origin.read(FILE, 10, into, { version: VERSION })).toBe(0);
    expect(await at.origin.read(FILE, 1e12, into, { version: VERSION })).toBe(0);
    expect(await at.origin.read(FILE, 0, into.subarray(0, 0), { version: VERSION })).toBe(0);
    expect(at.server.requests).toEqual([]);
  });

  test("reads nothing past the end of a file of unknown size (R-5)", async () => {
    await using at = await rawBucket((socket, request) => serveRange(socket, request, CONTENT));
    expect(await at.origin.read(FILE, 10, new Uint8Array(4))).toBe(0);
    expect(await at.origin.read(FILE, 8, new Uint8Array(4))).toBe(2);
  });

  const replaced: Record<string, Answer> = {
    "412": (socket) => reply(socket, 412, {}, errorXml("PreconditionFailed")),
    "416, so it is shorter now": (socket) => reply(socket, 416, {}, errorXml("InvalidRange")),
    "another ETag": (socket) => reply(socket, 206, { ...OK, ETag: '"other"' }, "2345"),
    "another size": (socket) =>
      reply(socket, 206, { ...OK, "Content-Range": "bytes 2-5/11" }, "2345"),
  };
  for (const [what, answer] of Object.entries(replaced)) {
    test(`says that the version changed when the server answers with ${what}`, async () => {
      await using at = await rawBucket(answer);
      expect(await codeOf(readFour(at.origin))).toBe("version_changed");
    });
  }

  const wrong: Record<string, readonly [code: string, Answer]> = {
    "another range": [
      "protocol",
      (socket) => reply(socket, 206, { ...OK, "Content-Range": "bytes 3-6/10" }, "3456"),
    ],
    "no Content-Range": ["protocol", (socket) => reply(socket, 206, { ETag: '"e"' }, "2345")],
    "an impossible Content-Range": [
      "protocol",
      (socket) => reply(socket, 206, { ...OK, "Content-Range": "bytes 2-99/10" }, "2345"),
    ],
    "the whole file, as it knows no ranges": [
      "protocol",
      (socket) => reply(socket, 200, { ETag: '"e"' }, CONTENT),
    ],
    "fewer bytes than it announces": [
      "connection",
      (socket) => {
        reply(socket, 206, { ...OK, "Content-Length": 4 }, "23");
        socket.end();
      },
    ],
    "fewer bytes than the range has": [
      "short_read",
      (socket) => reply(socket, 206, { ...OK, "Content-Range": "bytes 2-3/10" }, "23"),
    ],
    "more bytes than the range has": ["protocol", (socket) => reply(socket, 206, OK, "2345678")],
    "chunks without end": [
      "protocol",
      (socket) => {
        const headers = 'ETag: "e"\r\nContent-Range: bytes 2-5/10\r\nTransfer-Encoding: chunked';
        socket.write(`HTTP/1.1 206 x\r\n${headers}\r\n\r\nffffffff\r\n`);
        writeForEver(socket);
      },
    ],
    "a reset in the middle": [
      "connection",
      (socket) => {
        reply(socket, 206, { ...OK, "Content-Length": 4 }, "23");
        setTimeout(() => socket.resetAndDestroy(), 20);
      },
    ],
    "something that is not HTTP": ["protocol", (socket) => void socket.write("SSH-2.0-x\r\n\r\n")],
    "headers without end": [
      "protocol",
      (socket) => {
        socket.write("HTTP/1.1 206 x\r\nX-A: ");
        writeForEver(socket);
      },
    ],
    "an XML bomb as its error": [
      "protocol",
      (socket) =>
        reply(socket, 400, {}, `<!DOCTYPE a [<!ENTITY b "${"x".repeat(1000)}">]><a>&b;</a>`),
    ],
    "an error of 100 MB": [
      "overloaded",
      (socket) => {
        reply(socket, 503, { "Content-Length": 100_000_000 });
        writeForEver(socket);
      },
    ],
  };
  for (const [what, [code, answer]] of Object.entries(wrong)) {
    test(`fails with ${code} when the server sends ${what}, and holds nothing open`, async () => {
      await using at = await rawBucket(answer);
      expect(await codeOf(readFour(at.origin))).toBe(code);
      // A connection whose answer was sound may be kept.
      await at.server.closedTo(1);
    });
  }

  test("takes the beginning of the whole file for a read at its beginning", async () => {
    await using at = await rawBucket((socket) => {
      reply(socket, 200, { ETag: '"e"', "Content-Length": 1_000_000_000 }, CONTENT);
      writeForEver(socket);
    });
    const version = { sizeBytes: 1_000_000_000, token: "e" };
    const into = new Uint8Array(4);
    expect(await at.origin.read(FILE, 0, into, { version })).toBe(4);
    expect(Buffer.from(into).toString()).toBe("0123");
    await at.server.closedTo(0);
  });

  test("is not misled by what is sent after an answer", async () => {
    let answers = 0;
    await using at = await rawBucket((socket, request) => {
      if (answers++ > 0) return serveRange(socket, request, CONTENT);
      const evil =
        'HTTP/1.1 206 x\r\nContent-Length: 4\r\nContent-Range: bytes 2-5/10\r\nETag: "e"';
      reply(socket, 206, { ...OK, "Content-Length": 4 }, `2345${evil}\r\n\r\nEVIL`);
      return undefined;
    });
    expect(await readFour(at.origin)).toBe("2345");
    expect(await readFour(at.origin)).toBe("2345");
  });

  test("asks once more when a kept connection turns out to be closed", async () => {
    await using at = await rawBucket((socket, request) => {
      if (at.server.requests.length === 2) socket.resetAndDestroy();
      else serveRange(socket, request, CONTENT);
    });
    expect(await readFour(at.origin)).toBe("2345");
    expect(await readFour(at.origin)).toBe("2345");
    expect(at.server.accepted).toBe(2);
    expect(at.server.requests).toHaveLength(3);
  });

  test("asks until all kept connections are used up when a server that came back knows none", async () => {
    const KEPT = 3;
    const first: (() => void)[] = [];
    await using at = await rawBucket((socket, request) => {
      const { length } = at.server.requests;
      if (length > 2 * KEPT) return serveRange(socket, request, CONTENT);
      if (length > KEPT) return void socket.resetAndDestroy();
      first.push(() => serveRange(socket, request, CONTENT));
      if (length === KEPT) for (const serve of first) serve();
      return undefined;
    });
    await Promise.all(Array.from({ length: KEPT }, () => readFour(at.origin)));
    expect(await readFour(at.origin)).toBe("2345");
    expect(at.server.accepted).toBe(KEPT + 1);
    expect(at.server.requests).toHaveLength(2 * KEPT + 1);
  });

  const stalls: Record<string, Answer> = {
    "its answer": () => undefined,
    "its headers": (socket) => void socket.write("HTTP/1.1 206 x\r\nETag:"),
    "its body": (socket) => reply(socket, 206, { ...OK, "Content-Length": 4 }, "23"),
  };
  for (const [what, answer] of Object.entries(stalls)) {
    test(`closes the connection of a read given up while the server stalls ${what} (R-2)`, async () => {
      await using at = await rawBucket(answer);
      const controller = new AbortController();
      const read = codeOf(readFour(at.origin, controller.signal));
      while (at.server.requests.length === 0) await Bun.sleep(2);
      await Bun.sleep(20);
      expect(at.server.open).toBe(1);
      controller.abort(new Error("too slow"));
      expect(await read).toBe("cancelled");
      await at.server.closedTo(0);
    });
  }

  test("leaves no connection of many reads given up, and serves on", async () => {
    await using at = await rawBucket((socket, request) => {
      if (at.server.requests.length > 40) serveRange(socket, request, CONTENT);
      else reply(socket, 206, { ...OK, "Content-Length": 4 }, "23");
    });
    const controller = new AbortController();
    const reads = Array.from({ length: 40 }, () => codeOf(readFour(at.origin, controller.signal)));
    while (at.server.requests.length < 40) await Bun.sleep(5);
    controller.abort();
    expect(new Set(await Promise.all(reads))).toEqual(new Set(["cancelled"]));
    await at.server.closedTo(0);
    expect(await readFour(at.origin)).toBe("2345");
  });

  test("ends what is under way when the origin is closed, and keeps no connection", async () => {
    await using at = await rawBucket((socket, request) => {
      if (at.server.requests.length === 1) serveRange(socket, request, CONTENT);
    });
    await readFour(at.origin);
    const hung = codeOf(readFour(at.origin));
    while (at.server.requests.length < 2) await Bun.sleep(2);
    await at.origin.close();
    expect(await hung).toBe("connection");
    await at.server.closedTo(0);
  });

  test("connects anew after its connections were dropped", async () => {
    await using at = await rawBucket((socket, request) => serveRange(socket, request, CONTENT));
    await readFour(at.origin);
    at.origin.dropConnections();
    await at.server.closedTo(0);
    expect(await readFour(at.origin)).toBe("2345");
    expect(at.server.accepted).toBe(2);
  });

  test("tells an archived object and a directory from a missing file", async () => {
    await using at = await rawBucket((socket, { target }) => {
      if (target.includes("list-type")) {
        const found = target.includes("album%2F");
        const keys = found ? [{ key: "album/track" }] : [];
        reply(socket, 200, {}, listXml({ prefix: found ? "album/" : "file/", keys }));
      } else if (target.includes("/cold")) {
        reply(socket, 403, {}, errorXml("InvalidObjectState", { StorageClass: "DEEP_ARCHIVE" }));
      } else reply(socket, 404, {}, errorXml("NoSuchKey"));
    });
    const read = (path: string) =>
      codeOf(at.origin.read(path as BytePath, 0, new Uint8Array(4), { version: VERSION }));
    expect(await read("cold")).toBe("archived");
    expect(await read("album")).toBe("is_a_directory");
    expect(await read("file")).toBe("not_found");
  });
});
