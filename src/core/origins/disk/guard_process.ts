/** One guard process, seen from the process that it guards. See `guard_main.ts`. */

import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import { displayText } from "../../bytes.ts";
import { messageOf } from "../../errors.ts";
import { DiskFailure } from "./failure.ts";
import { FrameAssembler, frame } from "./frame.ts";
import type { Guard } from "./guard.ts";
import type { GuardSettings } from "./guard_main.ts";

/** The hidden mode of the program in which it is a guard. */
export const GUARD_MODE = "__guard";

/** How this program starts itself as a guard: compiled, or from its sources. */
export function guardCommand(): readonly string[] {
  const main = import.meta.url;
  if (main.startsWith("file:///$bunfs/")) return [process.execPath, GUARD_MODE];
  return [process.execPath, fileURLToPath(new URL("./guard_main.ts", main))];
}

/** A request under way: at most one at a time. */
interface UnderWay {
  readonly resolve: (result: Uint8Array) => void;
  readonly reject: (failure: DiskFailure) => void;
}

type Child = Subprocess<"pipe", "pipe", "pipe">;

/** Of what a guard says before it ends; only the end of that is told. */
const LAST_WORDS_CHARACTERS = 300;

export class GuardProcess implements Guard {
  openDirectories = 0;
  isResting = false;
  readonly pid: number;
  readonly exited: Promise<void>;
  readonly #child: Child;
  #underWay: UnderWay | undefined;
  /** Why it takes no more requests. */
  #end: DiskFailure | undefined;

  /** Starts it at once; throws {@link DiskFailure} when that is impossible. */
  constructor(
    readonly serial: number,
    command: readonly string[],
    settings: GuardSettings,
  ) {
    this.#child = start(command);
    this.pid = this.#child.pid;
    // Neither a guard nor one that is stuck keeps this process from ending.
    this.#child.unref();
    const lastWords = lastWordsOf(this.#child.stderr);
    this.exited = this.#child.exited.then(async () => this.#ended(await lastWords));
    void this.#receive();
    this.#write(Buffer.from(JSON.stringify(settings)));
  }

  get isBusy(): boolean {
    return this.#underWay !== undefined;
  }

  call(request: Uint8Array): Promise<Uint8Array> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    this.#underWay = { resolve, reject };
    this.isResting = false;
    this.#write(request);
    return promise;
  }

  abandon(why: DiskFailure): void {
    this.#child.kill("SIGKILL");
    this.#fail(why);
  }

  #write(payload: Uint8Array): void {
    try {
      this.#child.stdin.write(frame(payload));
      Promise.resolve(this.#child.stdin.flush()).catch(ignoreClosedInput);
    } catch (error) {
      ignoreClosedInput(error);
    }
  }

  async #receive(): Promise<void> {
    const frames = new FrameAssembler((result) => {
      const underWay = this.#underWay;
      this.#underWay = undefined;
      underWay?.resolve(result);
    });
    try {
      for await (const piece of this.#child.stdout) frames.push(piece);
    } catch (error) {
      const why = `its guard process speaks nonsense: ${messageOf(error)}`;
      this.abandon(new DiskFailure("protocol", why));
    }
  }

  #ended(lastWords: string): void {
    const { exitCode, signalCode } = this.#child;
    const how = signalCode ? `was killed (${signalCode})` : `ended with ${exitCode}`;
    const said = lastWords === "" ? "" : `: ${lastWords}`;
    this.#fail(new DiskFailure("io", `its guard process ${how}${said}`));
  }

  #fail(why: DiskFailure): void {
    this.#end ??= why;
    const underWay = this.#underWay;
    this.#underWay = undefined;
    underWay?.reject(why);
  }
}

/** A guard whose input is closed is ending: `exited` tells why, better than the pipe does. */
function ignoreClosedInput(error: unknown): void {
  if (error instanceof Error && "code" in error) return;
  throw error;
}

/** The last line, safe to print. */
async function lastWordsOf(stderr: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let said = "";
  for await (const piece of stderr) {
    said = (said + decoder.decode(piece, { stream: true })).slice(-LAST_WORDS_CHARACTERS);
  }
  return displayText(said.trim().split("\n").at(-1) ?? "");
}

function start(command: readonly string[]): Child {
  try {
    return Bun.spawn([...command], {
      stdin: "pipe",
      stdout: "pipe",
      // Not this process's own: a script that waits for the end of that would wait for a stuck guard.
      stderr: "pipe",
      // It needs nothing of either: no secrets, and no directory that somebody wants to unmount.
      env: {},
      cwd: "/",
      // A session of its own: an interrupt typed at the terminal is for the program, which then
      // ends its guards when it no longer needs them.
      detached: true,
    });
  } catch (error) {
    const why = `its guard process cannot be started: ${messageOf(error)}`;
    throw new DiskFailure("io", why);
  }
}
