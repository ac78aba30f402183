import { describe, expect, test } from "bun:test";
import { encodeRequest, type HttpRequest } from "../../../../src/core/origins/s3/http_request.ts";

const REQUEST: HttpRequest = {
  protocol: "http:",
  hostname: "host",
  port: 8080,
  method: "GET",
  path: "/music/a%20b",
  headers: { host: "host:8080", Range: "bytes=0-1" },
};
const encoded = (changes: Partial<HttpRequest>) =>
  Buffer.from(encodeRequest({ ...REQUEST, ...changes })).toString("latin1");

describe("encodeRequest", () => {
  test("writes what the SDK asks for", () => {
    expect(encoded({ query: { a: "b c!", d: ["1", "2"], e: null } })).toBe(
      "GET /music/a%20b?a=b%20c%21&d=1&d=2&e HTTP/1.1\r\nhost: host:8080\r\nRange: bytes=0-1\r\n\r\n",
    );
  });

  test("names the host and the length of a body where the SDK does not", () => {
    expect(encoded({ method: "PUT", headers: {}, body: "été" })).toBe(
      "PUT /music/a%20b HTTP/1.1\r\ncontent-length: 5\r\nhost: host:8080\r\n\r\n\xc3\xa9t\xc3\xa9",
    );
    const sent = { "Content-Length": "1", HOST: "other" };
    expect(encoded({ method: "PUT", headers: sent, body: Uint8Array.of(0x78) })).toBe(
      "PUT /music/a%20b HTTP/1.1\r\nContent-Length: 1\r\nHOST: other\r\n\r\nx",
    );
  });

  test("sends no request that could be taken for another one", () => {
    for (const text of ["a\r\nb: c", "a\nb", "a\0", "ä€"]) {
      expect(() => encoded({ headers: { "if-match": text } })).toThrow("characters");
      expect(() => encoded({ headers: { [text]: "a" } })).toThrow("characters");
      expect(() => encoded({ path: `/${text}` })).toThrow("characters");
    }
    expect(() => encoded({ path: "/a b" })).toThrow("characters");
  });
});
