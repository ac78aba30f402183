/**
 * Reads of the catalog on a read-only connection. Every read is one statement or a few, each in its
 * own implicit transaction, so that readers never hold back the writer's checkpoints.
 */

import { SQLiteError, type Statement } from "bun:sqlite";
import { type BytePath, joinPath, nameFromBytes, pathFromBytes } from "../bytes.ts";
import { messageOf, OwnError } from "../errors.ts";
import { CATALOG_READER_MEMORY_SHARE } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import {
  type CatalogReader,
  type KnownFile,
  type Replica,
  ROOT_ENTRY,
  type TreeNode,
  type VersionContent,
} from "./catalog.ts";
import { type BeforeStatement, Connection } from "./connection.ts";
import { type NodeRow, READER_SQL, type ReplicaRow } from "./reader_sql.ts";
import { Recent } from "./recent.ts";
import { noteDamage } from "./recovery.ts";
import { DIRECTORY } from "./schema.ts";
import { matchOf } from "./versions.ts";

interface TotalsRow {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly unproved: number;
}

/** Page cache of a reader unless told otherwise, in KiB. */
const DEFAULT_CACHE_KIB = 8192;

/** Page cache of one reader of a mount that may take `metadataCacheBytes`, in KiB. */
export function readerCacheKib(metadataCacheBytes: number): number {
  return Math.floor((metadataCacheBytes * CATALOG_READER_MEMORY_SHARE) / 1024);
}

export interface CatalogReaderOptions {
  /** Bound of the connection's page cache. */
  readonly cacheKib?: number;
  /** Told of every statement before it runs, for tests. */
  readonly before?: BeforeStatement | undefined;
  /**
   * Keeps what it read a moment ago, which is worth it for those who open and read files. Default true; false
   * for who asks for everything once.
   */
  readonly remembers?: boolean;
}

export class SqliteCatalogReader implements CatalogReader {
  readonly #connection: Connection;
  readonly #lookup: Statement<NodeRow, [number, Uint8Array]>;
  readonly #directory: Statement<NodeRow, [number]>;
  readonly #list: Statement<NodeRow & { readonly name: Uint8Array }, [number, number]>;
  readonly #version: Statement<NodeRow, [number]>;
  readonly #replicas: Statement<ReplicaRow, [number]>;
  readonly #filesAfter: Statement<ReplicaRow, [number, number]>;
  readonly #recent: Recent | undefined;
  /** The directory that files were last asked of: who opens one opens the next of it. */
  #lastDirectory = ROOT_ENTRY;
  #lastPath: BytePath | undefined;

  /** Opens the catalog `file` that a `CatalogStore` made. Throws OwnError `catalog`. */
  constructor(
    readonly file: string,
    { cacheKib = DEFAULT_CACHE_KIB, before, remembers = true }: CatalogReaderOptions = {},
  ) {
    try {
      this.#connection = Connection.forReading(file, cacheKib, before);
      this.#lookup = this.#connection.statement(READER_SQL.lookup);
      this.#directory = this.#connection.statement(READER_SQL.directory);
      this.#list = this.#connection.statement(READER_SQL.list);
      this.#version = this.#connection.statement(READER_SQL.version);
      this.#replicas = this.#connection.statement(READER_SQL.replicas);
      this.#filesAfter = this.#connection.statement(READER_SQL.filesAfter);
      this.#recent = remembers ? new Recent(this.#connection) : undefined;
    } catch (error) {
      throw failure(file, error);
    }
  }

