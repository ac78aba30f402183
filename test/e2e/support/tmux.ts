/** A terminal of any size, in a tmux server of its own. */

import { must, run } from "./process.ts";

/** Screens that do not change for so long are taken to be drawn. */
const STILL_MS = 400;
const PATIENCE_MS = 60_000;

export class Terminal implements AsyncDisposable {
  private constructor(readonly socket: string) {}

  /** Runs `command` in the shell of a new terminal. */
  static async open(
    command: string,
    size: { readonly columns: number; readonly rows: number },
    env: Readonly<Record<string, string>> = {},
  ): Promise<Terminal> {
    const terminal = new Terminal(`musicfs-test-${process.pid}-${crypto.randomUUID()}`);
    const variables = Object.entries(env).map(([name, value]) => `${name}='${value}'`);
    await terminal.#tmux(
      ...["-f", "/dev/null", "new-session", "-d"],
      ...["-x", String(size.columns), "-y", String(size.rows)],
      `env TZ=UTC LC_ALL=C.UTF-8 ${variables.join(" ")} sh -c '${command}'; stty -a; exec cat`,
    );
    return terminal;
  }

  /** What is on the screen, without spaces at the ends of lines. */
  async screen(): Promise<string> {
    const text = await this.#tmux("capture-pane", "-p");
    return `${text.replace(/ +$/gm, "").trimEnd()}\n`;
  }

  /** What is on the screen once it holds `text` and stands still. */
  async still(text: string | RegExp): Promise<string> {
    const deadline = performance.now() + PATIENCE_MS;
    let [before, sinceMs] = ["", performance.now()];
    for (;;) {
      const now = await this.screen();
      if (now !== before) [before, sinceMs] = [now, performance.now()];
      const holds = typeof text === "string" ? now.includes(text) : text.test(now);
      if (holds && performance.now() - sinceMs >= STILL_MS) return now;
      if (performance.now() > deadline) throw new Error(`not on the screen: ${text}\n${now}`);
      await Bun.sleep(50);
    }
  }

  /** What is on the screen once it holds `text`, of a screen that never stands still. */
  async shows(text: RegExp, patienceMs = PATIENCE_MS): Promise<string> {
    const deadline = performance.now() + patienceMs;
    for (;;) {
      const now = await this.screen();
      if (text.test(now)) return now;
      if (performance.now() > deadline) throw new Error(`not on the screen: ${text}\n${now}`);
      await Bun.sleep(50);
    }
  }

  /** Presses keys, named as tmux does. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#tmux("send-keys", ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#tmux("resize-window", "-x", String(columns), "-y", String(rows));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await run(["tmux", "-L", this.socket, "kill-server"]);
  }

  #tmux(...args: readonly string[]): Promise<string> {
    return must(["tmux", "-L", this.socket, ...args]);
  }
}
