/** The catalog of a configuration, for commands that run beside a mount or without one. */

import { join } from "node:path";
import { CatalogStore } from "../catalog/store.ts";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/config.ts";

export interface LibraryCatalog extends AsyncDisposable {
  readonly store: CatalogStore;
}

/** Opens it with exactly the configuration's origins; rejects with `catalog`. */
export async function openLibraryCatalog(config: Config, clock: Clock): Promise<LibraryCatalog> {
  const store = CatalogStore.open(join(config.cacheDir, "catalog.db"), clock);
  const close = () => store.close();
  try {
    await store.configureOrigins(config.origins);
  } catch (error) {
    await close();
    throw error;
  }
  return { store, [Symbol.asyncDispose]: close };
}
