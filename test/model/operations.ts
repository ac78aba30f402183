/**
 * What may happen in a history. Operations are data and know nothing of the state they will meet: one
 * that makes no sense there does nothing, so that any of them can be left out of a history.
 */

import type { FaultRule } from "../../src/core/origins/wrappers/faults.ts";
import type { DiskMood, Harm } from "./cache_disk.ts";

export type OriginName = "a" | "b" | "c" | "d";

/** A fault; `at` is the one path that it concerns. Default: all. */
export interface ModelRule extends Pick<FaultRule, "fault" | "on" | "times" | "skip"> {
  readonly at?: string;
}

export type Operation =
  // At the origins.
  | {
      readonly do: "put";
      readonly on: readonly OriginName[];
      readonly path: string;
      readonly content: number;
    }
  /** Other bytes of the same size, where there are any; with the same mtime, too, or not. */
  | {
      readonly do: "edit";
      readonly on: OriginName;
      readonly path: string;
      readonly keepsMtime: boolean;
    }
  /** A file to another place or origin, with its mtime. */
  | {
      readonly do: "copy";
      readonly from: OriginName;
      readonly path: string;
      readonly on: OriginName;
      readonly to: string;
    }
  | { readonly do: "remove"; readonly on: OriginName; readonly path: string }
  | {
      readonly do: "rename";
      readonly on: OriginName;
      readonly path: string;
      readonly to: string;
    }
  | { readonly do: "make_directory"; readonly on: OriginName; readonly path: string }
  // What goes wrong with them.
  | { readonly do: "fault"; readonly on: OriginName; readonly rule: ModelRule }
  | { readonly do: "heal"; readonly on: OriginName }
  /** Its place shows nothing at all, as where a disk is not mounted. */
  | { readonly do: "blank"; readonly on: OriginName; readonly blank: boolean }
  /** Its watch ends for a while, or misses something. */
  | { readonly do: "lose_watch"; readonly on: OriginName; readonly ends: boolean }
  | { readonly do: "degrade"; readonly on: OriginName; readonly degraded: boolean }
  // The program's own.
  | { readonly do: "set_priority"; readonly on: OriginName; readonly priority: number }
  | { readonly do: "enable"; readonly on: OriginName; readonly enabled: boolean }
  | { readonly do: "detach"; readonly on: OriginName }
  | { readonly do: "attach"; readonly on: OriginName; readonly priority: number }
  | { readonly do: "scan"; readonly on: OriginName; readonly allowEmpty: boolean }
  | { readonly do: "check"; readonly on: OriginName }
  | { readonly do: "restart" }
  | { readonly do: "kill" }
  // The block cache.
  | { readonly do: "pin"; readonly path: string; readonly pinned: boolean }
  | { readonly do: "clear_cache"; readonly path: string; readonly pins: boolean }
  | { readonly do: "cache_disk"; readonly mood: DiskMood }
  /** One of its data files is damaged: which, and where, is counted round. */
  | {
      readonly do: "harm_cache";
      readonly harm: Harm;
      readonly which: number;
      readonly at: number;
    }
  // Applications.
  | { readonly do: "stat"; readonly path: string }
  | { readonly do: "list"; readonly path: string }
  | { readonly do: "open"; readonly slot: number; readonly path: string }
  | {
      readonly do: "read";
      readonly slot: number;
      /** Of the file's size, in 1000ths; a read may begin and end beyond it. */
      readonly at: number;
      readonly lengthBytes: number;
      readonly direct: boolean;
      /** A signal comes so long after; undefined: none. */
      readonly interruptMs: number | undefined;
    }
  | { readonly do: "close"; readonly slot: number }
  // Time.
  | { readonly do: "wait"; readonly ms: number }
  | { readonly do: "sleep_machine"; readonly ms: number };

export interface OriginSetup {
  readonly id: OriginName;
  readonly priority: number;
  readonly prefix: string;
  readonly weak: boolean;
  /** It tells of its changes by itself. */
  readonly watched: boolean;
  /** Configured from the start. */
  readonly attached: boolean;
  readonly pageEntries: number;
  readonly maxConcurrency: number;
  /** Its bytes are kept. */
  readonly cache: boolean;
}

export interface Setup {
  readonly origins: readonly OriginSetup[];
  readonly failover: "probable" | "proved";
  readonly onMismatch: "refuse" | "serve";
  readonly hedge: boolean;
  readonly readDeadlineMs: number;
  readonly storeDelayMs: number;
  readonly revalidateSecs: number;
  readonly pollIntervalSecs: number;
  /** 0: there is no cache. */
  readonly cacheBudgetBytes: number;
  readonly cacheDelayMs: number;
}

export interface History {
  readonly seed: number;
  readonly setup: Setup;
  readonly operations: readonly Operation[];
}

/** One line of a printed history. */
export function describeOperation(operation: Operation): string {
  const { do: verb, ...rest } = operation;
  const words = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  return [verb, ...words].join(" ");
}
