/**
 * An origin that fails on purpose, for tests and the simulator: which calls fail, and how, is
 * decided by rules alone, so a run repeats exactly.
 */

import { type BytePath, displayPath } from "../../bytes.ts";
import { type Clock, sleep } from "../../clock.ts";
import { OriginError, type OriginErrorCode } from "../../errors.ts";
import { cancelled, throwIfAborted } from "../abort.ts";
import type {
  DirEntry,
  FileStat,
  ListingMemo,
  Origin,
  OriginVersion,
  ReadOptions,
  VersionToken,
} from "../origin.ts";
import { type OperationKind, WrappedOrigin } from "./wrapped.ts";

export type Fault =
  | { readonly kind: "error"; readonly code: OriginErrorCode }
  /** Nothing comes back until the signal aborts. */
  | { readonly kind: "hang" }
  /** Answers as always, later. */
  | { readonly kind: "slow"; readonly delayMs: number }
  /** A read answers at most this much, although there is more. */
  | { readonly kind: "short"; readonly lengthBytes: number }
  /** stat and list tell a size that is off by so much. */
  | { readonly kind: "wrong_size"; readonly byBytes: number }
  /** Another file of the same size is in its place: another token, other bytes throughout. */
  | { readonly kind: "replaced" }
  /** One byte of the file differs; its token does too, unless the origin's tokens are weak. */
  | { readonly kind: "edited"; readonly offsetBytes: number }
  /** A listing fails after this many pages. */
  | { readonly kind: "cut_listing"; readonly afterPages: number; readonly code: OriginErrorCode };

export interface FaultRule {
  readonly fault: Fault;
  /** Operations it applies to. Default: all that the fault can concern. */
  readonly on?: readonly OperationKind[];
  /** Paths it applies to. Default: all. */
  readonly at?: (path: BytePath) => boolean;
  /** Matching calls that go well first. Default 0. */
  readonly skip?: number;
  /** Matching calls that fail after those. Default: all. */
  readonly times?: number;
}

interface ActiveRule extends FaultRule {
  seen: number;
}

/** The rules of one origin; tests change them while it runs. */
export class FaultPlan {
  readonly #rules = new Set<ActiveRule>();

  constructor(readonly clock: Clock) {}

  /** The rule holds until it is disposed. */
  add(rule: FaultRule): Disposable {
    const active = { ...rule, seen: 0 };
    this.#rules.add(active);
    return { [Symbol.dispose]: () => void this.#rules.delete(active) };
  }

  clear(): void {
    this.#rules.clear();
  }

  /** The faults that strike this call, in the order of their rules. Counts the call. */
  strike(kind: OperationKind, path: BytePath): Fault[] {
    const faults: Fault[] = [];
    for (const rule of this.#rules) {
      if (rule.on !== undefined && !rule.on.includes(kind)) continue;
      if (rule.at !== undefined && !rule.at(path)) continue;
      const first = rule.skip ?? 0;
      const nth = rule.seen++;
      if (nth >= first && nth < first + (rule.times ?? Number.POSITIVE_INFINITY)) {
        faults.push(rule.fault);
      }
    }
    return faults;
  }
}

export function withFaults(inner: Origin, plan: FaultPlan): Origin {
  return new FaultyOrigin(inner, plan);
}

const REPLACED = "+replaced";
const EDITED = "+edited";

class FaultyOrigin extends WrappedOrigin {
  constructor(
    inner: Origin,
    readonly plan: FaultPlan,
  ) {
    super(inner, async (operation, signal, run) => {
      // Pages, stats and reads are struck where their results are changed, below.
      if (operation.kind === "probe" || operation.kind === "checksum") {
        await this.#obstruct(plan.strike(operation.kind, operation.path), operation.path, signal);
      }
      return run(signal);
    });
  }

