/**
 * The catalog's writer as the main thread knows it: calls are carried out one after the other some
 * time later, and only plain data goes to and fro. In the program a thread lies between.
 */

import type { CatalogWriter } from "../../src/core/catalog/catalog.ts";
import { type Clock, sleep } from "../../src/core/clock.ts";
import { errorFromData, errorToData } from "../../src/core/threads/error_data.ts";
import type { StoreMethod } from "../../src/core/threads/store.worker.ts";

export interface StoreLinkPorts {
  readonly clock: Clock;
  readonly store: CatalogWriter;
  /** How long the disk takes for one call. */
  readonly delayMs: number;
}

type Call = (...args: readonly unknown[]) => Promise<unknown>;

const METHODS: readonly StoreMethod[] = [
  "configureOrigins",
  "beginScan",
  "applyListing",
  "knownListings",
  "confirmListings",
  "finishScan",
  "abandonScan",
  "noteIncomplete",
  "applyStat",
  "setFingerprint",
  "setSha256",
  "setContent",
  "setDifferent",
  "setServedVersion",
  "close",
];

export interface StoreLink {
  readonly writer: CatalogWriter;
  /** Calls that are not carried out yet. */
  readonly waiting: () => number;
}

export function storeLink({ clock, store, delayMs }: StoreLinkPorts): StoreLink {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const linked: Partial<Record<StoreMethod, Call>> = {};
  for (const method of METHODS) {
    linked[method] = (...args) => {
      const sent = structuredClone(args);
      waiting++;
      const called = last.then(async () => {
        if (delayMs > 0) await sleep(clock, delayMs);
        try {
          return structuredClone(await Reflect.apply(store[method], store, sent));
        } catch (error) {
          throw errorFromData(structuredClone(errorToData(error)));
        }
      });
      last = called.catch(() => undefined).finally(() => void waiting--);
      return called;
    };
  }
  return { writer: linked as unknown as CatalogWriter, waiting: () => waiting };
}
