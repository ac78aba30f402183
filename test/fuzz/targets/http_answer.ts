import { BadAnswer, HttpAnswer } from "../../../src/core/origins/s3/http_answer.ts";
import { type FuzzTarget, fuzzed, must } from "../target.ts";

/** What an answer comes to when it comes in pieces of this length. */
function understood(input: Uint8Array, step: number): string {
  let told = "";
  let isEnded = false;
  const answer = new HttpAnswer(true, {
    onHead: (head) => {
      must(told === "", "a second head");
      told += `${JSON.stringify(head)}\n`;
    },
    onBody: (piece) => {
      must(told !== "" && !isEnded && piece.byteLength > 0, "a body out of its place");
      told += Buffer.from(piece).toString("latin1");
    },
    onEnd: () => {
      must(!isEnded, "a second end");
      isEnded = true;
    },
  });
  try {
    for (let at = 0; at < input.byteLength; at += step) answer.take(input.slice(at, at + step));
    answer.close();
  } catch (error) {
    if (!(error instanceof BadAnswer)) throw error;
    return `${told}\n${error.message}`;
  }
  must(answer.isOver === isEnded, "an end that is none");
  return `${told}\n${isEnded} ${isEnded && answer.isKept}`;
}

const answer = (...lines: readonly string[]) => Buffer.from(lines.join("\r\n"));

/** An answer of a server is the same one however the network cuts it. */
export const httpAnswer: FuzzTarget = {
  name: "http_answer",
  seeds: [
    answer("HTTP/1.1 206 Partial Content", "Content-Length: 4", 'ETag: "e"', "", "2345"),
    answer("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "3", "012", "0", "", ""),
    answer("HTTP/1.1 100 Continue", "", "HTTP/1.0 403 No", "Connection: keep-alive", "", "body"),
  ],
  tokens: [
    ...["\r\n", "\r\n\r\n", "\n", "\0", "ffffffff\r\n", "0\r\n\r\n", "Content-Length: 5\r\n"],
    ...["Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "HTTP/1.1 204 x\r\n", " x\r\n"],
  ],
  smokeInputs: 15_000,
  start: () =>
    fuzzed((input) => {
      const whole = understood(input, Math.max(1, input.byteLength));
      for (const step of [1, 7]) must(understood(input, step) === whole, "cut differently");
    }),
};
