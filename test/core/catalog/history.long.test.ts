/** Random histories of origins against the plain merge of what they hold. */

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type BytePath, displayPath, joinPath, ROOT_PATH } from "../../../src/core/bytes.ts";
import {
  type CatalogChanges,
  type CatalogOrigin,
  type ListingPage,
  ROOT_ENTRY,
  type ScanReport,
  type TreeNode,
} from "../../../src/core/catalog/catalog.ts";
import type { CatalogStore } from "../../../src/core/catalog/store.ts";
import { EventBus } from "../../../src/core/events.ts";
import { MemoryOrigin } from "../../../src/core/origins/memory.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { listOnDemand } from "../../../src/core/sync/directory_listing.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import { scan } from "../../../src/core/sync/scan.ts";
import { emptyNode, TestCatalog } from "./fixture.ts";
import { brokenInvariants } from "./invariants.ts";

/** How many histories are played. */
const HISTORIES_VARIABLE = "MUSICFS_HISTORIES";
const SEEDS = Number(Bun.env[HISTORIES_VARIABLE] ?? 30);
const STEPS = 60;
const NAMES = ["a", "b", "c d", "\xff\xfe", "e.flac"];
const PREFIXES = ["", "", "a", "a/b", "z"] as BytePath[];
const NOTHING = new Exclusion([]);

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What the tree shows, path to a line of everything the kernel may cache. */
type Shown = Map<
  string,
  { readonly line: string; readonly node: TreeNode; readonly listed: boolean }
>;

class History {
  readonly catalog = new TestCatalog();
  readonly origins = new Map<OriginId, MemoryOrigin>();
  config: CatalogOrigin[] = [];
  shown: Shown = new Map();

  constructor(
    readonly random: () => number,
    readonly log: string[],
  ) {
    for (const id of ["a", "b", "c"] as OriginId[]) {
      // One lists every directory in every scan.
      const options = { pageEntries: 2, marks: id !== "c" };
      this.origins.set(id, new MemoryOrigin({ id, clock: this.catalog.clock, ...options }));
      this.config.push({ id, priority: this.pick([1, 2, 3]), enabled: true, prefix: ROOT_PATH });
    }
  }

  pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.random() * items.length)] as T;
  }

  path(): string {
    const depth = 1 + Math.floor(this.random() * 3);
    return Array.from({ length: depth }, () => this.pick(NAMES)).join("/");
  }

  async step(): Promise<void> {
    this.catalog.clock.ms += 1000;
    const configured = this.pick(this.config);
    const origin = this.origins.get(configured.id);
    if (origin === undefined) throw new Error("no such origin");
    const roll = this.random();
    if (roll < 0.45) this.#edit(origin);
    else if (roll < 0.6) await this.#list(origin);
    else if (roll < 0.75) await this.#scan(origin, this.random() < 0.5);
    else if (roll < 0.85) await this.#reconfigure();
    else if (roll < 0.95) await this.#hash();
    else {
      this.log.push("reopen");
      await this.catalog.reopen();
    }
    await this.verify();
  }

  #edit(origin: MemoryOrigin): void {
    const path = this.path();
    const roll = this.random();
    this.log.push(`edit ${origin.id} ${displayPath(path as BytePath)} ${roll.toFixed(2)}`);
    try {
      if (roll < 0.6) origin.put(path, this.pick(["", "one", "two", "three"]));
      else if (roll < 0.7) origin.makeDirectory(path);
      else if (roll < 0.9) origin.remove(path);
      else origin.touch(path, { mode: this.pick([0o600, 0o755]), sameToken: true });
    } catch (error) {
      // The random path leads through a file or to nothing.
      this.log.push(`  ${(error as Error).message}`);
    }
  }

  async #list(origin: MemoryOrigin): Promise<void> {
    const path = (this.random() < 0.3 ? "" : this.path()) as BytePath;
    this.log.push(`list ${origin.id} ${displayPath(path)}`);
    try {
      await listOnDemand(origin, path, NOTHING, this.#ports());
    } catch (error) {
      this.log.push(`  ${(error as Error).message}`);
    }
  }

  async #scan(origin: MemoryOrigin, allowEmpty: boolean): Promise<void> {
    const ports = { ...this.#ports(), clock: this.catalog.clock, events: new EventBus() };
    const lockDirectory = this.catalog.directory.path;
    const options = { exclusion: NOTHING, allowEmpty };
    const report = await scan(origin, { ...ports, lockDirectory }, options);
    this.log.push(`scan ${origin.id} ${allowEmpty}: ${report.outcome}`);
  }

  async #reconfigure(): Promise<void> {
    const at = Math.floor(this.random() * this.config.length);
    const old = this.config[at] as CatalogOrigin;
    const roll = this.random();
    if (roll < 0.3) this.config[at] = { ...old, priority: this.pick([1, 2, 3]) };
    else if (roll < 0.6) this.config[at] = { ...old, enabled: !old.enabled };
    else if (roll < 0.85) this.config[at] = { ...old, prefix: this.pick(PREFIXES) };
    else {
      await this.configure(this.config.filter((origin) => origin !== old));
      await this.verify();
    }
    await this.configure(this.config);
  }

  async configure(origins: readonly CatalogOrigin[]): Promise<void> {
    this.log.push(`configure ${JSON.stringify(origins)}`);
    await this.commit(() => this.catalog.store.configureOrigins(origins), false);
  }

  async #hash(): Promise<void> {
    const files = [...this.shown.values()].filter(({ node }) => !node.isDirectory);
    if (files.length === 0) return;
    const { version } = this.pick(files).node;
    const contents = new Map<OriginId, string>();
    for (const replica of this.catalog.reader.replicas(version)) {
      const origin = this.origins.get(replica.origin);
      const into = Buffer.alloc(replica.originVersion.sizeBytes);
      try {
        await origin?.read(replica.path, 0, into, { version: replica.originVersion });
      } catch (error) {
        this.log.push(`  ${(error as Error).message}`);
        continue;
      }
      contents.set(replica.origin, into.toString());
      const sha256 = createHash("sha256").update(into).digest("hex");
      this.log.push(`hash ${replica.version} ${sha256.slice(0, 4)}`);
      await this.commit(() => this.catalog.store.setSha256(replica.version, sha256));
      await this.verify();
    }
    const now = this.catalog.reader.replicas(version);
    const own = now[0] && contents.get(now[0].origin);
    for (const { origin, match } of now) {
      const content = contents.get(origin);
      if (own === undefined || content === undefined) continue;
      expect(match).toBe(content === own ? "proved" : "different");
    }
  }

  #ports() {
    const { store } = this.catalog;
    const watched = {
      beginScan: (id: OriginId) => store.beginScan(id),
      knownListings: store.knownListings.bind(store),
      confirmListings: store.confirmListings.bind(store),
      abandonScan: (id: OriginId) => store.abandonScan(id),
      applyListing: (page: ListingPage) => this.commit(() => store.applyListing(page)),
      finishScan: async (id: OriginId, options: Parameters<CatalogStore["finishScan"]>[1]) => {
        let report: ScanReport | undefined;
        await this.commit(async () => {
          report = await store.finishScan(id, options);
          return report.changes;
        });
        return report as ScanReport;
      },
    };
    return { catalog: watched as unknown as CatalogStore, onChanges: () => undefined };
  }

  /**
   * Makes a change, which is committed when `call` returns, and checks what it says of itself.
   * Not `exact`: names may be told that came out as they were.
   */
  async commit(call: () => Promise<CatalogChanges>, exact = true): Promise<CatalogChanges> {
    const before = this.shown;
    const answer = call();
    const now = this.#read();
    this.shown = now;
    const changes = await answer;
    this.#check(before, now, changes, exact);
    return changes;
  }

  /** A kernel that caches everything it can must forget exactly what changed. */
  #check(shown: Shown, now: Shown, changes: CatalogChanges, exact: boolean): void {
    const paths = new Map<number, string>([[ROOT_ENTRY, ""]]);
    for (const tree of [shown, now]) {
      for (const [path, { node }] of tree) if (node.isDirectory) paths.set(node.entry, path);
    }
    const named = new Set<string>();
    for (const { parent, name } of changes.names) {
      const directory = paths.get(parent);
      if (directory !== undefined) named.add(joinPath(directory as BytePath, name));
    }
    const touched = new Set(changes.directories);
    for (const path of new Set([...shown.keys(), ...now.keys()])) {
      const before = shown.get(path);
      const after = now.get(path);
      const node = after?.node ?? before?.node;
      const isDirectory = after?.node.isDirectory && before?.node.isDirectory;
      const moved = before?.node.entry !== after?.node.entry;
      if (path !== "" && (isDirectory ? moved : before?.line !== after?.line)) {
        expect([path, named.has(path)]).toEqual([path, true]);
      } else if (isDirectory && before?.line !== after?.line) {
        expect([path, touched.has(node?.entry ?? 0)]).toEqual([path, true]);
      }
      if (exact && named.has(path)) expect([path, before?.line]).not.toEqual([path, after?.line]);
      if (isDirectory && before?.listed && this.#names(shown, path) !== this.#names(now, path)) {
        const mtime = ({ mtimeSec, mtimeNsec }: TreeNode) => `${mtimeSec}.${mtimeNsec}`;
        expect([path, mtime(before.node)]).not.toEqual([path, mtime(after?.node ?? emptyNode())]);
      }
    }
  }

  #names(tree: Shown, directory: string): string {
    const prefix = directory === "" ? "" : `${directory}/`;
    const names = [...tree.keys()].filter(
      (path) => path !== "" && path.startsWith(prefix) && !path.slice(prefix.length).includes("/"),
    );
    return names
      .map((path) => `${path}${tree.get(path)?.node.isDirectory}`)
      .sort()
      .join("\n");
  }

  #read(): Shown {
    const shown: Shown = new Map();
    const { reader } = this.catalog;
    const put = (path: string, node: TreeNode) => {
      const listed = node.isDirectory && reader.unlisted(node.entry).length === 0;
      shown.set(path, { line: JSON.stringify(node), node: { ...node }, listed });
    };
    const root = emptyNode();
    expect(reader.directory(ROOT_ENTRY, root)).toBe(true);
    put("", root);
    const walk = (directory: number, at: BytePath): void => {
      const found: string[] = [];
      const node = emptyNode();
      reader.list(directory, 0, node, (name) => {
        const path = joinPath(at, Buffer.from(name).toString("latin1") as BytePath);
        put(path, node);
        found.push(path);
        return true;
      });
      for (const path of found) {
        const child = shown.get(path)?.node;
        if (child?.isDirectory) walk(child.entry, path as BytePath);
      }
    };
    walk(ROOT_ENTRY, ROOT_PATH);
    return shown;
  }

  async verify(): Promise<void> {
    expect(brokenInvariants(this.catalog.file)).toEqual([]);
    // Nothing changed that was not told.
    const now = this.#read();
    const lines = (tree: Shown) => [...tree].map(([path, { line }]) => `${path} ${line}`);
    expect(lines(now)).toEqual(lines(this.shown));
  }

  /** After complete scans the tree is the merge of what the enabled origins hold. */
  async settle(): Promise<void> {
    for (const { id } of this.config) {
      const origin = this.origins.get(id);
      if (origin !== undefined) await this.#scan(origin, true);
    }
    await this.verify();
    const expected = await this.#merged();
    const actual = new Map<string, string>();
    for (const [path, { node }] of this.shown) {
      if (path === "") continue;
      const { isDirectory, sizeBytes, mtimeSec, mode } = node;
      actual.set(path, isDirectory ? "directory" : `${sizeBytes} ${mtimeSec} ${mode}`);
    }
    expect([...actual].sort()).toEqual([...expected].sort());
  }

  async #merged(): Promise<Map<string, string>> {
    const ranked = this.config
      .map((origin, position) => ({ ...origin, position }))
      .filter(({ enabled }) => enabled)
      .sort((a, b) => a.priority - b.priority || a.position - b.position);
    const merged = new Map<string, string>();
    // Best first: what a better origin has is not replaced, and a file on it hides a directory.
    for (const { id, prefix } of ranked) {
      const origin = this.origins.get(id) as MemoryOrigin;
      let at = ROOT_PATH;
      let hidden = false;
      for (const name of prefix === "" ? [] : prefix.split("/")) {
        at = joinPath(at, name as BytePath);
        if (hidden) break;
        if (!merged.has(at)) merged.set(at, "directory");
        if (merged.get(at) !== "directory") hidden = true;
      }
      if (!hidden) await this.#merge(origin, ROOT_PATH, at, merged);
    }
    return merged;
  }

  async #merge(origin: MemoryOrigin, from: BytePath, to: BytePath, merged: Map<string, string>) {
    for await (const page of origin.list(from)) {
      for (const { name, kind, sizeBytes, mtimeSec, mode } of page) {
        const path = joinPath(to, name);
        const line = kind === "directory" ? "directory" : `${sizeBytes} ${mtimeSec} ${mode}`;
        if (!merged.has(path)) merged.set(path, line);
        const shown = merged.get(path);
        if (kind === "directory" && shown === "directory") {
          await this.#merge(origin, joinPath(from, name), path, merged);
        }
      }
    }
  }
}

describe("catalog histories", () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    test(`follows the origins through a random history (seed ${seed}, FR-13.2, FR-13.3)`, async () => {
      const log: string[] = [];
      const history = new History(seeded(seed), log);
      await using _catalog = history.catalog;
      try {
        history.shown = new Map();
        await history.configure(history.config);
        for (let step = 0; step < STEPS; step++) await history.step();
        await history.settle();
      } catch (error) {
        console.log(`seed ${seed}:\n${log.join("\n")}`);
        throw error;
      }
    });
  }
});