  override async *list(
    directory: BytePath,
    signal?: AbortSignal,
    memo?: ListingMemo,
  ): AsyncGenerator<readonly DirEntry[]> {
    const faults = this.plan.strike("list", directory);
    await this.#obstruct(faults, directory, signal);
    const cut = faults.find((fault) => fault.kind === "cut_listing");
    let pages = 0;
    // A mark is of what the origin has, not of what a fault makes of it.
    const honest = faults.length === 0 ? memo : undefined;
    for await (const page of super.list(directory, signal, honest)) {
      if (cut !== undefined && pages++ >= cut.afterPages) {
        throw this.#error(cut.code, directory);
      }
      yield page.map((entry) => ({ ...entry, ...this.#disguise(entry, faults) }));
    }
    if (cut !== undefined) throw this.#error(cut.code, directory);
  }

  override async stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    const faults = this.plan.strike("stat", path);
    await this.#obstruct(faults, path, signal);
    return this.#disguise(await super.stat(path, signal), faults);
  }

  override async read(
    path: BytePath,
    offsetBytes: number,
    into: Uint8Array,
    options: ReadOptions = {},
  ): Promise<number> {
    const faults = this.plan.strike("read", path);
    await this.#obstruct(faults, path, options.signal);
    const short = faults.find((fault) => fault.kind === "short");
    const target = short ? into.subarray(0, short.lengthBytes) : into;
    const version = options.version && this.#unmask(options.version, faults, path);
    const honest = version ? { ...options, version } : options;
    const read = await super.read(path, offsetBytes, target, honest);
    alter(target.subarray(0, read), offsetBytes, faults);
    return read;
  }

  /** Lets errors, hangs and delays happen. */
  async #obstruct(faults: readonly Fault[], path: BytePath, signal?: AbortSignal): Promise<void> {
    for (const fault of faults) {
      throwIfAborted(signal);
      if (fault.kind === "error") throw this.#error(fault.code, path);
      if (fault.kind === "slow") await sleep(this.plan.clock, fault.delayMs, signal);
      if (fault.kind === "hang") await untilGivenUp(signal);
    }
  }

  #error(code: OriginErrorCode, path: BytePath): OriginError {
    return new OriginError(code, this.id, displayPath(path), `made to fail with ${code}`);
  }

  /** A file's attributes as the faults make them. */
  #disguise<Stat extends FileStat>(stat: Stat, faults: readonly Fault[]): Stat {
    if (stat.kind !== "file") return stat;
    let sizeBytes = stat.sizeBytes;
    for (const fault of faults) if (fault.kind === "wrong_size") sizeBytes += fault.byBytes;
    return { ...stat, sizeBytes: Math.max(0, sizeBytes), token: stat.token + this.#mark(faults) };
  }

  /** The inner origin's name for a version that was disguised; refuses one that was not. */
  #unmask(version: OriginVersion, faults: readonly Fault[], path: BytePath): OriginVersion {
    const mark = this.#mark(faults);
    if (!version.token.endsWith(mark)) throw this.#error("version_changed", path);
    const token: VersionToken = version.token.slice(0, version.token.length - mark.length);
    return { ...version, token };
  }

  /** What the faults add to a file's token. */
  #mark(faults: readonly Fault[]): string {
    const isReplaced = faults.some(({ kind }) => kind === "replaced");
    const isEdited = faults.some(({ kind }) => kind === "edited");
    const shown = isEdited && this.capabilities.strongTokens;
    return (isReplaced ? REPLACED : "") + (shown ? EDITED : "");
  }
}

function alter(bytes: Uint8Array, offsetBytes: number, faults: readonly Fault[]): void {
  for (const fault of faults) {
    if (fault.kind === "replaced") for (let i = 0; i < bytes.length; i++) flip(bytes, i);
    if (fault.kind === "edited") flip(bytes, fault.offsetBytes - offsetBytes);
  }
}

function flip(bytes: Uint8Array, at: number): void {
  const byte = bytes[at];
  if (byte !== undefined) bytes[at] = byte ^ 0xff;
}

function untilGivenUp(signal: AbortSignal | undefined): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal?.addEventListener("abort", () => reject(cancelled(signal)), { once: true });
  return promise;
}
