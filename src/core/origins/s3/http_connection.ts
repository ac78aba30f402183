/**
 * A connection to a server, over TLS or not, for one exchange after the other. It is closed by what makes its state
 * doubtful: an answer that is wrong, cut short, given up or longer than it says, and anything that comes unasked.
 */

import { connect as connectSocket, isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { connect as connectTls } from "node:tls";
import type { UsageMeter } from "../usage.ts";
import { type AnswerHead, HttpAnswer } from "./http_answer.ts";

export interface ServerAddress {
  readonly isTls: boolean;
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly bytes: Uint8Array;
  /** False for HEAD. */
  readonly isAnsweredWithBody: boolean;
  readonly signal: AbortSignal | undefined;
}

export interface Answer extends AnswerHead {
  /** The reader drains or destroys it; destroyed before its end it takes the connection with it. */
  readonly body: Readable;
}

export interface ConnectionPorts {
  readonly meter: UsageMeter | undefined;
  /** The exchange is over, and the connection ready for another one. */
  readonly onFree: (connection: HttpConnection) => void;
  /** Called once, after which the connection is of no use. */
  readonly onClosed: (connection: HttpConnection) => void;
}

/** The server closed a kept connection before it answered, most likely before it saw the request. */
export class StaleConnection extends Error {
  override readonly name = "StaleConnection";

  constructor(override readonly cause: Error) {
    super(cause.message);
  }
}

/** The kernel looks after so much silence whether the other side is still there. */
const KEEP_ALIVE_MS = 1000;

interface Exchange {
  readonly answer: HttpAnswer;
  readonly fail: (error: Error) => void;
  /** It ends with its signal no longer. */
  readonly leave: () => void;
}

export class HttpConnection {
  readonly #socket: Socket;
  #isConnected = false;
  #whenConnected: (() => void) | undefined;
  #isClosed = false;
  #exchange: Exchange | undefined;
  #exchanges = 0;

  /** Connects at once; a request waits for that. */
  constructor(
    readonly address: ServerAddress,
    private readonly ports: ConnectionPorts,
  ) {
    const { isTls, host, port } = address;
    this.#socket = isTls
      ? connectTls({
          host,
          port,
          ALPNProtocols: ["http/1.1"],
          ...(isIP(host) ? {} : { servername: host }),
        })
      : connectSocket({ host, port });
    this.#socket.once(isTls ? "secureConnect" : "connect", () => this.#connected());
    this.#socket.on("data", (bytes: Uint8Array) => this.#take(bytes));
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("error", (error) => this.destroy(error));
    this.#socket.on("close", () => this.destroy());
  }

  /**
   * Sends a request while no other is under way, and resolves with the head of its answer. Rejects with what the
   * connection fails with, StaleConnection, BadAnswer, or the signal's reason; the body fails likewise.
   */
  exchange({ bytes, isAnsweredWithBody, signal }: WireRequest): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const isReused = this.#exchanges++ > 0;
    let body: Readable | undefined;
    const answer = new HttpAnswer(isAnsweredWithBody, {
      onHead: (head) => {
        body = this.#bodyOf(answer);
        resolve({ ...head, body });
      },
      onBody: (piece) => {
        if (body?.push(piece) === false) this.#socket.pause();
      },
      onEnd: () => void body?.push(null),
    });
    const abort = () => this.destroy(asError(signal?.reason));
    signal?.addEventListener("abort", abort, { once: true });
    this.#exchange = {
      answer,
      fail: (error) => {
        const isStale = isReused && answer.isUnbegun && isReset(error) && signal?.aborted !== true;
        reject(isStale ? new StaleConnection(error) : error);
        body?.destroy(error);
      },
      leave: () => signal?.removeEventListener("abort", abort),
    };
    this.#socket.ref();
    const send = () => this.#send(bytes);
    if (this.#isConnected) send();
    else this.#whenConnected = send;
    return promise;
  }

  /** Closes the connection at once; an exchange under way fails with `error`. */
  destroy(error: Error = closed()): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.destroy();
    this.ports.onClosed(this);
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.leave();
    exchange?.fail(error);
  }

  #connected(): void {
    this.#isConnected = true;
    this.#socket.setNoDelay(true);
    this.#socket.setKeepAlive(true, KEEP_ALIVE_MS);
    this.#whenConnected?.();
  }

  #send(bytes: Uint8Array): void {
    this.#socket.write(bytes, (error) => {
      if (!error) this.ports.meter?.sent(bytes.byteLength);
    });
  }

  #take(bytes: Uint8Array): void {
    const { answer } = this.#exchange ?? {};
    if (answer === undefined) {
      this.destroy();
      return;
    }
    this.ports.meter?.received(bytes.byteLength);
    try {
      answer.take(bytes);
      if (answer.isOver) this.#finish(answer.isKept);
    } catch (error) {
      this.destroy(asError(error));
    }
  }

  #ended(): void {
    const { answer } = this.#exchange ?? {};
    answer?.close();
    if (answer?.isOver) this.#finish(false);
    else this.destroy();
  }

  #finish(isKept: boolean): void {
    // Its reader may have given up at the sight of the last piece.
    if (this.#isClosed) return;
    this.#exchange?.leave();
    this.#exchange = undefined;
    if (!isKept) {
      this.destroy();
      return;
    }
    // So that the end of the connection is noticed; nobody waits for it.
    this.#socket.resume();
    this.#socket.unref();
    this.ports.onFree(this);
  }

  #bodyOf(answer: HttpAnswer): Readable {
    const isUnderWay = () => this.#exchange?.answer === answer;
    const body = new Readable({
      read: () => {
        if (isUnderWay()) this.#socket.resume();
      },
      destroy: (error, done) => {
        if (isUnderWay()) this.destroy(error ?? closed());
        done(error);
      },
    });
    // What goes wrong with the body concerns its reader, who may not be listening yet.
    return body.on("error", () => undefined);
  }
}

/** As the kernel says it of a connection that the other side has closed. */
function closed(): Error {
  return Object.assign(new Error("connection closed"), { code: "ECONNRESET" });
}

function isReset(error: Error): boolean {
  return "code" in error && (error.code === "ECONNRESET" || error.code === "EPIPE");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error("aborted", { cause: reason });
}
