/** An application in a process of its own: a mount that hangs holds up that one alone. */

import { resolve } from "node:path";
import type { Answer, Request } from "./application.ts";

const APPLICATION = resolve(import.meta.dir, "application.ts");

export class ApplicationProcess implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #lines: AsyncIterator<string>;

  constructor(mountPoint: string) {
    this.#child = Bun.spawn([process.execPath, APPLICATION, mountPoint], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Throws when there is no answer within `limitMs`. */
  async ask(request: Request, limitMs: number): Promise<Answer> {
    this.#child.stdin.write(`${JSON.stringify(request)}\n`);
    this.#child.stdin.flush();
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error(`no answer to ${JSON.stringify(request)} within ${limitMs} ms`));
    }, limitMs);
    try {
      const line = await Promise.race([this.#lines.next(), late.promise]);
      if (line.done) throw new Error("the application ended");
      return JSON.parse(line.value) as Answer;
    } finally {
      clearTimeout(timer);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