  lookup(parent: number, name: Uint8Array, out: TreeNode): boolean {
    try {
      return fill(this.#lookup.get(parent, name), out);
    } catch (error) {
      throw failure(this.file, error);
    }
  }

  directory(entry: number, out: TreeNode): boolean {
    try {
      return fill(this.#directory.get(entry), out);
    } catch (error) {
      throw failure(this.file, error);
    }
  }

  version(version: number, out: TreeNode): boolean {
    try {
      return fill(this.#version.get(version), out);
    } catch (error) {
      throw failure(this.file, error);
    }
  }

  list(
    directory: number,
    afterEntry: number,
    out: TreeNode,
    visit: (name: Uint8Array) => boolean,
  ): void {
    this.#read(() => {
      for (const row of this.#list.iterate(directory, afterEntry)) {
        fill(row, out);
        if (!visit(row.name)) return;
      }
    });
  }

  unlisted(directory: number): readonly { readonly origin: OriginId; readonly path: BytePath }[] {
    return this.#read(() => {
      const rows = this.#connection
        .statement<
          { readonly id: string; readonly prefix: Uint8Array; readonly rank: number },
          [number]
        >(READER_SQL.unlisted)
        .all(directory);
      const path = rows.length === 0 ? undefined : this.pathOf(directory);
      if (path === undefined) return [];
      return rows
        .sort((a, b) => a.rank - b.rank)
        .map(({ id, prefix }) => ({ origin: id as OriginId, path: withoutPrefix(path, prefix) }));
    });
  }

  replicas(version: number): readonly Replica[] {
    return this.#read(() => {
      const known = this.#recent?.replicas(version);
      if (known !== undefined) return known;
      const rows = this.#replicas.all(version);
      const replicas = this.#replicasOf(rows);
      const path = rows[0] && this.#pathOfRow(rows[0]);
      if (path !== undefined) this.#recent?.remember(version, replicas, path);
      return replicas;
    });
  }

  knownFile(version: number): KnownFile | undefined {
    return this.#read(() => {
      const rows = this.#replicas.all(version);
      const [first] = rows;
      if (first !== undefined) return this.#fileOf(first, rows);
      const row = this.#version.get(version);
      if (row === null) return undefined;
      return { version, entry: row.id, parent: row.parent, sizeBytes: row.size, replicas: [] };
    });
  }

  filesAfter(directory: number, afterEntry: number, limit: number): readonly KnownFile[] {
    return this.#read(() => {
      const files: KnownFile[] = [];
      let rows: ReplicaRow[] = [];
      const complete = () => {
        const [first] = rows;
        if (first !== undefined) files.push(this.#fileOf(first, rows));
        rows = [];
      };
      for (const row of this.#filesAfter.iterate(directory, afterEntry)) {
        if (row.own !== rows[0]?.own) complete();
        if (files.length === limit) return files;
        rows.push(row);
      }
      complete();
      return files;
    });
  }

  /** `rows` are all of one version, `first` among them. */
  #fileOf(first: ReplicaRow, rows: ReplicaRow[]): KnownFile {
    const { own: version, entry, parent, own_size: sizeBytes } = first;
    return { version, entry, parent, sizeBytes, replicas: this.#replicasOf(rows) };
  }

  #replicasOf(rows: ReplicaRow[]): readonly Replica[] {
    const [first] = rows;
    const path = first && this.#pathOfRow(first);
    if (first === undefined || path === undefined) return [];
    const own = {
      id: first.own,
      size: first.own_size,
      fingerprint: first.own_fingerprint,
      sha256: first.own_sha256,
    };
    const different = (low: number, high: number) =>
      this.#connection.statement<unknown, [number, number]>(READER_SQL.different).get(low, high) !==
      null;
    return rows
      .sort((a, b) => a.rank - b.rank)
      .map((row) => ({
        origin: row.origin as OriginId,
        path: withoutPrefix(path, row.prefix),
        entry: row.entry,
        version: row.id,
        originVersion: { sizeBytes: row.size, token: row.token },
        match: matchOf(own, row, different),
      }));
  }

  pathOf(entry: number): BytePath | undefined {
    if (entry === ROOT_ENTRY) return "" as BytePath;
    return this.#read(() => {
      const known = this.#recent?.path(entry);
      if (known !== undefined) return known;
      const row = this.#connection
        .statement<{ readonly parent: number; readonly name: Uint8Array }, [number]>(
          READER_SQL.name,
        )
        .get(entry);
      return row === null ? undefined : this.#pathOfRow(row);
    });
  }

  #pathOfRow({ parent, name }: Pick<ReplicaRow, "parent" | "name">): BytePath | undefined {
    const directory = this.#directoryPath(parent);
    return directory === undefined ? undefined : joinPath(directory, nameFromBytes(name));
  }

  /** An entry keeps its place for as long as it is there, and its number is never another's. */
  #directoryPath(entry: number): BytePath | undefined {
    if (entry !== this.#lastDirectory || this.#lastPath === undefined) {
      this.#lastPath = this.pathOf(entry);
      this.#lastDirectory = entry;
    }
    return this.#lastPath;
  }

  lastCompleteScanMs(origin: OriginId): number {
    return this.#read(() => {
      const row = this.#connection
        .statement<{ readonly last_complete_ms: number }, [string]>(READER_SQL.lastComplete)
        .get(origin);
      return row?.last_complete_ms ?? 0;
    });
  }

  totals(): { readonly files: number; readonly directories: number; readonly bytes: number } {
    const { files, directories, bytes } = this.#totals();
    return { files, directories, bytes };
  }

  filesWithoutProvedReplica(): number {
    return this.#totals().unproved;
  }

  close(): void {
    this.#connection.close();
  }

  #totals(): TotalsRow {
    return this.#read(() => {
      const row = this.#connection.statement<TotalsRow, []>(READER_SQL.totals).get();
      return row ?? { files: 0, directories: 0, bytes: 0, unproved: 0 };
    });
  }

  content(version: number): VersionContent | undefined {
    return this.#read(
      () =>
        this.#connection
          .statement<VersionContent, [number]>(
            "SELECT md5, sha256, manifest FROM content WHERE version = ?",
          )
          .get(version) ?? undefined,
    );
  }

  #read<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw failure(this.file, error);
    }
  }
}

function fill(row: NodeRow | null, out: TreeNode): boolean {
  if (row === null) return false;
  out.entry = row.id;
  out.parent = row.parent;
  out.isDirectory = row.kind === DIRECTORY;
  out.version = row.version;
  out.sizeBytes = row.size;
  out.mtimeSec = row.mtime_sec;
  out.mtimeNsec = row.mtime_nsec;
  out.mode = row.mode;
  out.uid = row.uid;
  out.gid = row.gid;
  return true;
}

/** The path on the origin of a path of the tree that lies under its prefix. */
function withoutPrefix(path: BytePath, prefix: Uint8Array): BytePath {
  const root = pathFromBytes(prefix);
  return (root === "" ? path : path.slice(root.length + 1)) as BytePath;
}

/** What SQLite throws as ours; anything else that is thrown is a bug and stays as it is. */
function failure(file: string, error: unknown): unknown {
  if (!(error instanceof SQLiteError)) return error;
  noteDamage(file, error);
  return new OwnError("catalog", `catalog ${file}: ${messageOf(error)}`, { cause: error });
}
