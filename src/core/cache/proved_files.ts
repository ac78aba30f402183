/**
 * Which cached files are proved as a whole, for the kernel to read by itself: those that somebody
 * listened to, one after the other, in the background, a while after they are closed. So a scanner that
 * looks at headers causes no reading, and the bytes are mostly in the kernel's memory still.
 */

import { type Clock, sleep } from "../clock.ts";
import { messageOf, OwnError } from "../errors.ts";
import { CACHE_PROOF_DELAY_MS, CACHE_PROOF_MS, CACHE_PROOFS } from "../limits.ts";
import type { BackingContent, BackingContents, Proof } from "./backing_contents.ts";
import type { CacheableFile } from "./block_cache.ts";

/** How long a data file must be left alone before a change of it is sure to show. */
const SETTLED_MS = 500;

export interface ProvedFilesPorts {
  readonly clock: Clock;
  readonly contents: BackingContents;
  /** The catalog cannot be read, or there is a bug. */
  readonly onFault: (message: string) => void;
}

interface Waiting {
  readonly file: CacheableFile;
  /** Monotonic. */
  readonly dueMs: number;
}

interface Known extends Proof {
  /** Monotonic. */
  readonly provedMs: number;
}

export class ProvedFiles {
  /** By version, the longest unused first. */
  readonly #proofs = new Map<number, Known>();
  /** Versions that are open and were listened to. */
  readonly #listened = new Set<number>();
  /** By version, in the order in which they are due. */
  readonly #waiting = new Map<number, Waiting>();
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;

  constructor(readonly ports: ProvedFilesPorts) {}

  /** A good part of the version was read. */
  listenedTo(version: number): void {
    if (!this.#closing.signal.aborted && !this.has(version)) this.#listened.add(version);
  }

  /** The file is closed, at least by one of those who had it open. */
  closed(file: CacheableFile): void {
    const { version } = file;
    if (!this.#listened.delete(version) || this.#waiting.has(version)) return;
    if (this.#waiting.size >= CACHE_PROOFS) return;
    const dueMs = this.ports.clock.monotonicMs() + CACHE_PROOF_DELAY_MS;
    this.#waiting.set(version, { file, dueMs });
    this.#running ??= this.#proveAll();
  }

  /** Whether there is a proof of the version, which may not hold any more. */
  has(version: number): boolean {
    const known = this.#proofs.get(version);
    if (known === undefined) return false;
    if (this.ports.clock.monotonicMs() - known.provedMs < CACHE_PROOF_MS) return true;
    this.#proofs.delete(version);
    return false;
  }

  /** The file's content, if it is proved and was not written to since. Rejects as `openProved`. */
  async open(file: CacheableFile): Promise<BackingContent | undefined> {
    const { version } = file;
    const proof = this.#proofs.get(version);
    if (proof === undefined || !this.has(version)) return undefined;
    this.#proofs.delete(version);
    const content = await this.ports.contents.openProved(file, proof);
    if (content !== undefined) this.#remember(version, proof);
    return content;
  }

  /** Proves nothing any more, and gives up what is under way. */
  close(): void {
    this.#closing.abort("the mount ends");
    this.#listened.clear();
    this.#waiting.clear();
  }

  /** Resolves when nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#running;
  }

  async #proveAll(): Promise<void> {
    const { clock, onFault } = this.ports;
    const { signal } = this.#closing;
    for (const [version, { file, dueMs }] of this.#waiting) {
      try {
        await sleep(clock, Math.max(0, dueMs - clock.monotonicMs()), signal);
        this.#waiting.delete(version);
        if (!this.has(version)) await this.#prove(file);
      } catch (error) {
        this.#waiting.delete(version);
        if (!(error instanceof OwnError && error.code === "cancelled")) {
          onFault(`proving a cached file: ${messageOf(error)}`);
        }
      }
    }
    this.#running = undefined;
  }

  async #prove(file: CacheableFile): Promise<void> {
    const { clock, contents } = this.ports;
    const settledMs = clock.wallMs() - SETTLED_MS;
    const pause = async () => {
      await sleep(clock, 0);
      return !this.#closing.signal.aborted;
    };
    const proof = await contents.prove(file, { pause, settledMs });
    if (proof !== undefined) {
      this.#remember(file.version, { ...proof, provedMs: clock.monotonicMs() });
    }
  }

  #remember(version: number, proof: Known): void {
    this.#proofs.set(version, proof);
    const [oldest] = this.#proofs.keys();
    if (oldest !== undefined && this.#proofs.size > CACHE_PROOFS) this.#proofs.delete(oldest);
  }
}
