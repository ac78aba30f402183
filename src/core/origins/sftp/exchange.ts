/**
 * Requests and their replies on one SFTP channel: requests go out as they come, replies are matched
 * by id in whatever order they arrive.
 *
 * Invariants: a request whose caller aborted stays known until its reply came and was thrown away,
 * so no late byte reaches a caller's memory and no id is used twice; after the first fault
 * everything rejects with that fault and nothing is written any more.
 */

import type { Clock } from "../../clock.ts";
import { SFTP_MAX_ABANDONED_REQUESTS } from "../../limits.ts";
import { cancelled } from "../abort.ts";
import { ignoreLateFailure, SftpFault, StatusError, shownServerText } from "./errors.ts";
import {
  initPacket,
  PacketReader,
  ProtocolViolation,
  Reply,
  type ReplyType,
  SFTP_VERSION,
  Status,
} from "./packet.ts";
import { ReplyStream } from "./reply_stream.ts";

export interface ExchangeOptions {
  readonly clock: Clock;
  /** Sends bytes to the server; never called after a fault. */
  readonly write: (bytes: Buffer) => void;
  /** Called once, when the session is lost; whoever owns the connection drops it. */
  readonly onFault: (fault: SftpFault) => void;
  /** No byte for this long while requests wait is a fault (`timeout`). */
  readonly stallMs: number;
}

/** A request to make. Rejects with `StatusError`, the exchange's fault, or `cancelled`. */
export interface Call<T> {
  /** The only type that may answer it, besides STATUS. */
  readonly expects: ReplyType;
  readonly packet: (id: number) => Buffer;
  readonly decode: (reply: PacketReader) => T;
  readonly signal?: AbortSignal | undefined;
  /** What to do with the answer when the caller has gone meanwhile. */
  readonly late?: (answer: T) => void;
}

/** A READ to make. */
export interface ReadCall {
  readonly packet: (id: number) => Buffer;
  /** Where its bytes go, as many as fit; not touched once the promise is settled. */
  readonly into: Uint8Array;
  readonly signal: AbortSignal | undefined;
  /** Called when the bytes are off the wire, which after an abort is later than the answer. */
  readonly release: () => void;
  /** Called whenever some of them have come. */
  readonly onProgress: (() => void) | undefined;
}

interface Pending {
  readonly expects: ReplyType;
  readonly settle: (reply: PacketReader) => void;
  readonly reject: (error: Error) => void;
  /** Of a READ: where its bytes go, and what is called once they are there. */
  readonly data?: {
    readonly into: Uint8Array;
    readonly done: (lengthBytes: number) => void;
    readonly onProgress: (() => void) | undefined;
  };
  abandoned: boolean;
  answered: boolean;
}

/** Names and values of the extensions a server announces. */
export type Extensions = ReadonlyMap<string, string>;

export class Exchange {
  readonly #options: ExchangeOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #stream: ReplyStream;
  readonly #greeting = Promise.withResolvers<Extensions>();
  /** Whether anything came from the server yet. */
  #heard = false;
  #greeted = false;
  #nextId = 0;
  #abandoned = 0;
  #activityMs: number;
  #watchdog: Disposable | undefined;
  #fault: SftpFault | undefined;
  /** Of the DATA being received. */
  #receiving: { readonly id: number; readonly request: Pending; filledBytes: number } | undefined;

