/**
 * What was read of the catalog a moment ago, for whoever asks again: an open and the reads that follow
 * it ask for the same file's replicas, one after the other. It holds until anybody commits to the file.
 */

import type { BytePath } from "../bytes.ts";
import type { Replica } from "./catalog.ts";
import type { Connection } from "./connection.ts";

/** Versions that are remembered; all are forgotten when there would be more. */
const MAX_REMEMBERED = 256;

/** SQLite's, of the file: another number after each commit of another connection. */
const DATA_VERSION = "PRAGMA data_version";

/** Its methods throw SQLiteError. */
export class Recent {
  readonly #replicas = new Map<number, readonly Replica[]>();
  readonly #paths = new Map<number, BytePath>();
  #dataVersion = -1;

  constructor(readonly connection: Connection) {}

  /** Of a version; asked before `remember`. */
  replicas(version: number): readonly Replica[] | undefined {
    this.#forgetOutdated();
    return this.#replicas.get(version);
  }

  /** Of an entry in the tree. */
  path(entry: number): BytePath | undefined {
    if (this.#paths.has(entry)) this.#forgetOutdated();
    return this.#paths.get(entry);
  }

  /** What was found since `replicas` was asked for: a commit in between makes it outdated. */
  remember(version: number, replicas: readonly Replica[], path: BytePath): void {
    if (this.#replicas.size >= MAX_REMEMBERED) this.#forget();
    this.#replicas.set(version, replicas);
    for (const { entry } of replicas) this.#paths.set(entry, path);
  }

  #forgetOutdated(): void {
    const row = this.connection
      .statement<{ readonly data_version: number }, []>(DATA_VERSION)
      .get();
    const dataVersion = row?.data_version ?? -1;
    if (dataVersion !== this.#dataVersion) this.#forget();
    this.#dataVersion = dataVersion;
  }

  #forget(): void {
    this.#replicas.clear();
    this.#paths.clear();
  }
}
