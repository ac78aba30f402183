import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import { HandClock, TempDirectory } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

const CHILD = join(import.meta.dir, "crash.child.ts");

describe("a killed writer", () => {
  test("leaves a catalog that opens as if nothing had happened", async () => {
    using directory = new TempDirectory();
    const file = join(directory.path, "catalog.db");
    for (let round = 0; round < 6; round++) {
      const child = Bun.spawn([process.execPath, CHILD, file], { stdout: "pipe" });
      await child.stdout.getReader().read();
      await Bun.sleep(20 + 37 * round);
      child.kill("SIGKILL");
      await child.exited;
      expect(child.signalCode).toBe("SIGKILL");
      const store = CatalogStore.open(file, new HandClock());
      expect(store.notice).toBeUndefined();
      expect(brokenInvariants(file)).toEqual([]);
      await store.close();
    }
  }, 30_000);
});
