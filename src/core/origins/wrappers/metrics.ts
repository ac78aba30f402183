/** Counts what is asked of an origin and how it answers. */

import type { Clock } from "../../clock.ts";
import { type ErrorCode, MusicFsError } from "../../errors.ts";
import type { DirEntry, Origin, TreePage } from "../origin.ts";
import { OPERATIONS, type Operation, type OperationKind, WrappedOrigin } from "./wrapped.ts";

export interface OperationCounters {
  begun: number;
  succeeded: number;
  /** Rejections by code; `internal` for what is a bug. Given up by the caller: `cancelled`. */
  readonly failed: Map<ErrorCode, number>;
  /** Time until they settled, all together. */
  totalMs: number;
}

/** Told of each operation when it settles. `error` undefined: it succeeded. */
export type OperationListener = (operation: Operation, durationMs: number, error: unknown) => void;

/** What one origin was asked; outlives the origin when it is made anew. */
export class OriginMetrics {
  readonly operations: Readonly<Record<OperationKind, OperationCounters>>;
  /** Bytes that reads answered. */
  bytesRead = 0;
  /** Entries that listings answered. */
  entriesListed = 0;

  constructor(readonly onSettled?: OperationListener) {
    const counters = () => ({ begun: 0, succeeded: 0, failed: new Map(), totalMs: 0 });
    const rows = OPERATIONS.map((kind) => [kind, counters()] as const);
    this.operations = Object.fromEntries(rows) as Record<OperationKind, OperationCounters>;
  }

  /** Operations begun and not settled. */
  get underWay(): number {
    let count = 0;
    for (const { begun, succeeded, failed } of Object.values(this.operations)) {
      count += begun - succeeded;
      for (const failures of failed.values()) count -= failures;
    }
    return count;
  }
}

export function withMetrics(inner: Origin, metrics: OriginMetrics, clock: Clock): Origin {
  return new WrappedOrigin(inner, async (operation, signal, run) => {
    const counters = metrics.operations[operation.kind];
    const startedMs = clock.monotonicMs();
    counters.begun++;
    const settled = (error?: unknown) => {
      const durationMs = clock.monotonicMs() - startedMs;
      counters.totalMs += durationMs;
      metrics.onSettled?.(operation, durationMs, error);
    };
    try {
      const result = await run(signal);
      counters.succeeded++;
      if (typeof result === "number") metrics.bytesRead += result;
      else metrics.entriesListed += entriesIn(result);
      settled();
      return result;
    } catch (error) {
      const code = error instanceof MusicFsError ? error.code : "internal";
      counters.failed.set(code, (counters.failed.get(code) ?? 0) + 1);
      settled(error);
      throw error;
    }
  });
}

/** Entries of a step of a listing; 0 for any other result. */
function entriesIn(result: unknown): number {
  const value = typeof result === "object" && result !== null && "value" in result && result.value;
  if (!Array.isArray(value)) return 0;
  return value.reduce((sum, each) => sum + (isTreePage(each) ? each.entries.length : 1), 0);
}

function isTreePage(each: TreePage | DirEntry): each is TreePage {
  return "entries" in each;
}
