/**
 * One request and the reply to it, as handlers see them. A session has one and reuses it; all that
 * it gives out is valid until the handler returns.
 *
 * Handlers may read a body's members without looking at its length: the dispatcher has compared it
 * with the smallest of the opcode table.
 */

import { EIO } from "../sys/errno.ts";
import type { Memory } from "../sys/memory.ts";
import { DirentSink } from "./dirents.ts";
import type {
  Attributes,
  FileSystem,
  NodeEntry,
  OpenedFile,
  RequestContext,
  Result,
  StatFs,
} from "./filesystem.ts";
import { IN_HEADER } from "./layout.ts";
import type { Negotiated, Wishes } from "./negotiate.ts";
import { REPLY_BODY } from "./reply.ts";
import { getName, getU64, getXattrName, TOO_LARGE } from "./wire.ts";

/** Where the body of a request starts. */
export const REQUEST_BODY = IN_HEADER.sizeBytes;

const NO_BYTES = new Uint8Array(0);

export class Exchange implements RequestContext {
  unique = 0;
  nodeid = 0;
  uid = 0;
  gid = 0;
  pid = 0;
  /** What INIT settled; undefined before. */
  negotiated: Negotiated | undefined;
  /** Bytes of the request behind its header. */
  bodyBytes = 0;

  readonly attributes: Attributes = emptyAttributes();
  readonly entry: NodeEntry = { nodeid: 0, validMs: 0, attributes: this.attributes };
  readonly opened: OpenedFile = { fh: 0, flags: 0, backingId: 0 };
  readonly statfs: StatFs = {
    blockSizeBytes: 0,
    blocks: 0,
    freeBlocks: 0,
    files: 0,
    freeFiles: 0,
    nameMaxBytes: 0,
  };
  readonly sink: DirentSink;

  /** The request's bytes are `bytes` up to `#lengthBytes`; the rest is of earlier requests. */
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer);
  #lengthBytes = 0;

  constructor(
    readonly fileSystem: FileSystem,
    readonly wishes: Wishes,
    readonly reply: Memory,
    readonly onError: (error: unknown, request: Uint8Array) => void,
  ) {
    this.sink = new DirentSink(reply, REPLY_BODY, this.entry);
  }

  /** Reads the header of the request in the first `lengthBytes` of `bytes`. */
  begin(bytes: Uint8Array, lengthBytes: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#lengthBytes = lengthBytes;
    this.bodyBytes = lengthBytes - REQUEST_BODY;
    const { at } = IN_HEADER;
    const view = this.#view;
    this.unique = getU64(view, at.unique);
    this.nodeid = getU64(view, at.nodeid);
    this.uid = view.getUint32(at.uid, true);
    this.gid = view.getUint32(at.gid, true);
    this.pid = view.getUint32(at.pid, true);
    this.entry.nodeid = 0;
    this.entry.validMs = 0;
    this.attributes.validMs = 0;
    this.opened.fh = 0;
    this.opened.flags = 0;
    this.opened.backingId = 0;
  }

  /** Nodeid and unique are numbers that we can have given out. */
  get isAddressable(): boolean {
    return this.unique !== TOO_LARGE && this.nodeid !== TOO_LARGE;
  }

  /** A view, made only when it is asked for. */
  get request(): Uint8Array {
    return this.#bytes.subarray(0, this.#lengthBytes);
  }

  /** The view of the request; its body starts at {@link REQUEST_BODY}. */
  get view(): DataView {
    return this.#view;
  }

  u32(bodyOffset: number): number {
    return this.#view.getUint32(REQUEST_BODY + bodyOffset, true);
  }

  /** {@link TOO_LARGE}, which is negative, for what is above 2^53 - 1. */
  u64(bodyOffset: number): number {
    return getU64(this.#view, REQUEST_BODY + bodyOffset);
  }

  bigU64(bodyOffset: number): bigint {
    return this.#view.getBigUint64(REQUEST_BODY + bodyOffset, true);
  }

  /** The file name that starts at `bodyOffset`, or a negative errno. */
  name(bodyOffset: number): Uint8Array | number {
    return getName(this.#bytes, REQUEST_BODY + bodyOffset, this.#lengthBytes);
  }

  xattrName(bodyOffset: number): Uint8Array | number {
    return getXattrName(this.#bytes, REQUEST_BODY + bodyOffset, this.#lengthBytes);
  }

  /** Bytes that fit into the reply behind its header. */
  get replyCapacityBytes(): number {
    return this.reply.sizeBytes - REPLY_BODY;
  }

  /** Reports a fault of the file system, or of ours, and answers the request with EIO. */
  fault(error: unknown): Result {
    this.onError(error, this.request);
    return -EIO;
  }
}

function emptyAttributes(): Attributes {
  return {
    inode: 0,
    sizeBytes: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    mode: 0,
    nlink: 0,
    uid: 0,
    gid: 0,
    validMs: 0,
  };
}
