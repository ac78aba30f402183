/** Which directories would list what they did, told without listing them. */

import type { BytePath } from "../bytes.ts";
import type { CatalogWriter, KnownListing } from "../catalog/catalog.ts";
import { MusicFsError } from "../errors.ts";
import { MARKED_ENTRIES, MARKED_PATH_BYTES } from "../limits.ts";
import type { FileStat, Origin } from "../origins/origin.ts";
import { shownMark } from "./directory_listing.ts";
import type { Exclusion } from "./exclusion.ts";

type Catalog = Pick<CatalogWriter, "knownListings" | "confirmListings">;

export interface LookedAt {
  readonly path: BytePath;
  readonly stat: FileStat;
}

/** Of an origin that has marks; undefined for one without. */
export function knownDirectories(
  origin: Origin,
  catalog: Catalog,
  exclusion: Exclusion,
): KnownDirectories | undefined {
  const marks = origin.marks?.bind(origin);
  return marks && new KnownDirectories(origin, marks, catalog, exclusion);
}

interface Candidate extends LookedAt {
  readonly index: number;
  readonly known: KnownListing;
}

export class KnownDirectories {
  constructor(
    readonly origin: Origin,
    readonly marks: NonNullable<Origin["marks"]>,
    readonly catalog: Catalog,
    readonly exclusion: Exclusion,
  ) {}

  /**
   * What is known of each directory that is as it was, and counts as listed by the scan that runs;
   * undefined for the others. What the origin cannot tell now is left to its listings. Rejects with
   * what the catalog rejects with.
   */
  async among(
    directories: readonly LookedAt[],
    signal: AbortSignal,
  ): Promise<readonly (KnownListing | undefined)[]> {
    const { catalog, origin } = this;
    const paths = directories.map(({ path }) => path);
    const listings = await catalog.knownListings(origin.id, paths);
    const confirmed: (KnownListing | undefined)[] = directories.map(() => undefined);
    const candidates = directories.flatMap((directory, index) => {
      const known = listings[index];
      if (known === undefined || entriesOf(known) > MARKED_ENTRIES) return [];
      return [{ ...directory, index, known }];
    });
    const same: Candidate[] = [];
    for (const batch of batches(candidates)) same.push(...(await this.#unchanged(batch, signal)));
    const confirmations = same.map(({ path, stat, known: { mark } }) => {
      return { directory: path, mark, stat };
    });
    const answers = await catalog.confirmListings(origin.id, confirmations);
    same.forEach(({ index, known }, at) => {
      if (answers[at]) confirmed[index] = known;
    });
    return confirmed;
  }

  async #unchanged(batch: readonly Candidate[], signal: AbortSignal): Promise<Candidate[]> {
    try {
      const paths = batch.map(({ path }) => path);
      const marks = await this.marks(paths, signal);
      return batch.filter(({ known }, index) => {
        const mark = marks[index];
        return mark !== undefined && shownMark(mark, this.exclusion) === known.mark;
      });
    } catch (error) {
      // Listing them tells what is wrong, with the directory or with the origin.
      if (error instanceof MusicFsError) return [];
      throw error;
    }
  }
}

function entriesOf({ files, directories }: KnownListing): number {
  return files + directories.length;
}

/** As many at once as one look may take. */
function* batches(candidates: readonly Candidate[]): Generator<readonly Candidate[]> {
  let batch: Candidate[] = [];
  let entries = 0;
  let pathBytes = 0;
  for (const candidate of candidates) {
    const { known, path } = candidate;
    const size = entriesOf(known);
    if (entries + size > MARKED_ENTRIES || pathBytes + path.length > MARKED_PATH_BYTES) {
      if (batch.length > 0) yield batch;
      batch = [];
      entries = 0;
      pathBytes = 0;
    }
    batch.push(candidate);
    entries += size;
    pathBytes += path.length + 1;
  }
  if (batch.length > 0) yield batch;
}
