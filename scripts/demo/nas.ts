import { mkdirSync } from "node:fs";
import { detach, mountsBelow, until } from "./program.ts";

/** A disk elsewhere, played by a bindfs mount: when its process dies, every read of an open file fails. */
export class Nas implements AsyncDisposable {
  readonly #mountPoint: string;
  readonly #server: Bun.Subprocess;

  private constructor(mountPoint: string, server: Bun.Subprocess) {
    this.#mountPoint = mountPoint;
    this.#server = server;
  }

  /** Shows the directory `disk` at `mountPoint`, which is made. */
  static async start(disk: string, mountPoint: string): Promise<Nas> {
    mkdirSync(mountPoint);
    const server = Bun.spawn(["bindfs", "-f", "-r", "--no-allow-other", disk, mountPoint], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    const nas = new Nas(mountPoint, server);
    await until("bindfs has mounted", () => {
      if (server.exitCode !== null) throw new Error("bindfs cannot mount here; it says why above");
      return mountsBelow(mountPoint).length > 0;
    });
    return nas;
  }

  /** Cuts it off as a crash does. */
  kill(): void {
    this.#server.kill("SIGKILL");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill();
    await this.#server.exited;
    detach(this.#mountPoint);
  }
}
