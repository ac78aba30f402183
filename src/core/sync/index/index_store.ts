/** Where a published index lies. */

import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OwnError } from "../../errors.ts";

export interface IndexSource {
  /** An object's bytes; rejects with OwnError `manifest` where it cannot be had. */
  get(name: string): Promise<Uint8Array>;
}

export interface IndexTarget extends IndexSource {
  /** Writes an object as a whole or not at all, in place of one of its name. */
  put(name: string, bytes: Uint8Array): Promise<void>;
}

/** An index in a directory, on a mounted share or where a web server, rsync or a person takes it from. */
export class IndexDirectory implements IndexTarget {
  constructor(readonly directory: string) {}

  async get(name: string): Promise<Uint8Array> {
    try {
      return await readFile(join(this.directory, name));
    } catch (error) {
      throw new OwnError("manifest", `the index cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    const file = join(this.directory, name);
    try {
      mkdirSync(dirname(file), { recursive: true });
      const begun = `${file}.${process.pid}.new`;
      writeFileSync(begun, bytes);
      renameSync(begun, file);
    } catch (error) {
      const reason = `the index cannot be written: ${messageOf(error)}`;
      return Promise.reject(new OwnError("manifest", reason, { cause: error }));
    }
    return Promise.resolve();
  }
}