  constructor(options: ExchangeOptions) {
    this.#options = options;
    this.#activityMs = options.clock.monotonicMs();
    this.#stream = new ReplyStream({
      reply: (packet) => this.#reply(packet),
      dataStart: (id, lengthBytes) => this.#dataStart(id, lengthBytes),
      dataChunk: (bytes) => this.#dataChunk(bytes),
      dataEnd: () => this.#dataEnd(),
    });
  }

  /** Requests the server owes a reply. */
  get outstanding(): number {
    return this.#pending.size;
  }

  /** How long the server has been silent although it owes replies; 0 when it owes none. */
  get quietMs(): number {
    return this.#pending.size === 0 ? 0 : this.#options.clock.monotonicMs() - this.#activityMs;
  }

  get fault(): SftpFault | undefined {
    return this.#fault;
  }

  /** Agrees on the version. Called once, first. */
  start(): Promise<Extensions> {
    if (this.#fault === undefined) this.#options.write(initPacket());
    return this.#greeting.promise;
  }

  call<T>(call: Call<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const request: Pending = {
      expects: call.expects,
      settle: (reply) => {
        const answer = call.decode(reply);
        if (request.abandoned) call.late?.(answer);
        else resolve(answer);
      },
      reject,
      abandoned: false,
      answered: false,
    };
    this.#make(request, call.packet, call.signal, promise);
    return promise;
  }

  /** Answers how many bytes came, 0 at the end of the file. */
  read({ packet, into, signal, release, onProgress }: ReadCall): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const request: Pending = {
      expects: Reply.data,
      settle: () => undefined,
      reject: (error) => {
        release();
        if (error instanceof StatusError && error.status === Status.eof) resolve(0);
        else reject(error);
      },
      data: {
        into,
        onProgress,
        done: (lengthBytes) => {
          release();
          resolve(lengthBytes);
        },
      },
      abandoned: false,
      answered: false,
    };
    this.#make(request, packet, signal, promise, reject);
    return promise;
  }

  /** A request whose answer nobody waits for. */
  tell(expects: ReplyType, packet: (id: number) => Buffer): void {
    if (this.#fault !== undefined) return;
    const request = {
      expects,
      settle: ignoreLateFailure,
      reject: ignoreLateFailure,
      abandoned: false,
      answered: false,
    };
    this.#send(request, packet);
    this.#abandon(request);
  }

  /** Bytes from the server. */
  receive(chunk: Uint8Array): void {
    if (this.#fault !== undefined) return;
    this.#activityMs = this.#options.clock.monotonicMs();
    if (!this.#heard && chunk[0] !== 0) {
      this.fail(shellNoise(chunk));
      return;
    }
    this.#heard = true;
    try {
      this.#stream.push(chunk);
    } catch (error) {
      if (!(error instanceof ProtocolViolation)) throw error;
      const message = `the server breaks the SFTP protocol: ${error.message}`;
      this.fail(new SftpFault("protocol", message, { cause: error }));
    }
  }

  /** Ends the exchange: everything under way and to come rejects with the first fault. */
  fail(fault: SftpFault): void {
    if (this.#fault !== undefined) return;
    this.#fault = fault;
    this.#watchdog?.[Symbol.dispose]();
    this.#greeting.promise.catch(ignoreLateFailure);
    this.#greeting.reject(fault);
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#receiving = undefined;
    for (const request of pending) {
      request.answered = true;
      request.reject(fault);
    }
    this.#options.onFault(fault);
  }

  #make(
    request: Pending,
    packet: (id: number) => Buffer,
    signal: AbortSignal | undefined,
    settled: Promise<unknown>,
    rejectCaller: (error: Error) => void = request.reject,
  ): void {
    if (this.#fault !== undefined) request.reject(this.#fault);
    else if (signal?.aborted) request.reject(cancelled(signal));
    else {
      this.#send(request, packet);
      if (signal === undefined) return;
      const abort = () => {
        rejectCaller(cancelled(signal));
        this.#abandon(request);
      };
      signal.addEventListener("abort", abort, { once: true });
      const forget = () => signal.removeEventListener("abort", abort);
      settled.then(forget, forget);
    }
  }

  #send(request: Pending, packet: (id: number) => Buffer): void {
    if (this.#pending.size === 0) this.#activityMs = this.#options.clock.monotonicMs();
    const id = this.#nextId;
    this.#nextId = (id + 1) >>> 0;
    this.#pending.set(id, request);
    this.#watchdog ??= this.#watch(this.#options.stallMs);
    this.#options.write(packet(id));
  }

  #watch(delayMs: number): Disposable {
    return this.#options.clock.schedule(delayMs, () => {
      this.#watchdog = undefined;
      if (this.#pending.size === 0) return;
      const leftMs = this.#options.stallMs - this.quietMs;
      if (leftMs > 0) this.#watchdog = this.#watch(leftMs);
      else {
        const seconds = Math.round(this.#options.stallMs / 1000);
        this.fail(new SftpFault("timeout", `the server has not answered for ${seconds} s`));
      }
    });
  }

  #abandon(request: Pending): void {
    if (request.abandoned || request.answered) return;
    request.abandoned = true;
    this.#abandoned++;
    if (this.#abandoned > SFTP_MAX_ABANDONED_REQUESTS) {
      this.fail(new SftpFault("protocol", "the server leaves too many requests unanswered"));
    }
  }

  #expected(id: number): Pending {
    const request = this.#pending.get(id);
    if (request !== undefined) return request;
    throw new ProtocolViolation(`a reply to request ${id} arrived, which was not made`);
  }

  #done(id: number, request: Pending): void {
    this.#pending.delete(id);
    request.answered = true;
    if (request.abandoned) this.#abandoned--;
  }

  #reply(packet: Buffer): void {
    const reply = new PacketReader(packet);
    if (!this.#greeted) {
      this.#greet(reply);
      return;
    }
    const id = reply.u32();
    const request = this.#expected(id);
    if (reply.type === Reply.status) this.#status(request, reply);
    else if (reply.type === request.expects) request.settle(reply);
    else {
      throw new ProtocolViolation(
        `type ${reply.type} answers a request that wants type ${request.expects}`,
      );
    }
    this.#done(id, request);
  }

  #status(request: Pending, reply: PacketReader): void {
    const status = reply.u32();
    if (status !== Status.ok) {
      // Old servers leave the text out.
      const text = reply.leftBytes > 0 ? reply.byteString() : "";
      request.reject(new StatusError(status, Buffer.from(text, "latin1").toString("utf8")));
    } else if (request.expects !== Reply.status) {
      throw new ProtocolViolation("OK answers a request that wants data");
    }
  }

  #greet(reply: PacketReader): void {
    if (reply.type !== Reply.version) {
      throw new ProtocolViolation(`it begins with type ${reply.type} in place of its version`);
    }
    const version = reply.u32();
    if (version !== SFTP_VERSION) {
      throw new ProtocolViolation(`it speaks version ${version}, only ${SFTP_VERSION} is known`);
    }
    const extensions = new Map<string, string>();
    while (reply.leftBytes > 0) extensions.set(reply.byteString(), reply.byteString());
    this.#greeted = true;
    this.#greeting.resolve(extensions);
  }

  #dataStart(id: number, lengthBytes: number): void {
    const request = this.#expected(id);
    if (request.data === undefined) {
      throw new ProtocolViolation("DATA answers a request that is no READ");
    }
    const askedBytes = request.data.into.byteLength;
    if (lengthBytes > askedBytes) {
      throw new ProtocolViolation(
        `${lengthBytes} bytes arrived where ${askedBytes} were asked for`,
      );
    }
    this.#receiving = { id, request, filledBytes: 0 };
  }

  #dataChunk(bytes: Uint8Array): void {
    const now = this.#receiving;
    if (now === undefined) return;
    const { abandoned, data } = now.request;
    if (!abandoned) data?.into.set(bytes, now.filledBytes);
    now.filledBytes += bytes.byteLength;
    if (!abandoned) data?.onProgress?.();
  }

  #dataEnd(): void {
    const now = this.#receiving;
    this.#receiving = undefined;
    if (now === undefined) return;
    this.#done(now.id, now.request);
    now.request.data?.done(now.filledBytes);
  }
}

/** A packet begins with a zero byte (it is shorter than 16 MiB); what does not is a shell's text. */
function shellNoise(chunk: Uint8Array): SftpFault {
  const text = shownServerText(Buffer.from(chunk.subarray(0, 80)).toString("utf8"));
  return new SftpFault(
    "misconfigured",
    `the server prints text where SFTP should begin (${text}): ` +
      "silence what its login shell's start-up files print to sessions without a terminal",
  );
}
