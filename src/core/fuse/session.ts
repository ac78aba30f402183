/**
 * Request bytes in, reply bytes out, and a FileSystem in between. A session knows no descriptor:
 * whoever owns it reads requests from the device and writes replies to it.
 *
 * Invariants:
 * - {@link Session.handle} never throws, whatever the bytes say and whatever the file system does.
 * - Every request is answered once, dropped because the kernel expects no reply, or DEFERRED.
 * - No length or number of a request is used before it is checked against the bytes at hand.
 *
 * One session per thread. The first sees INIT; others of the same mount start with what the first
 * one {@link Session.negotiated} and handle copies of requests which that one deferred.
 */

import { OwnError } from "../errors.ts";
import { MAX_READ_BYTES } from "../limits.ts";
import { EINVAL, EIO, ENOSYS } from "../sys/errno.ts";
import { Memory } from "../sys/memory.ts";
import { Exchange, REQUEST_BODY } from "./exchange.ts";
import { DEFERRED, type FileSystem, type Result } from "./filesystem.ts";
import { IN_HEADER, OUT_HEADER } from "./layout.ts";
import type { Negotiated, Wishes } from "./negotiate.ts";
import { INIT_OPCODE, type Opcode, opcodeOf } from "./opcodes.ts";
import { finishError, finishHeader, REPLY_BODY } from "./reply.ts";
import type { RequestCounts } from "./request_counts.ts";

export type { Negotiated } from "./negotiate.ts";

/** What {@link Session.handle} answers when nothing is to be written. */
export const NO_REPLY = 0;

/** Size of a memory for the longest reply. */
export const REPLY_BYTES = REPLY_BODY + MAX_READ_BYTES;

/**
 * Size of the buffer that requests are read into: the kernel asks for 8 KiB at least, and packs as
 * many forgotten nodes into one BATCH_FORGET as fit.
 */
export const REQUEST_BYTES = 64 * 1024;

/** The largest errno (the kernel's MAX_ERRNO). */
const ERRNO_MAX = 4095;

export interface SessionOptions extends Wishes {
  /** What an earlier session of the mount settled with the kernel; without it, INIT comes first. */
  readonly negotiated?: Negotiated;
  /** Where requests are counted; by default nowhere. */
  readonly counts?: RequestCounts;
  /** Replies are written here; default: a new memory of {@link REPLY_BYTES}. */
  readonly reply?: Memory;
  /**
   * Told of what a file system throws or answers against its contract (the request got EIO), and of
   * a kernel that is too old (`unsupported`; the mount cannot be used). `request` is valid until
   * it returns. It must not throw. Default: ignored.
   */
  readonly onError?: (error: unknown, request: Uint8Array) => void;
}

export class Session {
  readonly reply: Memory;
  readonly #exchange: Exchange;
  readonly #counts: RequestCounts | undefined;

  constructor(fileSystem: FileSystem, options: SessionOptions) {
    this.reply = options.reply ?? new Memory(REPLY_BYTES);
    const ignore = () => undefined;
    this.#exchange = new Exchange(fileSystem, options, this.reply, options.onError ?? ignore);
    this.#exchange.negotiated = options.negotiated;
    this.#counts = options.counts;
  }

  /** What INIT settled; undefined before it. */
  get negotiated(): Negotiated | undefined {
    return this.#exchange.negotiated;
  }

  /**
   * Handles the request in the first `lengthBytes` of `request`. Answers the length of the reply
   * that stands in {@link reply} until the next call; {@link NO_REPLY}; or DEFERRED: the file system
   * has taken it over. `request` may be the same buffer each time.
   */
  handle(request: Uint8Array, lengthBytes = request.byteLength): number {
    if (lengthBytes < REQUEST_BODY || lengthBytes > request.byteLength) return NO_REPLY;
    const x = this.#exchange;
    x.begin(request, lengthBytes);
    const code = x.view.getUint32(IN_HEADER.at.opcode, true);
    const opcode = opcodeOf(code);
    this.#counts?.add(code);
    const result = this.#dispatch(x, code, opcode, lengthBytes);
    if (opcode?.replies === false) return NO_REPLY;
    if (result === DEFERRED) return DEFERRED;
    this.#echoUnique(x);
    return result >= 0 ? finishHeader(this.reply, result) : finishError(this.reply, result);
  }

  #dispatch(x: Exchange, code: number, opcode: Opcode | undefined, lengthBytes: number): Result {
    if (x.view.getUint32(IN_HEADER.at.len, true) !== lengthBytes) return -EIO;
    if (!x.isAddressable) return -EINVAL;
    if (opcode === undefined) return -ENOSYS;
    if (x.negotiated === undefined && code !== INIT_OPCODE) return -EIO;
    if (x.bodyBytes < opcode.body.sizeBytes) return -EINVAL;
    try {
      const result = opcode.handle(x);
      const isInRange = result >= -ERRNO_MAX && result <= x.replyCapacityBytes;
      if ((isInRange && Number.isInteger(result)) || result === DEFERRED) return result;
      return x.fault(new OwnError("internal", `${opcode.name} was answered ${result}`));
    } catch (error) {
      return x.fault(error);
    }
  }

  /** Copied in halves, as it may be no number of ours. */
  #echoUnique(x: Exchange): void {
    const from = IN_HEADER.at.unique;
    const to = OUT_HEADER.at.unique;
    this.reply.view.setUint32(to, x.view.getUint32(from, true), true);
    this.reply.view.setUint32(to + 4, x.view.getUint32(from + 4, true), true);
  }
}
