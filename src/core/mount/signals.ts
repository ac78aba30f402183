/** What the signals of a running mount mean. */

import { readFileSync } from "node:fs";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { mountAt, readMountInfo } from "../sys/mountinfo.ts";
import type { Library } from "./library.ts";
import type { RunningConfig } from "./running_config.ts";
import type { ServiceNotices } from "./service_notices.ts";
import { unmountAt } from "./unmount.ts";

type Wish = "stop" | "reload";

/**
 * SIGINT and SIGTERM end the mount; SIGHUP reads the configuration again, but where the mount runs
 * in a terminal: there it means that the terminal closes. From the first moment on, since a process
 * that a signal ends leaves a dead mount behind: what comes before there is anybody to carry it out
 * is carried out then; the second that nobody carries out ends the process as it always would.
 * Disposed, signals mean what they did before.
 */
export class MountSignals implements Disposable {
  readonly #handlers: readonly (readonly [NodeJS.Signals, () => void])[];
  readonly #held: Wish[] = [];
  #carryOut: ((wish: Wish) => void) | undefined;

  constructor() {
    const wishes: [NodeJS.Signals, Wish][] = [
      ["SIGINT", "stop"],
      ["SIGTERM", "stop"],
    ];
    if (!isHangUpIgnored()) wishes.push(["SIGHUP", hasTerminal() ? "stop" : "reload"]);
    this.#handlers = wishes.map(([signal, wish]) => [signal, () => this.#heard(signal, wish)]);
    for (const [signal, handler] of this.#handlers) process.on(signal, handler);
  }

  serve(ports: SignalsPorts): void {
    const wishes = { stop: stopper(ports), reload: reloader(ports) };
    this.#carryOut = (wish) => wishes[wish]();
    for (const wish of this.#held.splice(0)) this.#carryOut(wish);
  }

  [Symbol.dispose](): void {
    for (const [signal, handler] of this.#handlers) process.off(signal, handler);
  }

  #heard(signal: NodeJS.Signals, wish: Wish): void {
    if (this.#carryOut !== undefined) this.#carryOut(wish);
    else if (this.#held.push(wish) > 1) {
      this[Symbol.dispose]();
      process.kill(process.pid, signal);
    }
  }
}

export interface SignalsPorts {
  readonly library: Library;
  readonly running: RunningConfig;
  readonly notices: ServiceNotices;
  readonly log: Logger;
}

/** The first time it unmounts if nobody uses the mount, then it lets them finish, then it ends. */
function stopper({ library, notices, log }: SignalsPorts): () => void {
  const { mountPoint } = library;
  let asked = 0;
  return () => {
    asked++;
    notices.stopping();
    if (mountAt(readMountInfo(), mountPoint) === undefined) {
      // Open files keep a detached mount alive, and so does a copy of the mount table (a container).
      if (asked === 1) return;
      log.warn("ended although it is still used: who reads gets errors");
      library.abort();
      return;
    }
    unmountAt(mountPoint, { lazy: asked > 1 }).catch((error: unknown) => {
      const hint = asked > 1 ? "" : "; another signal detaches it all the same";
      log.warn(`not unmounted: ${messageOf(error)}${hint}`);
    });
  };
}

function reloader({ running, notices, log }: SignalsPorts): () => void {
  return () => {
    const work = async () => {
      const { changed, needsRemount } = await running.reload();
      log.info("read the configuration again", { changed, needs_remount: needsRemount.join() });
    };
    notices.reloading(work).catch((error: unknown) => {
      log.error("the configuration stays as it was", { reason: error });
    });
  };
}

/** Under nohup(1) SIGHUP is ignored, and stays so. */
function isHangUpIgnored(): boolean {
  const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "latin1"))?.[1];
  return (Number.parseInt(ignored?.at(-1) ?? "0", 16) & 1) !== 0;
}

/**
 * Whether a terminal controls this process: one that closes sends SIGHUP, after which nobody would
 * be left to end the mount. proc_pid_stat(5): the terminal is the fifth field after the name.
 */
function hasTerminal(): boolean {
  const fields = readFileSync("/proc/self/stat", "latin1")
    .replace(/^.*\) /s, "")
    .split(" ");
  return fields[4] !== "0";
}
