/** A player's daemon whose output goes nowhere. */

import { connect } from "node:net";
import { eventually, type Workspace } from "./musicfs.ts";

export interface MpdOptions {
  /** Plays as fast as people listen. Default: as fast as files can be read. */
  readonly inRealTime?: boolean;
}

export class Mpd implements AsyncDisposable {
  #log = "";

  private constructor(
    readonly socket: string,
    readonly process: Bun.Subprocess<"ignore", "ignore", "pipe">,
  ) {
    void this.#collect();
  }

  /** Starts it on the workspace's mount, whose scan begins; only one per workspace. */
  static async start(workspace: Workspace, { inRealTime = false }: MpdOptions = {}): Promise<Mpd> {
    const socket = workspace.path("mpd.socket");
    const config = workspace.file(
      "mpd.conf",
      [
        `music_directory "${workspace.mountPoint}"`,
        `db_file "${workspace.path("mpd.db")}"`,
        `bind_to_address "${socket}"`,
        'zeroconf_enabled "no"',
        `audio_output {\ntype "null"\nname "none"\nsync "${inRealTime ? "yes" : "no"}"\n}`,
      ].join("\n"),
    );
    const process = Bun.spawn(["mpd", "--no-daemon", "--stderr", config], {
      env: { ...workspace.env, PATH: "/usr/bin:/bin" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const mpd = new Mpd(socket, process);
    await eventually("mpd answers", async () => (await mpd.ask("update")).includes("updating_db"));
    return mpd;
  }

  /** What it complained of. */
  get log(): string {
    return this.#log;
  }

  /** One command of mpd's protocol; empty while nobody listens. */
  ask(command: string): Promise<string> {
    const { promise, resolve } = Promise.withResolvers<string>();
    let text = "";
    const connection = connect(this.socket);
    connection.on("data", (chunk) => {
      text += chunk.toString();
      if (/^(OK|ACK .*)\n$/m.test(text)) connection.end();
    });
    connection.on("connect", () => connection.write(`${command}\n`));
    connection.on("error", () => resolve(""));
    connection.on("close", () => resolve(text));
    return promise;
  }

  /** One field of its status; undefined where it has none. */
  async status(field: string): Promise<string | undefined> {
    const line = new RegExp(`^${field}: (.*)$`, "m");
    return line.exec(await this.ask("status"))?.[1];
  }

  /** The files it knows once it has scanned, sorted. */
  async scanned(): Promise<readonly string[]> {
    await eventually(
      "mpd has scanned",
      async () => (await this.status("updating_db")) === undefined,
      SCAN_MS,
    );
    const files = (await this.ask("listall")).match(/^file: .*$/gm) ?? [];
    return files.map((line) => line.slice("file: ".length)).sort();
  }

  /** Plays these one after the other to the end; answers those that it played. */
  async play(files: readonly string[], withinMs: number): Promise<readonly string[]> {
    for (const file of files) await this.ask(`add "${file.replaceAll(/["\\]/g, "\\$&")}"`);
    await this.ask("play 0");
    const played = new Set<string>();
    await eventually(
      "mpd has played",
      async () => {
        const song = /^file: (.*)$/m.exec(await this.ask("currentsong"))?.[1];
        if (song !== undefined) played.add(song);
        return (await this.status("state")) === "stop";
      },
      withinMs,
    );
    const error = await this.status("error");
    if (error !== undefined) throw new Error(`mpd: ${error}`);
    await this.ask("clear");
    return [...played].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGTERM");
    await this.process.exited;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.process.stderr) this.#log += decoder.decode(chunk);
  }
}

const SCAN_MS = 60_000;
