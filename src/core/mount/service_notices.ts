/**
 * What a mount tells the service manager that started it: when it can be used, that it reads its
 * configuration again, that it ends, how it is, and that it still lives. `Type=notify` or
 * `Type=notify-reload` of systemd.service(5).
 */

import type { Clock } from "../clock.ts";
import type { EventBus } from "../events.ts";
import { monotonicMicros } from "../sys/monotonic.ts";
import type { NotifySocket } from "../sys/notify_socket.ts";

export interface ServiceNoticesPorts {
  /** Takes lines of `NAME=VALUE`; undefined when nobody does. */
  readonly socket: Pick<NotifySocket, "send"> | undefined;
  readonly clock: Clock;
  readonly events: EventBus;
  /** How the mount is, in one line. */
  readonly status: () => string;
}

/** `NOTIFY_SOCKET` and what `WATCHDOG_USEC` asks for, taken from a process's environment. */
export interface ServiceManager {
  readonly socket: string | undefined;
  /** How often it wants to hear that we live, ms; undefined: never. */
  readonly watchdogMs: number | undefined;
}

const MICRO = 1000;

/** Takes the variables out of the environment: they are not meant for the processes that we start. */
export function serviceManager(
  env: Record<string, string | undefined>,
  pid: number,
): ServiceManager {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC, WATCHDOG_PID } = env;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete env[name];
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === pid;
  const watchdogMs = Math.floor(Number(WATCHDOG_USEC) / MICRO);
  return { socket, watchdogMs: isOurs && watchdogMs > 0 ? watchdogMs : undefined };
}

export class ServiceNotices implements Disposable {
  readonly #cleanUp = new DisposableStack();
  readonly #socket: ServiceNoticesPorts["socket"];
  #timer: Disposable | undefined;
  #told = "";

  /** `watchdogMs`: how often the manager wants to hear that we live; undefined: never. */
  constructor(
    readonly watchdogMs: number | undefined,
    readonly ports: ServiceNoticesPorts,
  ) {
    this.#socket = ports.socket;
  }

  /** The mount can be used: from now on the manager is kept up to date. */
  ready(): void {
    if (this.#socket === undefined) return;
    this.#told = this.ports.status();
    this.#socket.send("READY=1", `STATUS=${this.#told}`);
    const { events } = this.ports;
    this.#cleanUp.use(
      events.subscribe(({ type }) => {
        if (type === "health_changed" || type === "scan_finished") this.#tellStatus();
      }),
    );
    if (this.watchdogMs !== undefined) this.#live(this.watchdogMs / 2);
  }

  /** The configuration is read again, by `work`. */
  async reloading(work: () => Promise<void>): Promise<void> {
    // The manager tells this reload from earlier ones by the time of the monotonic clock.
    this.#socket?.send("RELOADING=1", `MONOTONIC_USEC=${monotonicMicros()}`);
    try {
      await work();
    } finally {
      this.#socket?.send("READY=1", `STATUS=${this.ports.status()}`);
    }
  }

  /** The mount is asked to end. */
  stopping(): void {
    this.#socket?.send("STOPPING=1");
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#cleanUp[Symbol.dispose]();
  }

  #tellStatus(): void {
    const status = this.ports.status();
    if (status === this.#told) return;
    this.#told = status;
    this.#socket?.send(`STATUS=${status}`);
  }

  /** Told from the main thread's loop, which is what may hang. */
  #live(everyMs: number): void {
    this.#socket?.send("WATCHDOG=1");
    this.#timer = this.ports.clock.schedule(everyMs, () => this.#live(everyMs));
  }
}
