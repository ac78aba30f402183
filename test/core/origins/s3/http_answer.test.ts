import { describe, expect, test } from "bun:test";
import { S3_MAX_HEAD_BYTES } from "../../../../src/core/limits.ts";
import {
  type AnswerHead,
  BadAnswer,
  HttpAnswer,
} from "../../../../src/core/origins/s3/http_answer.ts";

interface Heard {
  readonly head: AnswerHead | undefined;
  readonly body: string;
  readonly isOver: boolean;
  readonly isKept: boolean;
}

interface Way {
  readonly hasBody?: boolean;
  /** The length of what comes at once. Default: all. */
  readonly step?: number;
  /** The server closes the connection behind it. */
  readonly closes?: boolean;
}

function hear(text: string, { hasBody = true, step = text.length, closes }: Way = {}): Heard {
  const bytes = Buffer.from(text, "latin1");
  let head: AnswerHead | undefined;
  let body = "";
  let ends = 0;
  const answer = new HttpAnswer(hasBody, {
    onHead: (told) => {
      expect(head).toBeUndefined();
      head = told;
    },
    onBody: (piece) => {
      expect([piece.byteLength > 0, ends]).toEqual([true, 0]);
      body += Buffer.from(piece).toString("latin1");
    },
    onEnd: () => void ends++,
  });
  for (let at = 0; at < bytes.byteLength; at += step) answer.take(bytes.subarray(at, at + step));
  if (closes) answer.close();
  expect(ends).toBe(answer.isOver ? 1 : 0);
  return { head, body, isOver: answer.isOver, isKept: answer.isKept };
}

const answerOf = (...lines: readonly string[]) => lines.join("\r\n");

