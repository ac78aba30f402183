/** The tree as it should be, told by the plainest way to compute it: what each origin holds now. */

import { type BytePath, joinPath } from "../../src/core/bytes.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { DirEntry, OriginId } from "../../src/core/origins/origin.ts";
import type { Content } from "./contents.ts";
import type { Storage } from "./storage.ts";

export type Merged =
  | { readonly kind: "directory" }
  | {
      readonly kind: "file";
      readonly origin: Storage;
      readonly sizeBytes: number;
      readonly mtimeSec: number;
      readonly mtimeNsec: number;
      /** More than one where tokens are weak. */
      readonly contents: readonly Content[];
    };

export interface Merging {
  readonly settings: readonly OriginSettings[];
  readonly storages: ReadonlyMap<OriginId, Storage>;
}

/** By path; without the root. */
export type Tree = ReadonlyMap<string, Merged>;

export async function mergedTree(world: Merging): Promise<Tree> {
  const tree = new Map<string, Merged>();
  const ranked = world.settings
    .map((settings, position) => ({ settings, position }))
    .filter(({ settings }) => settings.enabled)
    .sort((a, b) => a.settings.priority - b.settings.priority || a.position - b.position);
  for (const { settings } of ranked) {
    const storage = world.storages.get(settings.id);
    if (storage === undefined) continue;
    if (!graft(tree, settings.prefix)) continue;
    await walk(tree, storage, "" as BytePath, settings.prefix);
  }
  return tree;
}

/** Makes the directories of a prefix; false when a better origin has a file in their way. */
function graft(tree: Map<string, Merged>, prefix: BytePath): boolean {
  let at = "" as BytePath;
  for (const name of prefix.split("/").filter(Boolean)) {
    at = joinPath(at, name as BytePath);
    const known = tree.get(at);
    if (known?.kind === "file") return false;
    tree.set(at, { kind: "directory" });
  }
  return true;
}

async function walk(
  tree: Map<string, Merged>,
  storage: Storage,
  directory: BytePath,
  shown: BytePath,
): Promise<void> {
  const entries: DirEntry[] = [];
  for await (const page of storage.memory.list(directory)) entries.push(...page);
  for (const entry of entries) {
    const path = joinPath(shown, entry.name);
    const known = tree.get(path);
    if (entry.kind === "file") {
      if (known !== undefined) continue;
      const { sizeBytes, token, mtimeSec, mtimeNsec } = entry;
      const contents = storage.contentsOf(sizeBytes, token);
      tree.set(path, { kind: "file", origin: storage, sizeBytes, mtimeSec, mtimeNsec, contents });
    } else if (known?.kind !== "file") {
      tree.set(path, { kind: "directory" });
      await walk(tree, storage, joinPath(directory, entry.name), path);
    }
  }
}
