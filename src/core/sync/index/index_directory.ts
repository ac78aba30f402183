/** An index in a directory, on a mounted share or where a web server, rsync or a person takes it from. */

import { mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { messageOf, OwnError } from "../../errors.ts";
import { INDEX_HEAD, INDEX_ROOMS, isIndexName } from "./index_page.ts";
import type { IndexTarget, StoredObject } from "./index_store.ts";

/** Ends the names of files that are not whole yet. */
const BEGUN = /\.\d+\.new$/;

export class IndexDirectory implements IndexTarget {
  constructor(readonly directory: string) {}

  async get(name: string): Promise<Uint8Array> {
    try {
      return await readFile(join(this.directory, name));
    } catch (error) {
      throw failure("read", error);
    }
  }

  async list(): Promise<readonly StoredObject[]> {
    const names = [
      ...namesIn(this.directory, ".", false),
      ...INDEX_ROOMS.flatMap((room) => namesIn(this.directory, room, true)),
    ];
    return names
      .filter((name) => isIndexName(name.replace(BEGUN, "")))
      .flatMap((name) => {
        const stat = statSync(join(this.directory, name), { throwIfNoEntry: false });
        if (stat === undefined) return [];
        const { size: sizeBytes, mtimeMs, ino } = stat;
        const writtenSec = Math.floor(mtimeMs / 1000);
        return [{ name, sizeBytes, writtenSec, token: `${ino}:${mtimeMs}` }];
      });
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.directory, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
      const begun = `${file}.${process.pid}.new`;
      writeFileSync(begun, bytes);
      renameSync(begun, file);
    } catch (error) {
      throw failure("written", error);
    }
  }

  /** No file system replaces a file on conditions: of two who publish at once the later one wins. */
  async replaceHead(bytes: Uint8Array): Promise<number> {
    await this.put(INDEX_HEAD, bytes);
    try {
      return Math.floor(statSync(join(this.directory, INDEX_HEAD)).mtimeMs / 1000);
    } catch (error) {
      throw failure("read", error);
    }
  }

  async remove(name: string): Promise<void> {
    try {
      rmSync(join(this.directory, name), { force: true });
    } catch (error) {
      throw failure("written", error);
    }
  }
}

/** Files below a directory, by their names relative to `root`; none where it is not there. */
function namesIn(root: string, directory: string, recursive: boolean): readonly string[] {
  try {
    return readdirSync(join(root, directory), { recursive, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(root, join(entry.parentPath, entry.name)));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw failure("read", error);
  }
}

function failure(what: "read" | "written", error: unknown): OwnError {
  const reason = `the index cannot be ${what}: ${messageOf(error)}`;
  return new OwnError("manifest", reason, { cause: error });
}
