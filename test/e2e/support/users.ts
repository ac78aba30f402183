/** The same tests of a mount by root and of one by an ordinary user, which goes through fusermount3. */

import { afterAll, beforeAll, describe } from "bun:test";
import { MountNamespace, NOBODY, type User, Workspace } from "./musicfs.ts";

const USERS: readonly (readonly [who: string, user: User | undefined])[] = [
  ["root", undefined],
  ["an ordinary user", NOBODY],
];

/** `title` has %s for who mounts. `workspace` makes one of theirs, of that name. */
export function describeEachUser(
  title: string,
  body: (workspace: (name: string) => Workspace, user: User | undefined) => void,
): void {
  describe.each(USERS)(title, (_, user) => {
    let namespace: MountNamespace | undefined;
    beforeAll(async () => {
      namespace = user === undefined ? undefined : await MountNamespace.create();
    });
    body((name) => new Workspace(name, user, namespace), user);
    // After what the tests themselves clean up.
    afterAll(() => namespace?.[Symbol.asyncDispose]());
  });
}
