/** A catalog in a temporary directory, and short ways to list into it and to read it. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type BytePath,
  displayPath,
  joinPath,
  nameFromBytes,
  nameFromText,
  pathFromText,
} from "../../../src/core/bytes.ts";
import {
  type CatalogChanges,
  type CatalogOrigin,
  ROOT_ENTRY,
  type TreeNode,
} from "../../../src/core/catalog/catalog.ts";
import { SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import type { Clock } from "../../../src/core/clock.ts";
import type { DirEntry, FileStat, OriginId } from "../../../src/core/origins/origin.ts";

export const A = "a" as OriginId;
export const B = "b" as OriginId;
export const C = "c" as OriginId;

/** A clock that moves only when told. */
export class HandClock implements Clock {
  ms = Date.UTC(2026, 0, 1);
  wallMs = () => this.ms;
  monotonicMs = () => this.ms;
  schedule(): Disposable {
    throw new Error("the catalog schedules nothing");
  }
}

export function emptyNode(): TreeNode {
  return {
    entry: 0,
    parent: 0,
    isDirectory: false,
    version: 0,
    sizeBytes: 0,
    mtimeSec: 0,
    mtimeNsec: 0,
    mode: 0,
    uid: 0,
    gid: 0,
  };
}

export function origin(
  id: OriginId,
  priority: number,
  options: { readonly prefix?: string; readonly enabled?: boolean } = {},
): CatalogOrigin {
  const { prefix = "", enabled = true } = options;
  return { id, priority, enabled, prefix: pathFromText(prefix) };
}

const COMMON = { mtimeSec: 1000, mtimeNsec: 5, uid: 1, gid: 2 };

export function fileStat(sizeBytes: number, more: Partial<FileStat> = {}): FileStat {
  const token = more.token ?? `t${sizeBytes}`;
  return { ...COMMON, kind: "file", sizeBytes, mode: 0o644, token, ...more };
}

export function directoryStat(more: Partial<FileStat> = {}): FileStat {
  return { ...COMMON, kind: "directory", sizeBytes: 0, mode: 0o755, token: "", ...more };
}

export function file(name: string, sizeBytes: number, more: Partial<FileStat> = {}): DirEntry {
  return { ...fileStat(sizeBytes, more), name: nameFromText(name) };
}

export function directory(name: string, more: Partial<FileStat> = {}): DirEntry {
  return { ...directoryStat(more), name: nameFromText(name) };
}

export function path(text: string): BytePath {
  return pathFromText(text);
}

/** A directory, removed at the end. */
export class TempDirectory implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "musicfs-catalog-"));
  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

export class TestCatalog implements AsyncDisposable {
  readonly directory = new TempDirectory();
  readonly file = join(this.directory.path, "catalog.db");
  readonly clock = new HandClock();
  store = CatalogStore.open(this.file, this.clock);
  reader = new SqliteCatalogReader(this.file);

  async reopen(): Promise<void> {
    this.reader.close();
    await this.store.close();
    this.store = CatalogStore.open(this.file, this.clock);
    this.reader = new SqliteCatalogReader(this.file);
  }

  /** One complete listing of one page. */
  list(id: OriginId, at: string, entries: readonly DirEntry[], stat?: FileStat) {
    const page = { origin: id, directory: path(at), entries, first: true, last: true };
    return this.store.applyListing(stat === undefined ? page : { ...page, stat });
  }

  /** The visible node at a path of the tree. */
  node(at: string): TreeNode | undefined {
    const node = emptyNode();
    if (!this.reader.directory(ROOT_ENTRY, node)) return undefined;
    for (const name of at.split("/").filter(Boolean)) {
      if (!this.reader.lookup(node.entry, Buffer.from(name), node)) return undefined;
    }
    return node;
  }

  /** Every visible path: `dir/` for directories, `file=size` for files, sorted. */
  tree(): string[] {
    const lines: string[] = [];
    const walk = (entry: number, at: BytePath): void => {
      const directories: [number, BytePath][] = [];
      const node = emptyNode();
      this.reader.list(entry, 0, node, (name) => {
        const child = joinPath(at, nameFromBytes(name));
        lines.push(displayPath(child) + (node.isDirectory ? "/" : `=${node.sizeBytes}`));
        if (node.isDirectory) directories.push([node.entry, child]);
        return true;
      });
      for (const [id, child] of directories) walk(id, child);
    };
    walk(ROOT_ENTRY, "" as BytePath);
    return lines.sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.reader.close();
    await this.store.close();
    this.directory[Symbol.dispose]();
  }
}

/** The changed names as text, `parent/name`. */
export function namesOf(changes: CatalogChanges): string[] {
  return changes.names.map(({ parent, name }) => `${parent}/${displayPath(name)}`).sort();
}
