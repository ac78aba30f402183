/** Origins as the reader sees them: bytes that come after a while, with every request written down. */

import { type BytePath, pathFromText } from "../../../src/core/bytes.ts";
import { Reader, type ReaderPorts } from "../../../src/core/cache/reader.ts";
import type { Replica } from "../../../src/core/catalog/catalog.ts";
import { sleep } from "../../../src/core/clock.ts";
import type { FederatedFile, FetchBytes, ServedRead } from "../../../src/core/federation/file.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { MemoryBlockCache } from "../../support/memory_block_cache.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { someBytes } from "../federation/setting.ts";

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const BUCKET = "bucket" as OriginId;

export interface Request {
  readonly atMs: number;
  readonly path: BytePath;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  readonly background: boolean;
  readonly signal: AbortSignal;
}

/** A file whose bytes differ everywhere. */
export function testFile(sizeBytes: number, version = 1, origin = BUCKET): TestFile {
  return new TestFile(someBytes(sizeBytes, version), version, origin);
}

export class TestFile implements FederatedFile {
  readonly path: BytePath;
  readonly sizeBytes: number;

  constructor(
    readonly content: Uint8Array,
    readonly version: number,
    readonly origin: OriginId,
  ) {
    this.path = pathFromText(`album/${version}.flac`);
    this.sizeBytes = content.byteLength;
  }

  /** Another open handle on the same bytes. */
  again(): TestFile {
    return new TestFile(this.content, this.version, this.origin);
  }

  replicas(): readonly Replica[] {
    const { origin, path, version, sizeBytes } = this;
    const originVersion = { sizeBytes, token: `t${version}` };
    return [{ origin, path, entry: version, version, originVersion, match: "proved" }];
  }

  seams() {
    return [];
  }
}

/** A reader over files in reach, each request to which takes `latencyMs`. */
export class ReaderSetting {
  readonly clock = new VirtualClock();
  readonly cache = new MemoryBlockCache();
  readonly requests: Request[] = [];
  readonly reader: Reader;
  latencyMs = 50;
  proved = true;
  /** What the next requests fail with; undefined: they do not. */
  readonly failures: (Error | undefined)[] = [];
  /** Requests under way. */
  active = 0;
  /** Memory of answers that is not given back yet. */
  lentBytes = 0;

  constructor(ports: Partial<ReaderPorts> = {}) {
    this.reader = new Reader({
      clock: this.clock,
      cache: this.cache,
      fetch: this.#fetch,
      isReadAhead: (origin) => origin !== "disk",
      readDeadlineMs: 30_000,
      ...ports,
    });
  }

  /** Starts a read; the bytes that it was answered are compared with the file's. */
  async read(
    file: TestFile,
    offsetBytes: number,
    lengthBytes: number,
    signal = new AbortController().signal,
  ): Promise<ServedRead> {
    const into = new Uint8Array(lengthBytes);
    const served = await this.reader.read(file, offsetBytes, into, { signal });
    const expected = file.content.subarray(offsetBytes, offsetBytes + lengthBytes);
    if (served.bytesRead !== expected.byteLength) throw new Error(`${served.bytesRead} bytes`);
    if (Buffer.compare(into.subarray(0, served.bytesRead), expected) !== 0) {
      throw new Error(`other bytes than the file's at ${offsetBytes}`);
    }
    return served;
  }

  /** Reads and lets time pass until it is done. */
  get(file: TestFile, offsetBytes: number, lengthBytes: number): Promise<ServedRead> {
    return this.clock.run(this.read(file, offsetBytes, lengthBytes));
  }

  /** Reads a stretch in pieces, one after the other. */
  async stream(file: TestFile, from: number, to: number, pieceBytes = 32 * KIB): Promise<void> {
    for (let at = from; at < to; at += pieceBytes) {
      await this.get(file, at, Math.min(pieceBytes, to - at));
    }
  }

  /** Offsets and lengths in KiB of the requests so far, which are then forgotten. */
  takeRequests(): [offsetKib: number, lengthKib: number][] {
    return this.requests
      .splice(0)
      .map(({ offsetBytes, lengthBytes }) => [offsetBytes / KIB, lengthBytes / KIB]);
  }

  readonly #fetch: FetchBytes = async (
    file,
    offsetBytes,
    lengthBytes,
    { signal, background = false },
  ) => {
    const atMs = this.clock.monotonicMs();
    this.requests.push({ atMs, path: file.path, offsetBytes, lengthBytes, background, signal });
    const failure = this.failures.shift();
    this.active++;
    try {
      await sleep(this.clock, this.latencyMs, signal);
    } finally {
      this.active--;
    }
    if (failure !== undefined) throw failure;
    if (!(file instanceof TestFile)) throw new Error("a file of another test");
    const bytes = file.content.slice(offsetBytes, offsetBytes + lengthBytes);
    const { origin } = file;
    const how = { origin, failures: 0, hedged: false, proved: this.proved };
    this.lentBytes += lengthBytes;
    return {
      outcome: { bytesRead: lengthBytes, ...how },
      bytes,
      [Symbol.dispose]: () => {
        // Whoever reads it after this is found out.
        bytes.fill(0);
        this.lentBytes -= lengthBytes;
      },
    };
  };
}
