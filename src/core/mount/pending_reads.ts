/**
 * READs under way on the main thread. Each is answered once: with the bytes, with an errno, or with
 * EINTR when its caller was interrupted a while ago or is gone.
 */

import { existsSync } from "node:fs";
import type { Clock } from "../clock.ts";
import type { ReadFile, ServedRead } from "../federation/file.ts";
import { errorReply, finishReply, REPLY_BODY } from "../fuse/reply.ts";
import { INTERRUPT_PATIENCE_MS } from "../limits.ts";
import { EBADF, EIO } from "../sys/errno.ts";
import type { Memory } from "../sys/memory.ts";
import { toErrno } from "../vfs/errno.ts";
import type { HandleTable } from "../vfs/handles.ts";
import type { SeamPool } from "../vfs/seams.ts";
import type { BoundFile, BoundFiles } from "./bound_files.ts";
import type { KernelReplies } from "./kernel_replies.ts";
import type { ReplyBuffers } from "./reply_buffers.ts";

/** Told of each read and how long it took; `served` is undefined for one that failed. */
export type OnOutcome = (
  file: BoundFile,
  served: ServedRead | undefined,
  durationMs: number,
) => void;

export interface ReadRequest {
  readonly unique: number;
  readonly fh: number;
  readonly offsetBytes: number;
  /** min(what the kernel asked for, what the file has left). */
  readonly lengthBytes: number;
  /** 0: unknown. */
  readonly pid: number;
}

export interface PendingReadsPorts {
  readonly clock: Clock;
  readonly read: ReadFile;
  readonly files: BoundFiles;
  readonly handles: HandleTable;
  readonly seams: SeamPool;
  readonly buffers: ReplyBuffers;
  readonly reply: KernelReplies;
  /** Whether a process still runs; default: /proc. */
  readonly processLives?: (pid: number) => boolean;
  readonly onOutcome?: OnOutcome;
}

interface PendingRead extends ReadRequest {
  readonly abort: AbortController;
  readonly startedMs: number;
}

export class PendingReads {
  readonly #pending = new Map<number, PendingRead>();

  constructor(readonly ports: PendingReadsPorts) {}

  /** Answers one READ; rejects, once it has, where the catalog cannot be read. */
  async start(request: ReadRequest): Promise<void> {
    const { clock, files, buffers } = this.ports;
    const buffer = buffers.take();
    let file: BoundFile | undefined;
    let length: number;
    try {
      file = files.get(request.fh);
    } catch (error) {
      this.#answer(request, buffer, errorReply(buffer, request.unique, -toErrno(error)));
      throw error;
    }
    if (file === undefined) {
      length = errorReply(buffer, request.unique, -EBADF);
    } else {
      const abort = new AbortController();
      const startedMs = clock.monotonicMs();
      this.#pending.set(request.unique, { ...request, abort, startedMs });
      const into = buffer.bytes.subarray(REPLY_BODY, REPLY_BODY + request.lengthBytes);
      let served: ServedRead | undefined;
      try {
        served = await this.ports.read(file, request.offsetBytes, into, abort);
        length = this.#served(request, file, into, served)
          ? finishReply(buffer, request.unique, served.bytesRead)
          : errorReply(buffer, request.unique, -EIO);
      } catch (error) {
        length = errorReply(buffer, request.unique, -toErrno(error));
      } finally {
        this.#pending.delete(request.unique);
      }
      this.ports.onOutcome?.(file, served, clock.monotonicMs() - startedMs);
    }
    this.#answer(request, buffer, length);
  }

  /** The caller got a signal. Programs in Go do all the time, so it counts only after a while. */
  interrupt(unique: number): void {
    const read = this.#pending.get(unique);
    if (read === undefined) return;
    const { clock } = this.ports;
    const waitedMs = clock.monotonicMs() - read.startedMs;
    clock.schedule(Math.max(0, INTERRUPT_PATIENCE_MS - waitedMs), () => {
      if (this.#pending.get(unique) === read) read.abort.abort("interrupted");
    });
  }

  /**
   * A descriptor of the handle was closed: reads whose caller no longer runs are given up. The
   * others are left alone, since a handle may be shared (fork) and closed by one of its owners.
   */
  flush(fh: number): void {
    const concerned = [...this.#pending.values()].filter((read) => read.fh === fh && read.pid > 0);
    if (concerned.length === 0) return;
    const lives = this.ports.processLives ?? ((pid) => existsSync(`/proc/${pid}`));
    this.ports.clock.schedule(INTERRUPT_PATIENCE_MS, () => {
      for (const read of concerned) {
        if (this.#pending.get(read.unique) !== read) continue;
        if (!lives(read.pid)) read.abort.abort("the reader is gone");
      }
    });
  }

  /** Gives up everything under way; each is still answered. */
  close(): void {
    for (const read of this.#pending.values()) read.abort.abort("the mount ends");
  }

  get size(): number {
    return this.#pending.size;
  }

  #answer({ fh, pid }: ReadRequest, buffer: Memory, length: number): void {
    const { handles, buffers, reply } = this.ports;
    if (pid > 0) handles.readEnded(fh);
    reply(buffer, length);
    buffers.give(buffer);
  }

  /** False when the answer must not be given: one short reply shrinks the file for the kernel. */
  #served(request: ReadRequest, file: BoundFile, into: Uint8Array, served: ServedRead): boolean {
    if (served.bytesRead !== request.lengthBytes) return false;
    const { handles, seams } = this.ports;
    if (!served.proved) file.servedUnproved = true;
    else seams.record(handles, request.fh, request.offsetBytes, into);
    return true;
  }
}
