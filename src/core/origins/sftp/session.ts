/**
 * The operations of SFTP that a reader needs, on one channel. Paths are byte strings as the server
 * knows them; it knows nothing of roots and versions.
 */

import { SFTP_MAX_READ_BYTES, SFTP_MIN_READ_BYTES, SFTP_WINDOW_BYTES } from "../../limits.ts";
import { cancelled } from "../abort.ts";
import { ByteWindow } from "./byte_window.ts";
import { hasStatus, type SftpFault, StatusError } from "./errors.ts";
import { Exchange, type ExchangeOptions } from "./exchange.ts";
import {
  type Attributes,
  type NamedAttributes,
  openPacket,
  ProtocolViolation,
  Reply,
  Request,
  type RequestType,
  readPacket,
  Status,
  stringPacket,
} from "./packet.ts";

export type Handle = Uint8Array;

/** What a READ's caller may have a say in. */
export interface ReadCaller {
  readonly signal?: AbortSignal | undefined;
  /** Told whenever some of its bytes have come. */
  readonly onProgress?: (() => void) | undefined;
}

/** OpenSSH's PROTOCOL, 4.8: what the server can take, 0 where it names no limit. */
const LIMITS_EXTENSION = "limits@openssh.com";

export class SftpSession {
  readonly #exchange: Exchange;
  readonly #window = new ByteWindow(SFTP_WINDOW_BYTES);
  #maxReadBytes = SFTP_MIN_READ_BYTES;
  #maxHandles = Number.POSITIVE_INFINITY;

  constructor(options: ExchangeOptions) {
    this.#exchange = new Exchange(options);
  }

  /** The largest READ worth sending. */
  get maxReadBytes(): number {
    return this.#maxReadBytes;
  }

  /** How many handles the server lets us hold; infinite where it does not say. */
  get maxHandles(): number {
    return this.#maxHandles;
  }

  /** Requests the server owes a reply. */
  get outstanding(): number {
    return this.#exchange.outstanding;
  }

  /** Bytes asked for that have not arrived. */
  get outstandingBytes(): number {
    return this.#window.usedBytes;
  }

  /** How long the server has been silent although it owes replies; 0 when it owes none. */
  get quietMs(): number {
    return this.#exchange.quietMs;
  }

  /** Agrees on the version and learns the server's limits. Called once, first. */
  async start(): Promise<void> {
    const extensions = await this.#exchange.start();
    if (extensions.get(LIMITS_EXTENSION) !== "1") return;
    try {
      const limits = await this.#limits();
      if (limits.readBytes > 0) {
        this.#maxReadBytes = Math.min(limits.readBytes, SFTP_MAX_READ_BYTES);
      }
      if (limits.handles > 0) this.#maxHandles = limits.handles;
    } catch (error) {
      // A server that announces its limits and then refuses to tell them still reads files.
      if (!(error instanceof StatusError)) throw error;
    }
  }

  stat(path: string, signal?: AbortSignal): Promise<Attributes> {
    return this.#attributes(Request.stat, path, signal);
  }

  /** Sent after every READ that was asked for before it. */
  fstat(handle: Handle, signal?: AbortSignal): Promise<Attributes> {
    return this.#inWindow(0, signal, () => this.#attributes(Request.fstat, handle, signal));
  }

  realpath(path: string, signal?: AbortSignal): Promise<string> {
    return this.#exchange.call({
      expects: Reply.name,
      packet: (id) => stringPacket(Request.realpath, id, path),
      decode: (reply) => {
        const [first, ...more] = reply.names();
        if (first === undefined || more.length > 0) {
          throw new ProtocolViolation("REALPATH is answered with other than one name");
        }
        return first.name as string;
      },
      signal,
    });
  }

  open(path: string, signal?: AbortSignal): Promise<Handle> {
    return this.#openHandle((id) => openPacket(id, path), signal);
  }

  opendir(path: string, signal?: AbortSignal): Promise<Handle> {
    return this.#openHandle((id) => stringPacket(Request.opendir, id, path), signal);
  }

  /** The next names of a directory; undefined after the last. */
  async readdir(
    handle: Handle,
    signal?: AbortSignal,
  ): Promise<readonly NamedAttributes[] | undefined> {
    try {
      return await this.#exchange.call({
        expects: Reply.name,
        packet: (id) => stringPacket(Request.readdir, id, handle),
        decode: (reply) => reply.names(),
        signal,
      });
    } catch (error) {
      if (hasStatus(error, Status.eof)) return undefined;
      throw error;
    }
  }

  /**
   * One READ of at most {@link maxReadBytes} into `into`; answers the bytes that came, 0 at the end
   * of the file. Sent when the bytes under way leave room for it. `into` is not touched after the
   * promise is settled.
   */
  read(
    handle: Handle,
    offsetBytes: number,
    into: Uint8Array,
    { signal, onProgress }: ReadCaller = {},
  ): Promise<number> {
    const askedBytes = into.byteLength;
    return this.#inWindow(askedBytes, signal, (release) =>
      this.#exchange.read({
        packet: (id) => readPacket(id, handle, offsetBytes, askedBytes),
        into,
        signal,
        release,
        onProgress,
      }),
    );
  }

  /** Lets the server forget a handle. Nobody waits for its answer. */
  close(handle: Handle): void {
    this.#exchange.tell(Reply.status, (id) => stringPacket(Request.close, id, handle));
  }

  /** Bytes from the server. */
  receive(chunk: Uint8Array): void {
    this.#exchange.receive(chunk);
  }

  /** Ends the session: everything under way and to come rejects with the first fault. */
  fail(fault: SftpFault): void {
    this.#exchange.fail(fault);
  }

  #limits(): Promise<{ readonly readBytes: number; readonly handles: number }> {
    return this.#exchange.call({
      expects: Reply.extended,
      packet: (id) => stringPacket(Request.extended, id, LIMITS_EXTENSION),
      decode: (reply) => {
        // max-packet-length, max-read-length, max-write-length, max-open-handles
        reply.u64();
        const readBytes = reply.u64();
        reply.u64();
        return { readBytes, handles: reply.u64() };
      },
    });
  }

  #attributes(
    type: RequestType,
    target: string | Handle,
    signal: AbortSignal | undefined,
  ): Promise<Attributes> {
    return this.#exchange.call({
      expects: Reply.attrs,
      packet: (id) => stringPacket(type, id, target),
      decode: (reply) => reply.attributes(),
      signal,
    });
  }

  #openHandle(packet: (id: number) => Buffer, signal: AbortSignal | undefined): Promise<Handle> {
    return this.#exchange.call<Handle>({
      expects: Reply.handle,
      packet,
      decode: (reply) => reply.bytes(),
      signal,
      late: (handle) => this.close(handle),
    });
  }

  /** Runs `start` when `bytes` fit the window; they are given back when it calls `release`. */
  #inWindow<T>(
    bytes: number,
    signal: AbortSignal | undefined,
    start: (release: () => void) => Promise<T>,
  ): Promise<T> {
    if (signal?.aborted) return Promise.reject(cancelled(signal));
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const leave = () => {
      place[Symbol.dispose]();
      if (signal !== undefined) reject(cancelled(signal));
    };
    signal?.addEventListener("abort", leave, { once: true });
    const place = this.#window.enter(bytes, () => {
      signal?.removeEventListener("abort", leave);
      start(() => this.#window.release(bytes)).then(resolve, reject);
    });
    return promise;
  }
}
