/** Writes to the catalog named by its argument until it is killed; says when it has begun. */

import { pathFromText, ROOT_PATH } from "../../../src/core/bytes.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { A, B, directory, file, origin } from "./fixture.ts";

const store = CatalogStore.open(Bun.argv[2] ?? "", systemClock);
await store.configureOrigins([origin(A, 1), origin(B, 2)]);
console.log("writing");
for (let round = 1; ; round++) {
  const id = round % 2 === 0 ? A : B;
  await store.beginScan(id);
  const directories = Array.from({ length: 20 }, (_, i) => directory(`d${(i + round) % 25}`));
  const page = { origin: id, first: true, last: true };
  await store.applyListing({ ...page, directory: ROOT_PATH, entries: directories });
  for (let i = 0; i < 20; i++) {
    const entries = Array.from({ length: 50 }, (_, n) => file(`f${(n + round) % 60}`, round));
    await store.applyListing({ ...page, directory: pathFromText(`d${(i + round) % 25}`), entries });
  }
  await store.finishScan(id, { complete: true, allowEmpty: true });
}
