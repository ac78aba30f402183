/** The store thread: owns the catalog's writer and does one call after the other. */

import type { CatalogWriter } from "../catalog/catalog.ts";
import { CatalogStore } from "../catalog/store.ts";
import { systemClock } from "../clock.ts";
import { OwnError } from "../errors.ts";
import { type ErrorData, errorToData } from "./error_data.ts";
import { workerChannel } from "./worker_scope.ts";

export type StoreMethod = keyof CatalogWriter;

export type StoreRequest =
  | { readonly kind: "open"; readonly file: string }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly method: StoreMethod;
      readonly args: readonly unknown[];
    };

export type StoreAnswer =
  | { readonly kind: "opened"; readonly generation: string; readonly notice?: string }
  | { readonly kind: "not_opened"; readonly error: ErrorData }
  | { readonly kind: "result"; readonly id: number; readonly result: unknown }
  | { readonly kind: "failed"; readonly id: number; readonly error: ErrorData };

const channel = workerChannel<StoreRequest, StoreAnswer>();
let store: CatalogStore | undefined;

channel.onMessage((request) => {
  if (request.kind === "open") open(request.file);
  else void call(request.id, request.method, request.args);
});

function open(file: string): void {
  try {
    store = CatalogStore.open(file, systemClock);
    const { generation, notice } = store;
    channel.post({ kind: "opened", generation, ...(notice === undefined ? {} : { notice }) });
  } catch (error) {
    channel.post({ kind: "not_opened", error: errorToData(error) });
  }
}

async function call(id: number, method: StoreMethod, args: readonly unknown[]): Promise<void> {
  try {
    if (store === undefined) throw new OwnError("internal", "the store thread has no catalog");
    const result: unknown = await Reflect.apply(store[method], store, args);
    channel.post({ kind: "result", id, result });
  } catch (error) {
    channel.post({ kind: "failed", id, error: errorToData(error) });
  }
}
