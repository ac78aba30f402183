/**
 * The cache thread: owns the block store. Its disk may be slow or full, so it is neither the main
 * thread nor the catalog's: an open that waits for the catalog waits for no block on its way to disk.
 */

import { BlockStore } from "../cache/block_store.ts";
import type { StoreAnswer, StoreRequest } from "../cache/store_protocol.ts";
import { systemClock } from "../clock.ts";
import { type ErrorData, errorToData } from "./error_data.ts";
import { workerChannel } from "./worker_scope.ts";

export type CacheRequest =
  | { readonly kind: "start"; readonly cacheDir: string; readonly budgetBytes: number }
  | { readonly kind: "close" }
  | StoreRequest;

export type CacheAnswer =
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorData }
  | Exclude<StoreAnswer, { kind: "failed" }>;

const channel = workerChannel<CacheRequest, CacheAnswer>();
let store: BlockStore | undefined;

channel.onMessage((request) => {
  if (request.kind === "start") {
    const { cacheDir, budgetBytes } = request;
    store = new BlockStore({ cacheDir, budgetBytes, clock: systemClock, answer });
    store.start();
  } else if (request.kind === "close") {
    store?.[Symbol.dispose]();
    channel.post({ kind: "closed" });
  } else store?.take(request);
});

function answer(answered: StoreAnswer): void {
  if (answered.kind === "failed") {
    channel.post({ ...answered, error: errorToData(answered.error) });
  } else channel.post(answered);
}
