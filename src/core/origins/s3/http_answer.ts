/**
 * The bytes of an HTTP/1.1 answer (RFC 9112), taken apart as they come: its head as a whole, its body in the very
 * pieces that came, which are not copied. What the length of an answer depends on is understood in one way or not at
 * all, and nothing is kept but a head and the lines between chunks, S3_MAX_HEAD_BYTES at most.
 */

import { S3_MAX_HEAD_BYTES } from "../../limits.ts";

/** The server does not speak HTTP or S3 as it should. */
export class BadAnswer extends Error {
  override readonly name = "BadAnswer";
}

export interface AnswerHead {
  readonly statusCode: number;
  readonly reason: string;
  /** Names in lower case; values that came several times are joined by commas. */
  readonly headers: Readonly<Record<string, string>>;
}

/** What is told of an answer, in this order. */
export interface AnswerListener {
  readonly onHead: (head: AnswerHead) => void;
  /** A piece of the body, never empty; the listener may do with it what he likes. */
  readonly onBody: (piece: Uint8Array) => void;
  readonly onEnd: () => void;
}

/** What the next bytes are. */
type Part = "head" | "body" | "chunk size" | "chunk" | "chunk end" | "trailer" | "over";

const LF = 0x0a;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([\t\x20-\x7e\x80-\xff]*))?$/;
const HEADER = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)$/;
/** Far more than any object has, and exact as a number. */
const LENGTH = /^\d{1,15}$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})[\t ]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;

export class HttpAnswer {
  #part: Part = "head";
  /** Of the head, as far as it has come. */
  #lines: string[] = [];
  /** The beginning of a line whose end is still to come. */
  #text = "";
  /** Of lines since the last piece of the body. */
  #textBytes = 0;
  /** Of the body, or of the chunk, that are still to come. */
  #leftBytes = 0;
  #isChunked = false;
  #isLast = false;

  /** `hasBody`: false for the answer to HEAD, which has none whatever its head says. */
  constructor(
    private readonly hasBody: boolean,
    private readonly listener: AnswerListener,
  ) {}

  /** The answer is over, and so is what the server may say before it is asked again. */
  get isOver(): boolean {
    return this.#part === "over";
  }

  /** Nothing of the answer has come. */
  get isUnbegun(): boolean {
    return this.#part === "head" && this.#textBytes === 0;
  }

  /** The connection can be used for another exchange; meaningful once the answer is over. */
  get isKept(): boolean {
    return !this.#isLast;
  }

