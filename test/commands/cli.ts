/** The program run as a child with a home of its own. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const DEADLINE_MS = 20_000;

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export class Home implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "musicfs-cli-"));
  readonly configFile = join(this.path, ".config/musicfs/config.toml");
  readonly cacheDir = join(this.path, ".cache/musicfs");

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** A directory below it with these files. */
  async music(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const directory = join(this.path, name);
    mkdirSync(directory, { recursive: true });
    for (const [file, text] of Object.entries(files)) await Bun.write(join(directory, file), text);
    return directory;
  }

  async run(...args: readonly string[]): Promise<Ran> {
    return this.runWith({}, ...args);
  }

  async runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
    const child = Bun.spawn([process.execPath, join(ROOT, "src/main.ts"), ...args], {
      cwd: this.path,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: this.path,
        XDG_CONFIG_HOME: join(this.path, ".config"),
        XDG_CACHE_HOME: join(this.path, ".cache"),
        ...env,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      timeout: DEADLINE_MS,
    });
    const [stdout, stderr, code] = await Promise.all([
      child.stdout.text(),
      child.stderr.text(),
      child.exited,
    ]);
    return { code, stdout, stderr };
  }
}
