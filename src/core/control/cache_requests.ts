/** What the control API takes about the cache (docs/control-api.md). */

import * as v from "valibot";
import { isValidPath, pathFromText } from "../bytes.ts";

/** A path of the tree as text: names joined by slashes; `""` is the root. */
const treePath = v.pipe(
  v.string("must be a path"),
  v.transform(pathFromText),
  v.check((path) => isValidPath(path), "must be a path in the library"),
);

const treePaths = v.array(treePath, "must be a list of paths");

const flag = v.boolean("must be true or false");

/** Of `pin`, `unpin` and `prefetch`. */
export const pathsRequest = v.strictObject({
  paths: v.pipe(treePaths, v.minLength(1, "must name a path")),
});

/** Of `clear`. Without paths: everything. */
export const clearRequest = v.strictObject({
  paths: v.optional(treePaths, []),
  pinned: v.optional(flag, false),
});

/** Of `sync`. Without paths and origins: everything that is cached. */
export const syncRequest = v.strictObject({
  paths: v.optional(treePaths, []),
  origins: v.optional(v.array(v.string("must be an id"), "must be a list of ids"), []),
  all: v.optional(flag, false),
  dry_run: v.optional(flag, false),
});

/** Of `verify`. Without paths: everything. */
export const verifyRequest = v.strictObject({
  paths: v.optional(treePaths, []),
  repair: v.optional(flag, false),
});
