/**
 * A file vanishes only after a successful listing without it: what listings said as the program heard
 * them, against what it then says is gone, and against what the mount then does not show any more.
 */

import { type BytePath, baseName, joinPath, parentPath } from "../../src/core/bytes.ts";
import type { Replica } from "../../src/core/catalog/catalog.ts";
import type { OriginSettings } from "../../src/core/config/config.ts";
import type { MusicFsEvent } from "../../src/core/events.ts";
import type { DirEntry, FileStat, Origin, OriginId } from "../../src/core/origins/origin.ts";
import { WrappedOrigin } from "../../src/core/origins/wrappers/wrapped.ts";
import type { Node } from "./fuse_replies.ts";
import type { Violate } from "./promises.ts";
import type { VersionsWatch } from "./versions_watch.ts";
import type { Watch } from "./watch.ts";

interface Listing {
  readonly endedAt: number;
  readonly files: ReadonlySet<string>;
  readonly directories: ReadonlySet<string>;
}

const KEPT_LISTINGS = 30;

/** What the mount showed under a path. */
interface Shown {
  readonly at: number;
  readonly holders: readonly Replica[];
}

export interface AbsenceWatchPorts {
  readonly settings: readonly OriginSettings[];
  readonly versions: VersionsWatch;
  readonly changes: { readonly configured: number };
  readonly fail: Violate;
}

export class AbsenceWatch implements Watch {
  readonly #listings = new Map<string, Listing[]>();
  /** When the program was first told of a file that it has not let go of since. */
  readonly #shownAt = new Map<string, number>();
  /** When a name was last shown to be a directory: then there is no file of that name. */
  readonly #directoryAt = new Map<string, number>();
  /** By path in the tree; those of an older configuration are forgotten. */
  readonly #inTree = new Map<string, Shown>();
  #configured = 0;
  #now = 0;

  constructor(readonly ports: AbsenceWatchPorts) {}

  /** The origin as the program has it: what it answers is noted. */
  around(origin: Origin): Origin {
    return new WitnessedOrigin(origin, this);
  }

