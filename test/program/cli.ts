/** The compiled program run as a child with a home of its own. */

import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BINARY } from "../support/binary.ts";
import { keepForGate } from "../support/transcript.ts";

const NOBODY = 65534;
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

  /** As the user `nobody`, who gets the home directory; for tests that run as root. */
  async runAsNobody(...args: readonly string[]): Promise<Ran> {
    Bun.spawnSync(["chown", "-R", `${NOBODY}:${NOBODY}`, this.path]);
    const user = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
    return this.spawn([...user, BINARY, ...args], {});
  }

  async runWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
    return this.spawn([BINARY, ...args], env);
  }

  private async spawn(
    command: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<Ran> {
    const child = Bun.spawn([...command], {
      cwd: this.path,
      env: {
        PATH: process.env["PATH"] ?? "",
        HOME: this.path,
        XDG_CONFIG_HOME: join(this.path, ".config"),
        XDG_CACHE_HOME: join(this.path, ".cache"),
        XDG_RUNTIME_DIR: join(this.path, ".run"),
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
    keepForGate(`$ ${command.join(" ")}\n${stdout}${stderr}`);
    return { code, stdout, stderr };
  }
}
