/**
 * Files held open on one connection, by path and version, so that a player's many reads cost one
 * OPEN. Those in use are never closed; idle ones are closed after a while, the least recently used
 * first where room is needed.
 */

import type { Clock } from "../../clock.ts";
import { SFTP_FILE_IDLE_MS, SFTP_OPEN_FILES } from "../../limits.ts";
import { untilAborted } from "../abort.ts";
import { ignoreLateFailure } from "./errors.ts";
import type { Handle, SftpSession } from "./session.ts";

export interface OpenedFile {
  readonly handle: Handle;
}

interface Held {
  readonly opening: Promise<OpenedFile>;
  readonly key: string;
  users: number;
  /** Not to be found any more; closed when its last user leaves. */
  retired: boolean;
  idle: Disposable | undefined;
}

export class OpenFiles implements Disposable {
  readonly #session: Pick<SftpSession, "close" | "maxHandles">;
  readonly #clock: Clock;
  /** Insertion order is order of use: the first is the least recently used. */
  readonly #held = new Map<string, Held>();
  #disposed = false;

  constructor(session: Pick<SftpSession, "close" | "maxHandles">, clock: Clock) {
    this.#session = session;
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  has(key: string): boolean {
    return this.#held.has(key);
  }

  /**
   * Runs `task` with the file open under `key`, opened by `open` unless it is already; several
   * callers share one opening. `task` learns whether the handle was there before. When it fails,
   * the handle is not used again.
   */
  async use<T>(
    key: string,
    open: () => Promise<OpenedFile>,
    task: (file: OpenedFile, reused: boolean) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const found = this.#held.get(key);
    const held = found ?? { opening: open(), key, users: 0, retired: false, idle: undefined };
    if (found === undefined) held.opening.catch(ignoreLateFailure);
    this.#held.delete(key);
    this.#held.set(key, held);
    held.users++;
    held.idle?.[Symbol.dispose]();
    this.#makeRoom();
    try {
      return await task(await untilAborted(held.opening, signal), found !== undefined);
    } catch (error) {
      // An abort says nothing about the handle.
      if (signal?.aborted !== true) this.#retire(held);
      throw error;
    } finally {
      held.users--;
      this.#leave(held);
    }
  }

  /** Forgets everything; the handles end with their connection. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const held of this.#held.values()) held.idle?.[Symbol.dispose]();
    this.#held.clear();
  }

  #leave(held: Held): void {
    if (held.users > 0 || this.#disposed) return;
    if (held.retired) this.#close(held);
    else {
      held.idle = this.#clock.schedule(SFTP_FILE_IDLE_MS, () => {
        this.#retire(held);
        this.#close(held);
      });
    }
  }

  #retire(held: Held): void {
    held.retired = true;
    if (this.#held.get(held.key) === held) this.#held.delete(held.key);
  }

  #makeRoom(): void {
    const room = Math.max(1, Math.min(SFTP_OPEN_FILES, Math.floor(this.#session.maxHandles / 2)));
    for (const held of this.#held.values()) {
      if (this.#held.size <= room) return;
      if (held.users > 0) continue;
      held.idle?.[Symbol.dispose]();
      this.#retire(held);
      this.#close(held);
    }
  }

  #close(held: Held): void {
    held.opening.then(({ handle }) => this.#session.close(handle), ignoreLateFailure);
  }
}
