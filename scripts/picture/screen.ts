/** A recorded scene of the live view as a terminal of a given size shows it, colours and all. */
import { EventEmitter } from "node:events";
import { Writable } from "node:stream";
import type { LiveUpdate } from "../../src/core/control/live.ts";

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** The last frame that is drawn of the scene, with the escape sequences of a terminal of 16 colours. */
export async function screenOf(
  scene: readonly LiveUpdate[],
  nowMs: number,
  size: Size,
): Promise<string> {
  // Whether there are colours is decided as these are loaded.
  process.env["FORCE_COLOR"] = "1";
  const [{ render }, { createElement }, { Dashboard }] = await Promise.all([
    import("ink"),
    import("react"),
    import("../../src/tui/dashboard.tsx"),
  ]);
  const stdout = new Screen(size);
  const { promise: shown, resolve: isShown } = Promise.withResolvers<void>();
  const view = render(
    createElement(Dashboard, {
      wallMs: () => nowMs,
      actions: { check: async () => undefined, setEnabled: async () => undefined },
      async *updates() {
        yield* scene;
        isShown();
        await new Promise<never>(() => undefined);
      },
    }),
    {
      stdin: new Keyboard() as unknown as NodeJS.ReadStream,
      stdout: stdout as unknown as NodeJS.WriteStream,
      // Each frame is written whole, one after the other.
      debug: true,
      // Also where CI is set.
      interactive: true,
      patchConsole: false,
      exitOnCtrlC: false,
    },
  );
  await shown;
  await stdout.still();
  view.unmount();
  return stdout.shown;
}

/** So many naps in which nothing is drawn, and the screen is taken for still: a busy machine makes them longer, not fewer. */
const STILL_NAPS = 10;
const NAP_MS = 50;

class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  readonly rows: number;
  #last = "";
  #naps = 0;

  constructor({ columns, rows }: Size) {
    super({ decodeStrings: false });
    this.columns = columns;
    this.rows = rows;
  }

  get shown(): string {
    return this.#last;
  }

  override _write(chunk: unknown, _encoding: string, done: () => void): void {
    const text = String(chunk);
    // Others are commands to the terminal, such as to hide its cursor.
    if (text.includes("\n")) this.#last = text;
    this.#naps = 0;
    done();
  }

  async still(): Promise<void> {
    while (this.#last === "" || this.#naps < STILL_NAPS) {
      await Bun.sleep(NAP_MS);
      this.#naps++;
    }
  }
}

const nothing = (): null => null;

/** One on which nobody types. */
class Keyboard extends EventEmitter {
  readonly isTTY = true;
  readonly setEncoding = nothing;
  readonly setRawMode = nothing;
  readonly resume = nothing;
  readonly pause = nothing;
  readonly ref = nothing;
  readonly unref = nothing;
  readonly read = nothing;
}
