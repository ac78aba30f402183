/**
 * Bytes read belong to exactly one version that the tree showed when the file was opened, and what
 * may come instead is of a class that is promised.
 */

import type { Replica } from "../../src/core/catalog/catalog.ts";
import { BLOCK_BYTES } from "../../src/core/limits.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { versionOf } from "../../src/core/vfs/nodeid.ts";
import { type Content, holds } from "./contents.ts";
import type { Node } from "./fuse_replies.ts";
import type { Life } from "./life.ts";
import type { Setup } from "./operations.ts";
import type { Violate } from "./promises.ts";
import { noReads, type ReadClass, type ReadCounts } from "./read_class.ts";
import type { Read } from "./read_log.ts";
import type { OriginRequest, Storage } from "./storage.ts";
import type { Watch } from "./watch.ts";

interface Version {
  readonly node: Node;
  readonly path: string;
  /** What origins hold it under. */
  readonly replicas: readonly Replica[];
  /** Stretches of its own bytes that were served. */
  readonly served: [offsetBytes: number, lengthBytes: number][];
}

export interface VersionsPorts {
  readonly setup: Setup;
  readonly storages: ReadonlyMap<OriginId, Storage>;
  /** The program that is mounted now. */
  readonly life: Life;
  readonly fail: Violate;
}

export class VersionsWatch implements Watch {
  readonly #versions = new Map<number, Version>();
  /** Requests for beginnings of files: those of files that are opened are read, and compared with later. */
  readonly #heads: OriginRequest[] = [];
  /** How many reads were of each class, for the report. */
  readonly counts: ReadCounts = noReads();

  constructor(readonly ports: VersionsPorts) {}

  request(request: OriginRequest): void {
    if (request.kind === "read" && request.offsetBytes === 0) this.#heads.push(request);
  }

  /** The kernel learns of a file's node: what it stands for is settled now. */
  seen(path: string, node: Node): void {
    const replicas = this.ownReplicas(node.nodeid);
    const weak = replicas.some(({ origin }) => this.ports.storages.get(origin)?.settings.weak);
    this.#versions.set(node.nodeid, { node, path, replicas, served: [] });
    if (!weak && this.contentsOf(node.nodeid).length > 1) {
      this.ports.fail("one version, one content", `${path}: node ${node.nodeid}`);
    }
  }

  /** The replicas that are of the node's own version. */
  ownReplicas(nodeid: number): readonly Replica[] {
    const version = versionOf(nodeid);
    return this.replicas(nodeid).filter((replica) => replica.version === version);
  }

  replicas(nodeid: number): readonly Replica[] {
    return this.ports.life.truth.replicas(versionOf(nodeid));
  }

  /** What it may be; more than one only where tokens are weak, none where the origin lied. */
  contentsOf(nodeid: number): readonly Content[] {
    const contents = new Set<Content>();
    for (const { origin, originVersion } of this.#versions.get(nodeid)?.replicas ?? []) {
      const { sizeBytes, token } = originVersion;
      const storage = this.ports.storages.get(origin);
      for (const content of storage?.contentsOf(sizeBytes, token) ?? []) contents.add(content);
    }
    this.#addWeaklyProved(nodeid, contents);
    return [...contents];
  }

  /** Replicas proved to be of the version since then, whose tokens stay when their bytes change. */
  #addWeaklyProved(nodeid: number, contents: Set<Content>): void {
    for (const { origin, originVersion } of this.ownReplicas(nodeid)) {
      const storage = this.ports.storages.get(origin);
      if (!storage?.settings.weak) continue;
      const { sizeBytes, token } = originVersion;
      const held = storage.contentsOf(sizeBytes, token);
      if (held.some((content) => contents.has(content)))
        for (const each of held) contents.add(each);
    }
  }

  readAnswered(read: Read): void {
    const { result, offsetBytes, handle } = read;
    if (result === undefined || "errno" in result) return;
    const { nodeid } = handle.node;
    const found = this.#classify(nodeid, offsetBytes, result.ok);
    read.class = found;
    this.counts[found]++;
    if (found !== "wrong") return;
    const contents = this.contentsOf(nodeid).map(({ number }) => number);
    const what = `${handle.path}: ${result.ok.byteLength} bytes at ${offsetBytes}`;
    this.ports.fail("bytes of one version", `${what} are not of content ${contents.join(" or ")}`);
  }

  #classify(nodeid: number, offsetBytes: number, bytes: Uint8Array): ReadClass {
    const version = this.#versions.get(nodeid);
    if (version === undefined) return "wrong";
    if (bytes.byteLength === 0) return "proved";
    const { served, node } = version;
    const contents = this.contentsOf(nodeid);
    if (contents.some((content) => holds(content, offsetBytes, bytes))) {
      served.push([offsetBytes, bytes.byteLength]);
      return contents.length > 1 ? "weak" : "proved";
    }
    if (contents.length > 1 && isOfBlocks(contents, offsetBytes, bytes)) return "weak";
    if (this.ports.setup.failover === "proved") return "wrong";
    // What was compared, or is: where tokens are weak, other bytes may have come into its place.
    const others = [...this.ports.storages.values()].flatMap((storage) =>
      storage
        .contentsOfSize(node.sizeBytes)
        .filter((other) => holds(other, offsetBytes, bytes))
        .flatMap((other) => storage.takenFor(other)),
    );
    const isLike = (other: Content) =>
      contents.some(({ fingerprint }) => fingerprint === other.fingerprint);
    if (others.some(isLike)) return "probable";
    const known = [...served, ...this.#headsOf(version)];
    const agrees = (other: Content) =>
      contents.some((own) =>
        known.some(([at, length]) => holds(other, at, own.bytes.subarray(at, at + length))),
      );
    return others.some(agrees) ? "seam" : "wrong";
  }

  /** What its origins answered of its beginning; nobody may have been served that yet. */
  #headsOf({ replicas }: Version): Version["served"] {
    return this.#heads
      .filter(({ endMs, error }) => endMs !== undefined && error === undefined)
      .filter((head) => replicas.some((of) => of.origin === head.origin && of.path === head.path))
      .map(({ lengthBytes }) => [0, lengthBytes]);
  }
}

/** A READ is fetched block by block: where tokens are weak, some may come before an edit and some after it. */
function isOfBlocks(contents: readonly Content[], offsetBytes: number, bytes: Uint8Array): boolean {
  for (let done = 0; done < bytes.byteLength; ) {
    const at = offsetBytes + done;
    const block = bytes.subarray(done, done + BLOCK_BYTES - (at % BLOCK_BYTES));
    if (!contents.some((content) => holds(content, at, block))) return false;
    done += block.byteLength;
  }
  return true;
}