  /** Takes what came over the connection. Throws BadAnswer, after which it must get nothing more. */
  take(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.byteLength > 0) {
      if (this.#part === "over") {
        // Whatever it is, nobody asked for it.
        this.#isLast = true;
        return;
      }
      rest = this.#takeSome(rest);
    }
  }

  /** The server has closed the connection, which is how some answers end; others are cut short. */
  close(): void {
    if (this.#part === "body" && this.#leftBytes === Number.POSITIVE_INFINITY) this.#end();
  }

  #takeSome(bytes: Uint8Array): Uint8Array {
    if (this.#part === "body" || this.#part === "chunk") return this.#takeBody(bytes);
    const end = bytes.indexOf(LF) + 1;
    const text = bytes.subarray(0, end === 0 ? bytes.byteLength : end);
    this.#textBytes += text.byteLength;
    if (this.#textBytes > S3_MAX_HEAD_BYTES) throw ENDLESS_HEAD;
    this.#text += latin1(text);
    if (this.#part === "head" && this.#lines.length === 0) mustBeginAnswer(this.#text);
    if (end > 0) {
      if (!this.#text.endsWith("\r\n")) throw NOT_HTTP;
      const line = this.#text.slice(0, -2);
      this.#text = "";
      this.#takeLine(line);
    }
    return bytes.subarray(text.byteLength);
  }

  #takeLine(line: string): void {
    switch (this.#part) {
      case "head":
        if (line !== "") this.#lines.push(line);
        else this.#takeHead(this.#lines.splice(0));
        return;
      case "chunk size":
        this.#takeChunkSize(line);
        return;
      case "chunk end":
        if (line !== "") throw new BadAnswer("the server sends chunks of wrong lengths");
        this.#part = "chunk size";
        return;
      default:
        if (line === "") this.#end();
    }
  }

  #takeHead([first = "", ...lines]: readonly string[]): void {
    const [, minor, status, reason = ""] = STATUS_LINE.exec(first) ?? [];
    if (status === undefined) throw NOT_HTTP;
    const statusCode = Number(status);
    if (statusCode === 101) throw new BadAnswer("the server wants to speak something else");
    // What is told before the answer is of no use here, and bounded together with it.
    if (statusCode < 200) return;
    const headers = headersOf(lines);
    const { connection = "" } = headers;
    const keeps =
      minor === "1" ? !hasOption(connection, "close") : hasOption(connection, "keep-alive");
    this.#isLast = !keeps;
    this.#begin(statusCode, headers);
    this.listener.onHead({ statusCode, reason, headers });
    if (this.#leftBytes === 0 && this.#part === "body") this.#end();
  }

  /** How the body ends: RFC 9112, section 6.3. */
  #begin(statusCode: number, headers: AnswerHead["headers"]): void {
    const { "transfer-encoding": encoding, "content-length": length } = headers;
    this.#part = "body";
    if (!this.hasBody || statusCode === 204 || statusCode === 304) return;
    if (encoding !== undefined) {
      if (encoding.toLowerCase() !== "chunked" || length !== undefined) throw UNCLEAR_LENGTH;
      this.#isChunked = true;
      this.#part = "chunk size";
    } else if (length !== undefined) {
      if (!LENGTH.test(length)) throw UNCLEAR_LENGTH;
      this.#leftBytes = Number(length);
    } else {
      this.#leftBytes = Number.POSITIVE_INFINITY;
      this.#isLast = true;
    }
  }

  #takeChunkSize(line: string): void {
    const [, size] = CHUNK_SIZE.exec(line) ?? [];
    if (size === undefined) throw new BadAnswer("the server sends chunks without a length");
    this.#leftBytes = Number.parseInt(size, 16);
    this.#part = this.#leftBytes === 0 ? "trailer" : "chunk";
  }

  #takeBody(bytes: Uint8Array): Uint8Array {
    const piece = bytes.byteLength <= this.#leftBytes ? bytes : bytes.subarray(0, this.#leftBytes);
    // Before the listener has it, who may free it.
    const rest = bytes.subarray(piece.byteLength);
    this.#leftBytes -= piece.byteLength;
    this.#textBytes = 0;
    this.listener.onBody(piece);
    if (this.#leftBytes === 0) {
      if (this.#isChunked) this.#part = "chunk end";
      else this.#end();
    }
    return rest;
  }

  #end(): void {
    this.#part = "over";
    this.listener.onEnd();
  }
}

const NOT_HTTP = new BadAnswer("the server does not speak HTTP");
const ENDLESS_HEAD = new BadAnswer("the server's headers have no end");
const UNCLEAR_LENGTH = new BadAnswer("the server does not say clearly how long its answer is");

/** Who speaks something else is not waited for until he ends a line. */
function mustBeginAnswer(text: string): void {
  const begins = "HTTP/1.";
  if (!text.startsWith(begins) && !begins.startsWith(text)) throw NOT_HTTP;
}

function latin1({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("latin1");
}

function headersOf(lines: readonly string[]): AnswerHead["headers"] {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value = ""] = HEADER.exec(line) ?? [];
    if (name === undefined) throw new BadAnswer("the server sends headers that are none");
    const lower = name.toLowerCase();
    const before = headers.get(lower);
    headers.set(lower, before === undefined ? value.trim() : `${before}, ${value.trim()}`);
  }
  return Object.fromEntries(headers);
}

function hasOption(connection: string, option: string): boolean {
  return connection
    .toLowerCase()
    .split(",")
    .some((one) => one.trim() === option);
}
