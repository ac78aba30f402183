/** A temporary directory that tests fill behind an origin's back, with names as bytes. */

import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BytePath, parentPath, toBytes } from "../../src/core/bytes.ts";
import type { OriginFixture, SpecialKind } from "../suites/origin.ts";

type Filling = Required<Omit<OriginFixture, "origin" | typeof Symbol.asyncDispose>>;

export class LocalTree implements Filling, Disposable {
  /** Holds `root` and whatever a test wants to lie outside of it. */
  readonly directory: string;
  readonly root: string;

  /** Somewhere below `parent`. */
  constructor(parent = tmpdir()) {
    this.directory = mkdtempSync(join(parent, "musicfs-test-"));
    this.root = join(this.directory, "root");
    mkdirSync(this.root);
    writeFileSync(join(this.directory, "outside"), "outside");
  }

  /** Where `path` lies, as bytes for node:fs. */
  at(path: BytePath): Buffer {
    return Buffer.concat([Buffer.from(`${this.root}/`), toBytes(path)]);
  }

  async put(path: BytePath, bytes: Uint8Array): Promise<void> {
    this.#makeDirectories(parentPath(path));
    if (existsSync(this.at(path))) unlinkSync(this.at(path));
    writeFileSync(this.at(path), bytes);
  }

  async remove(path: BytePath): Promise<void> {
    unlinkSync(this.at(path));
  }

  async makeDirectory(path: BytePath): Promise<void> {
    this.#makeDirectories(path);
  }

  async edit(path: BytePath, offsetBytes: number, bytes: Uint8Array): Promise<void> {
    const fd = openSync(this.at(path), "r+");
    writeSync(fd, bytes, 0, bytes.byteLength, offsetBytes);
    closeSync(fd);
  }

  async putSparse(path: BytePath, sizeBytes: number, tail: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.put(path, new Uint8Array(0));
    const at = this.at(path).toString();
    truncateSync(at, sizeBytes - tail.byteLength);
    appendFileSync(at, tail);
  }

  async link(path: BytePath, target: string): Promise<void> {
    this.#makeDirectories(parentPath(path));
    symlinkSync(target, this.at(path));
  }

  async makeSpecial(path: BytePath, kind: SpecialKind): Promise<void> {
    const at = this.at(path).toString();
    if (kind === "socket") {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(at, resolve));
      server.unref();
      this.#sockets.push(server);
      return;
    }
    const args =
      kind === "fifo" ? ["p"] : kind === "block device" ? ["b", "1", "0"] : ["c", "1", "3"];
    const made = Bun.spawnSync(["mknod", at, ...args], { stdout: "ignore", stderr: "inherit" });
    if (made.exitCode !== 0) throw new Error(`mknod makes no ${kind}`);
  }

  [Symbol.dispose](): void {
    for (const server of this.#sockets) server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Node's own recursive mkdir takes no bytes. */
  #makeDirectories(path: BytePath): void {
    if (path === "" || existsSync(this.at(path))) return;
    this.#makeDirectories(parentPath(path));
    mkdirSync(this.at(path));
  }

  readonly #sockets: { close(): unknown }[] = [];
}
