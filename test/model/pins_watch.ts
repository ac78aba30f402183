/** What is pinned is not evicted: it stays until it is unpinned or cleared, or another version comes. */

import { existsSync } from "node:fs";
import { type BytePath, pathFromBytes } from "../../src/core/bytes.ts";
import { contentDirectory, indexFile } from "../../src/core/cache/open_index.ts";
import { liesAtOrBelow } from "../../src/core/cache/pins.ts";
import { Connection } from "../../src/core/catalog/connection.ts";
import type { Life } from "./life.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface PinsWatchPorts {
  readonly life: Life;
  readonly fail: Violate;
}

const INDEX_KIB = 256;

interface ContentRow {
  readonly id: number;
  readonly path: Uint8Array;
  readonly superseded: number;
}

export class PinsWatch implements Watch {
  /** What was pinned and there at the last look, by content. */
  #pinned = new Map<number, BytePath>();
  /** Something was pinned since the program began. */
  #isUsed = false;

  constructor(readonly ports: PinsWatchPorts) {}

  /** Pins are made or taken away. */
  changed(): void {
    this.#isUsed = true;
  }

  /** Somebody removed what was cached, or it was damaged. */
  forget(): void {
    this.#pinned.clear();
  }

  look(): void {
    const { life, fail } = this.ports;
    const file = indexFile(contentDirectory(life.ports.directory));
    if (!this.#isUsed || life.cache === undefined || !existsSync(file)) return;
    const { pins, contents } = read(file);
    const there = new Set(contents.map(({ id }) => id));
    for (const [id, path] of this.#pinned) {
      const isReplaced = contents.some((row) => pathFromBytes(row.path) === path);
      if (there.has(id) || isReplaced || !liesAtOrBelow(path, pins)) continue;
      fail("what is pinned stays", `${path} was evicted`);
    }
    this.#pinned = new Map(
      contents
        .filter(({ superseded }) => superseded === 0)
        .map(({ id, path }) => [id, pathFromBytes(path)] as const)
        .filter(([, path]) => liesAtOrBelow(path, pins)),
    );
  }

  /** A kill may take what was not committed; ids may be given anew. */
  lifeEnded(): void {
    this.#pinned.clear();
  }
}

function read(file: string): {
  readonly pins: ReadonlySet<BytePath>;
  readonly contents: readonly ContentRow[];
} {
  const connection = Connection.forReading(file, INDEX_KIB);
  try {
    const pins = connection.statement<{ readonly path: Uint8Array }, []>("SELECT path FROM pin");
    const contents = connection.statement<ContentRow, []>(
      "SELECT id, path, superseded FROM content",
    );
    return {
      pins: new Set(pins.all().map(({ path }) => pathFromBytes(path))),
      contents: contents.all(),
    };
  } finally {
    connection.close();
  }
}
