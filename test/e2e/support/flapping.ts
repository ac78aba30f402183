/** Something that fails and recovers, over and over, while others use it. */

export interface FlappingOptions {
  readonly down: () => unknown;
  readonly up: () => unknown;
  readonly downMs: number;
  readonly upMs: number;
}

export class Flapping implements AsyncDisposable {
  /** How often it has failed. */
  times = 0;
  readonly #stop = Promise.withResolvers<"stop">();
  readonly #running: Promise<void>;

  constructor(readonly options: FlappingOptions) {
    this.#running = this.#run();
  }

  /** It is up at the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.resolve("stop");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { down, up, downMs, upMs } = this.options;
    for (let stopped = false; !stopped; ) {
      await down();
      this.times++;
      stopped = await this.#waited(downMs);
      await up();
      stopped ||= await this.#waited(upMs);
    }
  }

  async #waited(ms: number): Promise<boolean> {
    return (await Promise.race([this.#stop.promise, Bun.sleep(ms)])) === "stop";
  }
}
