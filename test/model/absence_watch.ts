/**
 * A file vanishes only after a successful listing without it: what listings said as the program heard
 * them, against what it then says is gone.
 */

import { type BytePath, baseName, joinPath, parentPath } from "../../src/core/bytes.ts";
import type { DirEntry, FileStat, Origin, OriginId } from "../../src/core/origins/origin.ts";
import { WrappedOrigin } from "../../src/core/origins/wrappers/wrapped.ts";

interface Listing {
  readonly endedAt: number;
  readonly files: ReadonlySet<string>;
  readonly directories: ReadonlySet<string>;
}

const KEPT_LISTINGS = 30;

export class AbsenceWatch {
  readonly #listings = new Map<string, Listing[]>();
  /** When the program was first told of a file that it has not let go of since. */
  readonly #shownAt = new Map<string, number>();
  /** When a name was last shown to be a directory: then there is no file of that name. */
  readonly #directoryAt = new Map<string, number>();
  #now = 0;

  constructor(readonly violation: (rule: string, detail: string) => void) {}

  /** The origin as the program has it: what it answers is noted. */
  around(origin: Origin): Origin {
    return new WitnessedOrigin(origin, this);
  }

  shown(origin: OriginId, path: BytePath, { kind }: FileStat): void {
    const key = `${origin}/${path}`;
    if (kind === "directory") this.#directoryAt.set(key, ++this.#now);
    else if (!this.#shownAt.has(key)) this.#shownAt.set(key, ++this.#now);
  }

  listed(origin: OriginId, directory: BytePath, entries: readonly DirEntry[]): void {
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

  /** The program says that the file is gone; `path` is on the origin. */
  removed(origin: OriginId, path: BytePath): void {
    const key = `${origin}/${path}`;
    const since = this.#shownAt.get(key) ?? 0;
    this.#shownAt.delete(key);
    const missed = (directory: BytePath, name: string, kind: "files" | "directories") =>
      (this.#listings.get(`${origin}/${directory}`) ?? []).some(
        (listing) => listing.endedAt >= since && !listing[kind].has(name),
      );
    if ((this.#directoryAt.get(key) ?? -1) >= since) return;
    if (missed(parentPath(path), baseName(path), "files")) return;
    for (let at = parentPath(path); at !== ""; at = parentPath(at)) {
      if (missed(parentPath(at), baseName(at), "directories")) return;
    }
    this.violation("absence is not deletion", `${path} of ${origin} went, and no listing said so`);
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
    this.witness.listed(this.id, directory, all);
  }

  override async stat(path: BytePath, signal?: AbortSignal): Promise<FileStat> {
    const stat = await super.stat(path, signal);
    this.witness.shown(this.id, path, stat);
    return stat;
  }
}
