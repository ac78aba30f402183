/**
 * What POSIX and the Linux manual pages say of reading a file system that cannot be written to, and
 * what pjdfstest expects of EROFS. It passes on a directory of a local disk as on the mount, so what
 * it says is how file systems are and not how this one happens to be.
 */

import { afterAll, beforeAll, describe } from "bun:test";
import { attributes } from "./posix/attributes.ts";
import { directories } from "./posix/directories.ts";
import { lookups } from "./posix/lookups.ts";
import { opens } from "./posix/opens.ts";
import { permissions } from "./posix/permissions.ts";
import { reads } from "./posix/reads.ts";
import { refusals } from "./posix/refusals.ts";
import { type Callers, SystemCalls } from "./posix/system_calls.ts";

export { plantTree } from "./posix/tree.ts";

/** A tree of `plantTree`, shown where all of it can be read and nothing written. */
export interface PosixSubject extends AsyncDisposable {
  readonly root: string;
}

const AS_NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/** `open` is called once, as root. */
export function posixSuite(name: string, open: () => Promise<PosixSubject>): void {
  describe(`${name} reads as POSIX says:`, () => {
    const held = new AsyncDisposableStack();
    let callers: Callers | undefined;
    const given = (): Callers => {
      if (callers === undefined) throw new Error("there is nothing to test");
      return callers;
    };
    beforeAll(async () => {
      const { root } = held.use(await open());
      callers = {
        root: held.use(new SystemCalls(root)),
        nobody: held.use(new SystemCalls(root, AS_NOBODY)),
      };
    });
    afterAll(() => held.disposeAsync());
    lookups(() => given().root);
    attributes(() => given().root);
    directories(() => given().root);
    opens(() => given().root);
    reads(() => given().root);
    permissions(given);
    refusals(() => given().root);
  });
}
