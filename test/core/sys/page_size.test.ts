import { expect, test } from "bun:test";
import { pageSizeBytes } from "../../../src/core/sys/page_size.ts";

test("pageSizeBytes() is what getconf says", () => {
  const said = Bun.spawnSync(["getconf", "PAGESIZE"]).stdout.toString();
  expect(pageSizeBytes()).toBe(Number(said));
});