  shown(origin: OriginId, path: BytePath, { kind }: FileStat): void {
    const key = `${origin}/${path}`;
    if (kind === "directory") this.#directoryAt.set(key, ++this.#now);
    else if (!this.#shownAt.has(key)) this.#shownAt.set(key, ++this.#now);
  }

  listedOn(origin: OriginId, directory: BytePath, entries: readonly DirEntry[]): void {
    const names = (kind: string) =>
      new Set(entries.filter((entry) => entry.kind === kind).map(({ name }) => name as string));
    const listing = {
      endedAt: ++this.#now,
      files: names("file"),
      directories: names("directory"),
    };
    const key = `${origin}/${directory}`;
    const kept = [...(this.#listings.get(key) ?? []), listing];
    this.#listings.set(key, kept.slice(-KEPT_LISTINGS));
  }

  /** Whether a file, by its path in the tree, is missing because the whole origin looked empty. */
  wentWithAll(origin: OriginId, path: BytePath): boolean {
    const latest = this.#listings.get(`${origin}/`)?.at(-1);
    if (latest === undefined || latest.files.size + latest.directories.size > 0) return false;
    const below = this.#onOrigin(origin, path);
    if ((this.#directoryAt.get(`${origin}/${below}`) ?? -1) > latest.endedAt) return false;
    // An earlier listing, which was not empty, may have lacked it already.
    const since = this.#shownAt.get(`${origin}/${below}`) ?? 0;
    const [top = ""] = below.split("/");
    const lacks = ({ endedAt, files, directories }: Listing) =>
      endedAt >= since &&
      files.size + directories.size > 0 &&
      !files.has(top) &&
      !directories.has(top);
    if (this.#listings.get(`${origin}/`)?.some(lacks)) return false;
    // A directory around it could be listed since: there is something, and that lacks the file.
    for (let at = parentPath(below); at !== ""; at = parentPath(at)) {
      const listing = this.#listings.get(`${origin}/${at}`)?.at(-1);
      if (listing !== undefined && listing.endedAt > latest.endedAt) return false;
    }
    return true;
  }

  event(event: MusicFsEvent): void {
    if (event.type !== "file_removed") return;
    const { origin, path } = event;
    const below = this.#onOrigin(origin, path);
    const wasMissed = this.#wasMissed(origin, below);
    this.#shownAt.delete(`${origin}/${below}`);
    if (!wasMissed) {
      const detail = `${below} of ${origin} went, and no listing said so`;
      this.ports.fail("absence is not deletion", detail);
    }
  }

  /** The mount answers for a name: `node` is undefined when it is not there. */
  named(path: string, node: Node | undefined): void {
    this.#noteConfiguration();
    if (node === undefined) this.#checkAbsence(path);
    else if (node.isDirectory) this.#inTree.delete(path);
    else {
      this.#inTree.set(path, {
        at: ++this.#now,
        holders: this.ports.versions.ownReplicas(node.nodeid),
      });
    }
  }

  /** The mount says what a directory holds. */
  listed(directory: string, names: readonly string[]): void {
    this.#noteConfiguration();
    for (const path of [...this.#inTree.keys()]) {
      const isHere = parentPath(path as BytePath) === directory;
      if (isHere && !names.includes(baseName(path as BytePath))) this.#checkAbsence(path);
    }
  }

  #onOrigin(origin: OriginId, path: BytePath): BytePath {
    const prefix = this.ports.settings.find(({ id }) => id === origin)?.prefix ?? "";
    return (prefix === "" ? path : path.slice(prefix.length + 1)) as BytePath;
  }

  /** Other origins, or other places of theirs, may show other files. */
  #noteConfiguration(): void {
    const { configured } = this.ports.changes;
    if (configured !== this.#configured) this.#inTree.clear();
    this.#configured = configured;
  }

  #checkAbsence(path: string): void {
    const { at, holders } = this.#inTree.get(path) ?? { at: 0, holders: [] };
    this.#inTree.delete(path);
    for (const { origin, path: below } of holders) {
      const shownAt = this.#shownAt.get(`${origin}/${below}`);
      // What was told after the mount showed it may not be in the catalog yet.
      if (shownAt === undefined || shownAt > at || this.#wasMissed(origin, below)) continue;
      if (this.#fileInTheWay(path as BytePath)) continue;
      const detail = `${path} is not shown any more, and no listing of ${origin} lacked it`;
      this.ports.fail("absence is not deletion", detail);
    }
  }

  /** True when a listing since the program was told of the file lacked it; `path` is on the origin. */
  #wasMissed(origin: OriginId, path: BytePath): boolean {
    const key = `${origin}/${path}`;
    const since = this.#shownAt.get(key) ?? 0;
    const missed = (directory: BytePath, name: string, kind: "files" | "directories") =>
      (this.#listings.get(`${origin}/${directory}`) ?? []).some(
        (listing) => listing.endedAt >= since && !listing[kind].has(name),
      );
    if ((this.#directoryAt.get(key) ?? -1) >= since) return true;
    if (missed(parentPath(path), baseName(path), "files")) return true;
    for (let at = parentPath(path); at !== ""; at = parentPath(at)) {
      if (missed(parentPath(at), baseName(at), "directories")) return true;
    }
    return false;
  }

  /** True when some origin has a file where the path in the tree leads through. */
  #fileInTheWay(path: BytePath): boolean {
    for (let at = parentPath(path); at !== ""; at = parentPath(at)) {
      for (const { id, prefix } of this.ports.settings) {
        if (prefix !== "" && !at.startsWith(`${prefix}/`)) continue;
        const below = prefix === "" ? at : at.slice(prefix.length + 1);
        if (this.#shownAt.has(`${id}/${below}`)) return true;
      }
    }
    return false;
  }
}

class WitnessedOrigin extends WrappedOrigin {
  constructor(
    inner: Origin,
    readonly witness: AbsenceWatch,
  ) {
    super(inner, (_operation, signal, run) => run(signal));
  }

  override async *list(
    directory: BytePath,
    signal?: AbortSignal,
  ): AsyncGenerator<readonly DirEntry[]> {
    const all: DirEntry[] = [];
    for await (const page of super.list(directory, signal)) {
      for (const entry of page) {
        this.witness.shown(this.id, joinPath(directory, entry.name), entry);
      }
      all.push(...page);
      yield page;
    }
    this.witness.listedOn(this.id, directory, all);
  }

  override async stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    const stat = await super.stat(path, signal);
    this.witness.shown(this.id, path, stat);
    return stat;
  }
}
