/**
 * What files consist of is found out once all of their bytes are in the cache, however they came
 * there: played, prefetched, pinned. Nothing is read of an origin for it (S-4).
 */

import type { BytePath } from "../bytes.ts";
import type { WholeContents } from "../cache/former_contents.ts";
import { treeFile } from "../cache/tree_files.ts";
import type { CatalogReader, VersionContent } from "../catalog/catalog.ts";
import { type Clock, sleep } from "../clock.ts";
import { MusicFsError, messageOf } from "../errors.ts";
import { BACKGROUND_SLICE_BYTES, DELTA_DEBOUNCE_MS, DELTA_QUEUE_FILES } from "../limits.ts";
import { Description } from "./chunks/describe.ts";
import { oldBytesOf } from "./delta/rebuild.ts";

export interface CachedDescriberPorts {
  readonly clock: Clock;
  readonly catalog: CatalogReader;
  readonly cache: WholeContents;
  /** What a version consists of is known now; never rejects. */
  readonly onDescribed: (version: number, content: VersionContent) => Promise<void>;
  /** For the log. */
  readonly onWarning: (message: string) => void;
}

export class CachedDescriber implements AsyncDisposable {
  /** Files that may be there as a whole; of more than DELTA_QUEUE_FILES nothing is found out. */
  readonly #paths = new Set<BytePath>();
  #timer: Disposable | undefined;
  #running: Promise<void> | undefined;
  #isDisposed = false;

  constructor(readonly ports: CachedDescriberPorts) {}

  /** The file at this path has become whole in the cache; it is looked at DELTA_DEBOUNCE_MS later. */
  note(path: BytePath): void {
    if (this.#isDisposed || this.#paths.size >= DELTA_QUEUE_FILES) return;
    this.#paths.add(path);
    this.#timer ??= this.ports.clock.schedule(DELTA_DEBOUNCE_MS, () => {
      this.#timer = undefined;
      void this.settled();
    });
  }

  /** Looks at all files that were noted, now. */
  settled(): Promise<void> {
    this.#running ??= this.#describeAll().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  /** Resolves when nothing is read any more; what is left is not looked at. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#paths.clear();
    await this.#running;
  }

  async #describeAll(): Promise<void> {
    for (const path of this.#paths) {
      this.#paths.delete(path);
      try {
        await this.#describe(path);
      } catch (error) {
        if (!(error instanceof MusicFsError)) throw error;
        this.ports.onWarning(`what a cached file consists of is not known: ${messageOf(error)}`);
      }
    }
  }

  /** Rejects with OwnError `cache` where its bytes are not there any more, with `catalog`. */
  async #describe(path: BytePath): Promise<void> {
    const { catalog, cache, clock, onDescribed } = this.ports;
    const file = treeFile(catalog, path);
    if (file === undefined || catalog.content(file.version) !== undefined) return;
    using whole = cache.openWhole(file);
    if (whole === undefined) return;
    const bytes = oldBytesOf(whole);
    const description = new Description();
    for (let done = 0; done < bytes.sizeBytes; done += BACKGROUND_SLICE_BYTES) {
      description.push(await bytes.read(done, BACKGROUND_SLICE_BYTES));
      await sleep(clock, 0);
      if (this.#isDisposed) return;
    }
    await onDescribed(file.version, description.finish());
  }
}
