/** An edit of the origins: in the file, and in the mounts that run with it. */

import { systemClock } from "../../core/clock.ts";
import { editOrigins, type OriginEdit } from "../../core/config/edit.ts";
import { configFileOf } from "../../core/config/load.ts";
import { editFile } from "../../core/config/write.ts";
import type { ControlClient } from "../../core/control/client.ts";
import { mountsOfFile } from "../../core/control/find_mount.ts";
import type { CommandContext } from "../context.ts";

export interface EditMade {
  readonly file: string;
  /** Whether there was anything to change. */
  readonly changed: boolean;
}

/**
 * A running mount makes the edit itself, in the file and in its origins, or in neither; others of the
 * same file read it again. Rejects as `editOrigins` and `editFile`, and with what a mount refuses.
 */
export async function applyEdit(
  { flags, around }: Pick<CommandContext, "flags" | "around">,
  edit: OriginEdit,
): Promise<EditMade> {
  const file = configFileOf(flags, around).path;
  const [mount, ...others] = await mountsOfFile(file, around);
  using all = new DisposableStack();
  for (const each of mount === undefined ? [] : [mount, ...others]) all.use(each);
  if (mount !== undefined) {
    const { changed } = await askedFor(mount.client, edit);
    for (const { client } of others) await client.reload();
    return { file, changed };
  }
  let changed = false;
  await editFile(file, { uid: around.uid, clock: systemClock }, async (text) => {
    const edited = await editOrigins(text, file, edit);
    changed = edited !== text;
    return edited;
  });
  return { file, changed };
}

function askedFor(client: ControlClient, edit: OriginEdit): Promise<{ readonly changed: boolean }> {
  switch (edit.kind) {
    case "add":
      return client.addOrigin(edit.values);
    case "set":
      return client.changeOrigin(edit.id, edit.values, edit.unset);
    case "remove":
      return client.removeOrigin(edit.id);
  }
}
