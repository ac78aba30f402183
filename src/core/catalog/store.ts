/** The catalog's writer: every call one transaction on one connection, synchronous inside. */

import { type BytePath, baseName, parentPath } from "../bytes.ts";
import type { Clock } from "../clock.ts";
import { MusicFsError, OwnError } from "../errors.ts";
import type { FileStat, OriginId } from "../origins/origin.ts";
import type {
  BegunScan,
  CatalogChanges,
  CatalogOrigin,
  CatalogWriter,
  Confirmation,
  KnownListing,
  ListingPage,
  ScanReport,
  VersionContent,
} from "./catalog.ts";
import { configure } from "./configure.ts";
import type { BeforeStatement, Connection } from "./connection.ts";
import { refreshDirectory } from "./directories.ts";
import { markIncomplete, settleDirectoryTimes } from "./directory_time.ts";
import { keepGoodCopy } from "./good_copy.ts";
import { putEntry } from "./holdings.ts";
import { confirmListing, forgetListing, knownListing } from "./known_listing.ts";
import { Listings } from "./listing.ts";
import { findDirectory, placeOf } from "./place.ts";
import { noteDamage, type OpenedCatalog, openCatalog } from "./recovery.ts";
import type { OriginRow } from "./rows.ts";
import { finishScan } from "./scan_finish.ts";
import { ScanState } from "./scan_state.ts";
import { DIRECTORY, FILE } from "./schema.ts";
import { Tables } from "./tables.ts";
import { Transaction } from "./transaction.ts";
import {
  dropLeftovers,
  recordContent,
  recordDifferent,
  recordFingerprint,
  recordSha256,
  serve,
} from "./versions.ts";

/** Versions without holder dropped by one opening, so that no start takes long. */
const MAX_DROPPED_VERSIONS = 20_000;

/** The good copy is renewed at most this often while the catalog is open. */
const GOOD_COPY_INTERVAL_MS = 10 * 60 * 1000;

export class CatalogStore implements CatalogWriter {
  readonly #opened: OpenedCatalog;
  readonly #connection: Connection;
  readonly #tables: Tables;
  readonly #listings = new Listings();
  readonly #scans = new Map<OriginId, ScanState>();
  #dataVersion = -1;
  #copiedMs: number;
  #scanCompleted = false;
  #closed = false;

  /**
   * Opens the catalog `file`, or makes it. What is damaged or of a newer version is set aside and
   * replaced by the last good copy; `notice` then says so. Throws OwnError `catalog` when neither
   * works, for example because the directory cannot be written. `before` is for tests.
   */
  static open(file: string, clock: Clock, before?: BeforeStatement): CatalogStore {
    const opened = openCatalog(file, clock, before);
    const store = new CatalogStore(opened, file, clock);
    try {
      if (opened.isOwner) store.#write((tx) => dropLeftovers(tx, MAX_DROPPED_VERSIONS));
      return store;
    } catch (error) {
      store.#release();
      throw error;
    }
  }

  private constructor(
    opened: OpenedCatalog,
    readonly file: string,
    readonly clock: Clock,
  ) {
    this.#opened = opened;
    this.#connection = opened.connection;
    this.#tables = new Tables(opened.connection);
    this.#copiedMs = clock.monotonicMs();
  }

  /** What was set aside when the catalog was opened, and why, for people. */
  get notice(): string | undefined {
    return this.#opened.notice;
  }

  /** Random, made with the catalog: its ids mean nothing with another one. */
  get generation(): string {
    const row = this.#tables
      .query<{ readonly generation: string }, []>("SELECT generation FROM tree")
      .get();
    return row?.generation ?? "";
  }

  async configureOrigins(origins: readonly CatalogOrigin[]): Promise<CatalogChanges> {
    const changes = this.#change((tx) => configure(tx, origins));
    for (const id of this.#scans.keys()) {
      if (!origins.some((origin) => origin.id === id)) this.#scans.delete(id);
    }
    this.#listings.touch();
    return changes;
  }

