/**
 * What every origin passes (`src/core/origins/origin.ts` is the contract). A harness says what its
 * storage can hold; cases beyond that are not registered.
 */

import { describe } from "bun:test";
import { givingUp } from "./origin/giving_up.ts";
import type { OriginHarness } from "./origin/harness.ts";
import { listings } from "./origin/listings.ts";
import { names } from "./origin/names.ts";
import { links, paths, specialFiles } from "./origin/paths.ts";
import { reads } from "./origin/reads.ts";
import { versions } from "./origin/versions.ts";

export * from "./origin/harness.ts";
export { patterned } from "./origin/looking.ts";

export function originConformance(name: string, harness: OriginHarness): void {
  describe(`${name} as an origin`, () => {
    names(harness);
    listings(harness);
    reads(harness);
    versions(harness);
    paths(harness);
    if (harness.links) links(harness, harness.links.outside);
    if (harness.specialFiles) specialFiles(harness, harness.specialFiles);
    givingUp(harness);
  });
}
