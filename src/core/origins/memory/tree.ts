/** The tree of a memory origin: what tests and the simulator change under a running system. */

import { type ByteName, type BytePath, baseName, isValidName, parentPath } from "../../bytes.ts";
import type { OriginErrorCode } from "../../errors.ts";

/** Bytes, or a rule that makes them, for files that no memory holds. */
export type FileContent =
  | Uint8Array
  | {
      readonly sizeBytes: number;
      /** Fills `into` with the bytes from `offsetBytes` on, all of which lie within the file. */
      readonly fill: (offsetBytes: number, into: Uint8Array) => void;
    };

interface NodeCommon {
  readonly inode: number;
  mtimeMs: number;
  mode: number;
}

export interface MemoryFile extends NodeCommon {
  readonly kind: "file";
  content: FileContent;
  token: string;
}

export interface MemoryDirectory extends NodeCommon {
  readonly kind: "directory";
  readonly children: Map<ByteName, MemoryNode>;
}

/** A symbolic link: `target` is relative to its directory and may hold `..`. */
export interface MemoryLink {
  readonly kind: "link";
  readonly target: string;
}

export type MemoryNode = MemoryFile | MemoryDirectory | MemoryLink;

/** Why a path leads to nothing. */
export class TreeFailure extends Error {
  override readonly name = "TreeFailure";

  constructor(
    readonly code: OriginErrorCode,
    message: string,
  ) {
    super(message);
  }
}

/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;

export class MemoryTree {
  readonly root: MemoryDirectory;
  #inode = 1;

  constructor(nowMs: number) {
    this.root = this.directory(nowMs);
  }

  directory(nowMs: number): MemoryDirectory {
    const inode = this.#inode++;
    return { kind: "directory", inode, mtimeMs: nowMs, mode: 0o755, children: new Map() };
  }

  file(content: FileContent, token: string, nowMs: number): MemoryFile {
    return { kind: "file", inode: this.#inode++, mtimeMs: nowMs, mode: 0o644, content, token };
  }

  /** What `path` leads to, links followed. */
  resolve(path: BytePath): MemoryFile | MemoryDirectory {
    const todo = path === "" ? [] : path.split("/").reverse();
    const trail: MemoryDirectory[] = [];
    let node: MemoryFile | MemoryDirectory = this.root;
    for (let links = 0; ; ) {
      const name = todo.pop();
      if (name === undefined) return node;
      if (name === "" || name === ".") continue;
      if (node.kind !== "directory") throw new TreeFailure("not_a_directory", "not a directory");
      if (name === "..") {
        const parent = trail.pop();
        if (parent === undefined) throw new TreeFailure("outside_root", "leads out of the origin");
        node = parent;
        continue;
      }
      const child: MemoryNode | undefined = node.children.get(name as ByteName);
      if (child === undefined) throw new TreeFailure("not_found", "no such file or directory");
      if (child.kind !== "link") {
        trail.push(node);
        node = child;
        continue;
      }
      if (++links > MAX_LINKS) throw new TreeFailure("symlink_loop", "too many symbolic links");
      if (child.target.startsWith("/")) {
        throw new TreeFailure("outside_root", "leads out of the origin");
      }
      todo.push(...child.target.split("/").reverse());
    }
  }

  /** The directory that holds (or is to hold) `path`; with `nowMs` missing ones are made. */
  parent(path: BytePath, nowMs?: number): MemoryDirectory {
    const name = baseName(path);
    if (!isValidName(name)) throw new TreeFailure("bad_name", "not a name");
    const directory = parentPath(path);
    if (nowMs !== undefined && directory !== "") {
      const siblings = this.parent(directory, nowMs).children;
      const known = siblings.get(baseName(directory));
      if (known === undefined) siblings.set(baseName(directory), this.directory(nowMs));
    }
    const node = this.resolve(directory);
    if (node.kind !== "directory") throw new TreeFailure("not_a_directory", "not a directory");
    return node;
  }

  /** True when the path leads to something. */
  has(path: BytePath): boolean {
    try {
      this.resolve(path);
      return true;
    } catch (error) {
      if (error instanceof TreeFailure) return false;
      throw error;
    }
  }

  /** The node that a path names itself, a link not followed. */
  at(path: BytePath): MemoryNode {
    if (path === "") return this.root;
    const node = this.parent(path).children.get(baseName(path));
    if (node === undefined) throw new TreeFailure("not_found", "no such file or directory");
    return node;
  }
}

export function contentSize(content: FileContent): number {
  return content instanceof Uint8Array ? content.byteLength : content.sizeBytes;
}

/** Copies from `offsetBytes` on into `into`, as far as the content goes, and answers how much. */
export function readContent(content: FileContent, offsetBytes: number, into: Uint8Array): number {
  const length = Math.max(0, Math.min(into.byteLength, contentSize(content) - offsetBytes));
  if (length === 0) return 0;
  const target = into.subarray(0, length);
  if (content instanceof Uint8Array) {
    target.set(content.subarray(offsetBytes, offsetBytes + length));
  } else {
    content.fill(offsetBytes, target);
  }
  return length;
}
