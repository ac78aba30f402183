/** A program that uses the mount: paths in, names, bytes or an errno out. It caches nothing. */

import { ATTR, DIRENT, ENTRY_OUT, OPEN_OUT } from "../../src/core/fuse/layout.ts";
import { DIRECTORY_DEADLINE_MS } from "../../src/core/limits.ts";
import { ENOENT, ESTALE } from "../../src/core/sys/errno.ts";
import { named, type Part, u32, u64 } from "../core/fuse/requests.ts";
import type { VirtualClock } from "../support/virtual_clock.ts";
import type { OneThreadMount, Reply } from "./one_thread_mount.ts";

const ROOT = 1;
const LISTING_BYTES = 32_768;
const NONE = u32(0);

/** Requests are answered within their time, whatever fails. OPEN may look at every origin. */
const LIMITS_MS: Readonly<Record<string, number>> = { READ: 30_000, OPEN: 30_000 };

export type Result<T> = { readonly ok: T } | { readonly errno: number };

interface Node {
  readonly nodeid: number;
  readonly sizeBytes: number;
}

export interface OpenFile extends Node {
  readonly fh: number;
}

export class Program {
  constructor(
    readonly mount: OneThreadMount,
    readonly clock: VirtualClock,
    /** A rule of the mount was broken. */
    readonly violation: (what: string) => void,
  ) {}

  /** Names in a directory, sorted. */
  async list(path: string): Promise<Result<readonly string[]>> {
    return await this.#freshly(path, async ({ nodeid }) => {
      const names: string[] = [];
      for (let offset = 0n; ; ) {
        const head = [u64(0), u64(offset), u32(LISTING_BYTES), NONE, u64(0), NONE, NONE];
        const { errno, body } = await this.#ask("READDIRPLUS", nodeid, head);
        if (errno !== 0) return { errno };
        if (body.length === 0) return { ok: names.sort() };
        for (let at = 0; at < body.length; ) {
          const dirent = at + ENTRY_OUT.sizeBytes;
          const length = body.readUInt32LE(dirent + DIRENT.at.namelen);
          const nameAt = dirent + DIRENT.sizeBytes;
          const name = body.toString("latin1", nameAt, nameAt + length);
          offset = body.readBigUInt64LE(dirent + DIRENT.at.off);
          if (name !== "." && name !== "..") names.push(name);
          at = nameAt + Math.ceil(length / 8) * 8;
        }
      }
    });
  }

  /** As open(2): looks the name up once more when what it led to is no longer there. */
  async open(path: string): Promise<Result<OpenFile>> {
    return await this.#freshly(path, async (node) => {
      const { errno, body } = await this.#ask("OPEN", node.nodeid, [NONE, NONE]);
      if (errno !== 0) return { errno };
      return { ok: { ...node, fh: Number(body.readBigUInt64LE(OPEN_OUT.at.fh)) } };
    });
  }

  async read(file: OpenFile, offsetBytes: number, lengthBytes: number): Promise<Result<Buffer>> {
    const { nodeid, fh, sizeBytes } = file;
    const head = [u64(fh), u64(offsetBytes), u32(lengthBytes), NONE, u64(0), NONE, NONE];
    const { errno, body } = await this.#ask("READ", nodeid, head);
    if (errno !== 0) return { errno };
    const expected = Math.max(0, Math.min(lengthBytes, sizeBytes - offsetBytes));
    if (body.length !== expected) {
      this.violation(`a READ was answered ${body.length} bytes for ${expected}`);
    }
    return { ok: body };
  }

  async close({ nodeid, fh }: OpenFile): Promise<void> {
    await this.#ask("FLUSH", nodeid, [u64(fh), NONE, NONE, u64(0)]);
    await this.#ask("RELEASE", nodeid, [u64(fh), NONE, NONE, u64(0)]);
  }

  /** What `statfs` and `getfattr` ask. */
  async look(path: string): Promise<Result<number>> {
    return await this.#freshly(path, async ({ nodeid, sizeBytes }) => {
      await this.#ask("STATFS", ROOT, []);
      const name = named("user.musicfs.origin");
      await this.#ask("GETXATTR", nodeid, [u32(256), NONE, name]);
      const { errno } = await this.#ask("GETATTR", nodeid, [NONE, NONE, u64(0)]);
      return errno === 0 ? { ok: sizeBytes } : { errno };
    });
  }

  async #freshly<T>(path: string, work: (node: Node) => Promise<Result<T>>): Promise<Result<T>> {
    for (let last = false; ; last = true) {
      const found = await this.#walk(path);
      const result = "errno" in found ? found : await work(found.ok);
      if (last || !("errno" in result) || result.errno !== ESTALE) return result;
    }
  }

  async #walk(path: string): Promise<Result<Node>> {
    let node: Node = { nodeid: ROOT, sizeBytes: 0 };
    for (const name of path.split("/").filter(Boolean)) {
      const { errno, body } = await this.#ask("LOOKUP", node.nodeid, [named(name)]);
      if (errno !== 0) return { errno };
      const nodeid = Number(body.readBigUInt64LE(ENTRY_OUT.at.nodeid));
      if (nodeid === 0) return { errno: ENOENT };
      const sizeAt = ENTRY_OUT.at.attr + ATTR.at.size;
      node = { nodeid, sizeBytes: Number(body.readBigUInt64LE(sizeAt)) };
    }
    return { ok: node };
  }

  async #ask(name: string, nodeid: number, parts: readonly Part[]): Promise<Reply> {
    const limitMs = LIMITS_MS[name] ?? DIRECTORY_DEADLINE_MS;
    const startedMs = this.clock.monotonicMs();
    const reply = await this.clock.run(this.mount.ask(name, nodeid, parts), 2 * limitMs);
    const tookMs = this.clock.monotonicMs() - startedMs;
    if (tookMs > limitMs) this.violation(`${name} was answered after ${tookMs} ms`);
    if (reply.errno < 0) this.violation(`${name} was answered with the error ${reply.errno}`);
    return reply;
  }
}