  async beginScan(origin: OriginId): Promise<BegunScan> {
    return this.#write((tx) => {
      const { files } = requireOrigin(tx, origin);
      tx.onCommit(() => this.#scans.set(origin, new ScanState(files)));
      return { knownFiles: files };
    }).result;
  }

  async abandonScan(origin: OriginId): Promise<void> {
    this.#scans.delete(origin);
  }

  async applyListing(page: ListingPage): Promise<CatalogChanges> {
    return this.#change((tx) => {
      this.#listings.apply(tx, page, this.#scans.get(page.origin));
    });
  }

  async knownListings(
    origin: OriginId,
    directories: readonly BytePath[],
  ): Promise<readonly (KnownListing | undefined)[]> {
    return this.#read(() => {
      const row = this.#tables.originNamed(origin);
      return directories.map((directory) => row && knownListing(this.#tables, row, directory));
    });
  }

  async confirmListings(
    origin: OriginId,
    confirmations: readonly Confirmation[],
  ): Promise<readonly boolean[]> {
    return this.#read(() => {
      const row = this.#tables.originNamed(origin);
      const scan = this.#scans.get(origin);
      if (row === undefined || scan === undefined) return confirmations.map(() => false);
      return confirmations.map((each) => confirmListing(this.#tables, row, scan, each));
    });
  }

  async finishScan(
    origin: OriginId,
    options: { readonly complete: boolean; readonly allowEmpty: boolean },
  ): Promise<ScanReport> {
    const scan = this.#scans.get(origin);
    if (scan === undefined) throw new OwnError("catalog", `no scan of origin ${origin} is running`);
    const { result, changes } = this.#write((tx) =>
      finishScan(tx, requireOrigin(tx, origin), scan, options),
    );
    this.#scans.delete(origin);
    this.#listings.touch();
    if (result.outcome === "complete") this.#scanCompleted = true;
    this.#renewGoodCopy();
    return { ...result, changes };
  }

  async applyStat(origin: OriginId, path: BytePath, stat: FileStat): Promise<CatalogChanges> {
    return this.#change((tx) => {
      const row = tx.originNamed(origin);
      const directory = row && findDirectory(tx.tables, row, path === "" ? path : parentPath(path));
      if (row === undefined || directory === undefined) return;
      if (path === "") {
        refreshDirectory(tx, directory, stat);
        return;
      }
      const name = baseName(path);
      const place = placeOf(tx, row, directory, { directory: parentPath(path) });
      const kind = stat.kind === "file" ? FILE : DIRECTORY;
      const entry = tx.tables.entriesNamed(place.directory, name).find((e) => e.kind === kind);
      const known = entry && tx.tables.holding(place.directory, entry.id, row.num);
      putEntry(tx, place, { ...stat, name }, known);
      forgetListing(tx, place.directory, row.num);
      tx.onCommit(() => this.#listings.touch(row.num, place.directory));
    });
  }

  async setFingerprint(version: number, fingerprint: string): Promise<CatalogChanges> {
    return this.#change((tx) => recordFingerprint(tx, version, fingerprint));
  }

  async setSha256(version: number, sha256: string): Promise<CatalogChanges> {
    const changes = this.#change((tx) => recordSha256(tx, version, sha256));
    this.#listings.touch();
    return changes;
  }

  async setContent(version: number, content: VersionContent): Promise<CatalogChanges> {
    const changes = this.#change((tx) => recordContent(tx, version, content));
    this.#listings.touch();
    return changes;
  }

  async setDifferent(version: number, other: number): Promise<void> {
    this.#write((tx) => recordDifferent(tx, version, other));
  }

  async setServedVersion(entry: number, version: number | undefined): Promise<CatalogChanges> {
    return this.#change((tx) => serve(tx, entry, version));
  }

  async noteIncomplete(directory: number): Promise<CatalogChanges> {
    return this.#change((tx) => markIncomplete(tx, directory));
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#keepGoodCopy();
      this.#connection.run("PRAGMA wal_checkpoint(TRUNCATE)");
    } catch (error) {
      throw this.#failure(error);
    } finally {
      this.#release();
    }
  }

  #release(): void {
    this.#connection.close();
    this.#opened.lock?.[Symbol.dispose]();
  }

  #keepGoodCopy(): void {
    if (!this.#scanCompleted) return;
    keepGoodCopy(this.#connection, this.file);
    this.#scanCompleted = false;
  }

  /** A scan's result does not depend on the copy: where it fails, closing tries again and tells. */
  #renewGoodCopy(): void {
    const nowMs = this.clock.monotonicMs();
    if (nowMs - this.#copiedMs < GOOD_COPY_INTERVAL_MS) return;
    this.#copiedMs = nowMs;
    try {
      this.#keepGoodCopy();
    } catch (error) {
      noteDamage(this.file, error);
    }
  }

  #read<T>(work: () => T): T {
    if (this.#closed) throw new OwnError("catalog", "the catalog is closed");
    try {
      return work();
    } catch (error) {
      throw this.#failure(error);
    }
  }

  #change(work: (tx: Transaction) => void): CatalogChanges {
    return this.#write(work).changes;
  }

  #write<T>(work: (tx: Transaction) => T): {
    readonly result: T;
    readonly changes: CatalogChanges;
  } {
    if (this.#closed) throw new OwnError("catalog", "the catalog is closed");
    try {
      const { result, tx } = this.#connection.transact(() => {
        this.#noticeOtherWriters();
        const tx = new Transaction(this.#tables, this.clock.wallMs());
        const result = work(tx);
        settleDirectoryTimes(tx);
        tx.flush();
        return { result, tx };
      });
      return { result, changes: tx.finish() };
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Another process wrote: what open listings remember may be out of date. */
  #noticeOtherWriters(): void {
    const row = this.#tables
      .query<{ readonly data_version: number }, []>("PRAGMA data_version")
      .get();
    if (row?.data_version !== this.#dataVersion) this.#listings.touch();
    this.#dataVersion = row?.data_version ?? -1;
  }

  #failure(error: unknown): MusicFsError {
    if (error instanceof MusicFsError) return error;
    noteDamage(this.file, error);
    const reason = error instanceof Error ? error.message : String(error);
    return new OwnError("catalog", `catalog ${this.file}: ${reason}`, { cause: error });
  }
}

function requireOrigin(tx: Transaction, id: OriginId): OriginRow {
  const row = tx.originNamed(id);
  if (row === undefined) throw new OwnError("catalog", `the catalog knows no origin ${id}`);
  return row;
}
