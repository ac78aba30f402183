/**
 * Bytes read belong to exactly one version that the tree showed when the file was opened, with the
 * exceptions that are promised, each in its own class:
 *
 * - *weak*: an origin whose tokens are size and mtime may hold any of the contents that went under
 *   them;
 * - *probable* (`failover = "probable"` only): another origin's replica of equal size whose sampled
 *   fingerprint is equal;
 * - *unverified* (`failover = "probable"` only): another origin's replica of equal size that agrees
 *   with bytes which were served before.
 *
 * Bytes of the last two are in the page cache only while a handle is open that brought them.
 */

import type { CatalogReader, Replica } from "../../src/core/catalog/catalog.ts";
import type { OriginId } from "../../src/core/origins/origin.ts";
import { versionOf } from "../../src/core/vfs/nodeid.ts";
import { type Content, holds } from "./contents.ts";
import type { Node } from "./fuse_replies.ts";
import type { Storage } from "./storage.ts";

export type ReadClass = "exact" | "weak" | "probable" | "unverified" | "wrong";

interface Version {
  readonly node: Node;
  readonly path: string;
  /** What origins hold it under. */
  readonly replicas: readonly Replica[];
  readonly weak: boolean;
  /** Stretches of its own bytes that were served. */
  readonly served: [offsetBytes: number, lengthBytes: number][];
}

export interface VersionsPorts {
  readonly catalog: () => CatalogReader;
  readonly storages: ReadonlyMap<OriginId, Storage>;
  readonly failover: "probable" | "proved";
  readonly violation: (rule: string, detail: string) => void;
}

export class VersionsWatch {
  readonly #versions = new Map<number, Version>();
  /** How many reads were of each class, for the report. */
  readonly counts: Record<ReadClass, number> = {
    exact: 0,
    weak: 0,
    probable: 0,
    unverified: 0,
    wrong: 0,
  };

  constructor(readonly ports: VersionsPorts) {}

  /** The kernel learns of a file's node: what it stands for is settled now. */
  seen(path: string, node: Node): void {
    const replicas = this.ownReplicas(node.nodeid);
    const weak = replicas.some(({ origin }) => this.ports.storages.get(origin)?.settings.weak);
    this.#versions.set(node.nodeid, { node, path, replicas, weak, served: [] });
    if (!weak && this.contentsOf(node.nodeid).length > 1) {
      this.ports.violation("one version, one content", `${path}: node ${node.nodeid}`);
    }
  }

  /** The replicas that are of the node's own version. */
  ownReplicas(nodeid: number): readonly Replica[] {
    const version = versionOf(nodeid);
    return this.replicas(nodeid).filter((replica) => replica.version === version);
  }

  replicas(nodeid: number): readonly Replica[] {
    return this.ports.catalog().replicas(versionOf(nodeid));
  }

  /** What it may be; more than one only where tokens are weak, none where the origin lied. */
  contentsOf(nodeid: number): readonly Content[] {
    const contents = new Set<Content>();
    for (const { origin, originVersion } of this.#versions.get(nodeid)?.replicas ?? []) {
      const { sizeBytes, token } = originVersion;
      const storage = this.ports.storages.get(origin);
      for (const content of storage?.contentsOf(sizeBytes, token) ?? []) contents.add(content);
    }
    return [...contents];
  }

  /** Judges what a READ was answered. */
  read(nodeid: number, offsetBytes: number, bytes: Uint8Array): ReadClass {
    const found = this.#classify(nodeid, offsetBytes, bytes);
    this.counts[found]++;
    if (found === "wrong") {
      const { path = "?" } = this.#versions.get(nodeid) ?? {};
      const expected = this.contentsOf(nodeid)
        .map(({ number }) => number)
        .join(" or ");
      const detail = `${path}: ${bytes.byteLength} bytes at ${offsetBytes} are not of content ${expected}`;
      this.ports.violation("bytes of one version", detail);
    }
    return found;
  }

  #classify(nodeid: number, offsetBytes: number, bytes: Uint8Array): ReadClass {
    const version = this.#versions.get(nodeid);
    if (version === undefined) return "wrong";
    if (bytes.byteLength === 0) return "exact";
    const { weak, served, node } = version;
    const contents = this.contentsOf(nodeid);
    if (contents.some((content) => holds(content, offsetBytes, bytes))) {
      served.push([offsetBytes, bytes.byteLength]);
      return weak && contents.length > 1 ? "weak" : "exact";
    }
    if (this.ports.failover === "proved") return "wrong";
    const others = [...this.ports.storages.values()]
      .flatMap((storage) => storage.contentsOfSize(node.sizeBytes))
      .filter((other) => holds(other, offsetBytes, bytes));
    const isLike = (other: Content) =>
      contents.some(({ fingerprint }) => fingerprint === other.fingerprint);
    if (others.some(isLike)) return "probable";
    const agrees = (other: Content) =>
      contents.some((own) =>
        served.some(([at, length]) => holds(other, at, own.bytes.subarray(at, at + length))),
      );
    return others.some(agrees) ? "unverified" : "wrong";
  }
}
