/**
 * The files behind handles that the main thread reads for: each bound to the version it was opened
 * with, its replicas asked of the catalog anew for every read.
 */

import { type BytePath, ROOT_PATH } from "../bytes.ts";
import type { CatalogReader, Replica } from "../catalog/catalog.ts";
import { emptyNode } from "../catalog/tree_node.ts";
import type { FederatedFile, Seam } from "../federation/file.ts";
import type { HandleTable } from "../vfs/handles.ts";
import type { SeamPool } from "../vfs/seams.ts";

export interface BoundFilesPorts {
  readonly catalog: CatalogReader;
  readonly handles: HandleTable;
  readonly seams: SeamPool;
}

export class BoundFile implements FederatedFile {
  /** Set once a `probable` replica served a read: its pages are dropped when the handle closes. */
  servedUnproved = false;
  /** Set where the kernel was told so, before the file is open. */
  isDirect = false;

  constructor(
    readonly ports: BoundFilesPorts,
    readonly fh: number,
    readonly path: BytePath,
    readonly version: number,
    readonly sizeBytes: number,
  ) {}

  replicas(): readonly Replica[] {
    return this.ports.catalog.replicas(this.version);
  }

  seams(): readonly Seam[] {
    return this.ports.seams.seams(this.ports.handles, this.fh);
  }
}

export class BoundFiles {
  readonly #files = new Map<number, BoundFile>();
  readonly #node = emptyNode();

  constructor(readonly ports: BoundFilesPorts) {}

  /** The file of an open handle; undefined when the handle is closed. */
  get(fh: number): BoundFile | undefined {
    const { catalog, handles } = this.ports;
    if (!handles.isOpen(fh)) return undefined;
    const known = this.#files.get(fh);
    if (known !== undefined) return known;
    const version = handles.version(fh);
    const path = catalog.version(version, this.#node)
      ? catalog.pathOf(this.#node.entry)
      : undefined;
    const size = handles.sizeBytes(fh);
    const file = new BoundFile(this.ports, fh, path ?? ROOT_PATH, version, size);
    this.#files.set(fh, file);
    return file;
  }

  /** The handle is closed; answers its file if there was one. */
  release(fh: number): BoundFile | undefined {
    const file = this.#files.get(fh);
    this.#files.delete(fh);
    return file;
  }

  get size(): number {
    return this.#files.size;
  }
}