describe("HttpAnswer", () => {
  const sound: Record<string, readonly [text: string, heard: Partial<Heard>, way?: Way]> = {
    "of a told length": [
      answerOf("HTTP/1.1 206 Partial Content", "Content-Length: 4", "", "2345"),
      { body: "2345", isOver: true, isKept: true },
    ],
    "without a body": [
      answerOf("HTTP/1.1 200 OK", "content-length:0", "", ""),
      { body: "", isOver: true, isKept: true },
    ],
    "that may not have one": [
      answerOf("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked", "", ""),
      { body: "", isOver: true, isKept: true },
    ],
    "to HEAD": [
      answerOf("HTTP/1.1 200 OK", "Content-Length: 1000", "", ""),
      { body: "", isOver: true, isKept: true },
      { hasBody: false },
    ],
    "in chunks": [
      answerOf(
        "HTTP/1.1 200 OK",
        "Transfer-Encoding: Chunked",
        "",
        "3;a=b",
        "012",
        "A ",
        "",
      ).concat(answerOf("3456789abc", "000", "Trailer: x", "", "")),
      { body: "0123456789abc", isOver: true, isKept: true },
    ],
    "that the end of the connection ends": [
      answerOf("HTTP/1.1 200 OK", "", "whatever\r\n"),
      { body: "whatever\r\n", isOver: true, isKept: false },
      { closes: true },
    ],
    "that says more before": [
      answerOf(
        "HTTP/1.1 100 Continue",
        "",
        "HTTP/1.1 103",
        "Link: x",
        "",
        "HTTP/1.1 200 OK",
      ).concat(answerOf("", "Content-Length: 1", "", "x")),
      { body: "x", isOver: true, isKept: true },
    ],
    "after which the connection closes": [
      answerOf("HTTP/1.1 200 OK", "Connection: x, Close", "Content-Length: 1", "", "x"),
      { body: "x", isOver: true, isKept: false },
    ],
    "of an old server": [
      answerOf("HTTP/1.0 200 OK", "Content-Length: 1", "", "x"),
      { body: "x", isOver: true, isKept: false },
    ],
    "of an old server that keeps the connection": [
      answerOf("HTTP/1.0 200 OK", "Connection: keep-alive", "Content-Length: 1", "", "x"),
      { body: "x", isOver: true, isKept: true },
    ],
    "with something behind it": [
      answerOf("HTTP/1.1 200 OK", "Content-Length: 1", "", "xHTTP/1.1 200 OK"),
      { body: "x", isOver: true, isKept: false },
    ],
    "that is cut short": [
      answerOf("HTTP/1.1 200 OK", "Content-Length: 3", "", "xx"),
      { body: "xx", isOver: false },
      { closes: true },
    ],
    "that is cut short in a chunk": [
      answerOf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "3", "xx"),
      { body: "xx", isOver: false },
      { closes: true },
    ],
  };
  for (const [what, [text, heard, way]] of Object.entries(sound)) {
    test(`understands an answer ${what}, in whatever pieces it comes`, () => {
      for (let step = 1; step <= text.length; step++) {
        expect(hear(text, { ...way, step })).toMatchObject(heard);
      }
    });
  }

  test("tells status and headers, those that come twice as one", () => {
    const text = answerOf("HTTP/1.1 403 Go away", "X-A:  b c\t", "x-a: d", "__proto__: e", "", "");
    const { head } = hear(text);
    expect(head).toMatchObject({ statusCode: 403, reason: "Go away" });
    expect(Object.entries(head?.headers ?? {})).toEqual([
      ["x-a", "b c, d"],
      ["__proto__", "e"],
    ]);
  });

  const ok = "HTTP/1.1 200 OK";
  const chunked = answerOf(ok, "Transfer-Encoding: chunked", "", "");
  const wrong: Record<string, string> = {
    "something else": "SSH-2.0-x",
    "HTTP/2": "HTTP/2 200 OK",
    "no status": answerOf("HTTP/1.1 OK", "", ""),
    "another protocol": answerOf("HTTP/1.1 101 Switching", "", ""),
    "lines that end otherwise": `${ok}\n\n`,
    "a header without a name": answerOf(ok, ": x", "", ""),
    "a header over two lines": answerOf(ok, "a: x", " y", "", ""),
    "a header with a control character": answerOf(ok, "a: x\0y", "", ""),
    "two lengths": answerOf(ok, "Content-Length: 1", "Content-Length: 1", "", ""),
    "a length that is none": answerOf(ok, "Content-Length: +1", "", ""),
    "a length and chunks": answerOf(ok, "Content-Length: 1", "Transfer-Encoding: chunked", "", ""),
    "an encoding nobody asked for": answerOf(ok, "Transfer-Encoding: gzip, chunked", "", ""),
    "a chunk without a length": `${chunked}x\r\n`,
    "a chunk of too great a length": `${chunked}${"f".repeat(13)}\r\n`,
    "a chunk that is longer than it says": `${chunked}1\r\nxy\r\n`,
    "a head without end": `${ok}\r\n${"a: b\r\n".repeat(S3_MAX_HEAD_BYTES / 6)}`,
    "heads without end": answerOf("HTTP/1.1 100 x", "", "").repeat(S3_MAX_HEAD_BYTES / 16),
    "a line without end": `${ok}\r\na: ${"b".repeat(S3_MAX_HEAD_BYTES)}`,
    "trailers without end": `${chunked}0\r\n${"a: b\r\n".repeat(S3_MAX_HEAD_BYTES / 6 + 1)}`,
  };
  for (const [what, text] of Object.entries(wrong)) {
    test(`refuses ${what}`, () => {
      for (const step of [1, text.length]) expect(() => hear(text, { step })).toThrow(BadAnswer);
    });
  }

  test("gives the body away in the memory in which it came", () => {
    const pieces: number[] = [];
    const answer = new HttpAnswer(true, {
      onHead: () => undefined,
      onBody: ({ buffer, byteLength }) => {
        pieces.push(byteLength);
        // As whoever reads it may.
        if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
      },
      onEnd: () => undefined,
    });
    const body = new Uint8Array(4);
    answer.take(Buffer.from(answerOf(ok, "Content-Length: 8", "", "")));
    answer.take(body);
    expect([pieces, body.byteLength]).toEqual([[4], 0]);
    answer.take(new Uint8Array(4));
    expect(answer.isOver).toBe(true);
  });
});
