/** A library whose cached files are synced, by the compiled binary. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sizeOf } from "../../../scripts/library/retagged.ts";
import type { TcpProxy } from "../../support/proxy.ts";
import { BINARY, Workspace } from "./musicfs.ts";

/** How long a command may take. */
const PATIENCE_MS = 120_000;

/** An origin behind a proxy that counts. */
export interface Case {
  readonly proxy: TcpProxy;
  readonly origin: string;
  readonly env?: Readonly<Record<string, string>>;
  put(name: string, file: string): Promise<void>;
}

/** A library over one origin, and its cache. */
export class Library extends Workspace {
  readonly #flags: readonly string[];

  constructor(readonly at: Case) {
    super("delta");
    this.#flags = this.config(`[[origins]]\n${at.origin}`);
  }

  command(...args: readonly string[]): readonly string[] {
    return [BINARY, ...args, "--json", ...this.#flags];
  }

  async asked(...args: readonly string[]) {
    const env = this.at.env ?? {};
    return JSON.parse(await this.must(this.command(...args), { env, timeoutMs: PATIENCE_MS }));
  }

  /** Runs the command and kills it after so many milliseconds. */
  async killed(afterMs: number, ...args: readonly string[]): Promise<void> {
    const env = { PATH: process.env["PATH"] ?? "", ...this.env, ...this.at.env };
    const child = Bun.spawn([...this.command(...args)], { env, stdio: ["ignore", "pipe", "pipe"] });
    await Bun.sleep(afterMs);
    child.kill("SIGKILL");
    await child.exited;
  }

  /** Whether a file in the cache has these very bytes. */
  holds(file: string): boolean {
    const content = readFileSync(file);
    const root = this.path("home", "cache", "musicfs", "content");
    return readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /^\d+$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .some((path) => sizeOf(path) === content.byteLength && readFileSync(path).equals(content));
  }
}
