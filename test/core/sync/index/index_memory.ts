/** An index in memory, whose clock stands still. */

import { OwnError } from "../../../../src/core/errors.ts";
import { Description } from "../../../../src/core/sync/chunks/describe.ts";
import { INDEX_HEAD } from "../../../../src/core/sync/index/index_page.ts";
import type { IndexTarget, StoredObject } from "../../../../src/core/sync/index/index_store.ts";
import type { OpenIndex } from "../../../../src/core/sync/index/origin_index.ts";
import { publishIndex } from "../../../../src/core/sync/index/publish.ts";
import { PublishedIndex } from "../../../../src/core/sync/index/published_index.ts";
import type { TestFile } from "../../cache/fixture.ts";

export class IndexMemory implements IndexTarget {
  readonly objects = new Map<string, Uint8Array>();
  /** Names in the order in which they were written. */
  readonly puts: string[] = [];
  nowSec = 1_000_000_000;
  /** Runs before the head is replaced. */
  beforeHead: () => void = () => undefined;
  readonly #writes = new Map<string, { readonly sec: number; readonly serial: number }>();

  async get(name: string): Promise<Uint8Array> {
    const bytes = this.objects.get(name);
    if (bytes === undefined) throw new OwnError("manifest", `there is no ${name}`);
    return bytes;
  }

  async list(): Promise<readonly StoredObject[]> {
    return [...this.objects].map(([name, { byteLength: sizeBytes }]) => {
      const { sec: writtenSec = 0 } = this.#writes.get(name) ?? {};
      return { name, sizeBytes, writtenSec, token: this.#token(name) };
    });
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    this.write(name, bytes);
  }

  async replaceHead(bytes: Uint8Array, former: StoredObject | undefined): Promise<number> {
    this.beforeHead();
    if (this.#token(INDEX_HEAD) !== (former?.token ?? "")) throw new OwnError("busy", "replaced");
    this.write(INDEX_HEAD, bytes);
    return this.nowSec;
  }

  async remove(name: string): Promise<void> {
    this.objects.delete(name);
  }

  /** As `put`, at once. */
  write(name: string, bytes: Uint8Array): void {
    this.objects.set(name, bytes);
    this.#writes.set(name, { sec: this.nowSec, serial: this.puts.push(name) });
  }

  #token(name: string): string {
    return `${this.#writes.get(name)?.serial ?? ""}`;
  }
}

/** An index that tells of `file`. */
export async function indexOf(
  { path, sizeBytes, bytes }: TestFile,
  { isTrusted = false, mtimeSec = 5 } = {},
): Promise<OpenIndex> {
  const description = new Description();
  description.push(bytes);
  const store = new IndexMemory();
  await publishIndex([{ path, sizeBytes, mtimeSec, content: description.finish() }], store);
  const index = new PublishedIndex(store);
  return { index, isTrusted, [Symbol.asyncDispose]: () => Promise.resolve() };
}
