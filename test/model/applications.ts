/** Applications that use the mount: each does one thing and waits for it, beside all others. */

import type { Clock } from "../../src/core/clock.ts";
import { EBADF, EINTR, EIO, ENODEV, ENOENT, ESTALE, errnoName } from "../../src/core/sys/errno.ts";
import type { FileHandle } from "./file_handle.ts";
import type { FreshnessWatch } from "./freshness_watch.ts";
import type { GoodReplicas } from "./good_replicas.ts";
import type { Life } from "./life.ts";
import type { Operation } from "./operations.ts";
import type { Outcome } from "./outcome.ts";
import type { Violate } from "./promises.ts";
import type { ReadLog } from "./read_log.ts";
import type { Watch } from "./watch.ts";

export interface ApplicationsPorts {
  readonly clock: Clock;
  readonly reads: ReadLog;
  readonly good: GoodReplicas;
  readonly freshness: FreshnessWatch;
  readonly watches: readonly Watch[];
  readonly changes: Readonly<Record<"configured" | "stored" | "learned", number>>;
  /** The program that is mounted now. */
  readonly life: Life;
  readonly fail: Violate;
}

/** What a path through a file, or to a directory, leads to. */
const NOT_FILES: readonly string[] = ["ENOTDIR", "EISDIR"];

export class Applications {
  /** Handles; undefined while one is being opened. */
  readonly #slots = new Map<number, FileHandle | undefined>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(readonly ports: ApplicationsPorts) {}

  /** Applications that wait for something. */
  get waiting(): number {
    return this.#underWay.size;
  }

  stat(path: string): void {
    this.#run(async () => {
      const { freshness, life } = this.ports;
      const isDue = freshness.isDue;
      const result = await life.kernel.stat(path);
      this.#expect(result, `stat ${path}`, [ENOENT]);
      if (isDue && path !== "") await freshness.seen(path, result);
    });
  }

  list(path: string): void {
    this.#run(async () => {
      const { life } = this.ports;
      const { kernel } = life;
      const before = await kernel.stat(path);
      const result = await kernel.list(path);
      this.#expect(result, `list ${path}`, [ENOENT]);
      const after = await kernel.stat(path);
      if ("errno" in before || "errno" in after || "errno" in result) return;
      if (before.ok.mtimeSec !== after.ok.mtimeSec) return;
      if (before.ok.mtimeNsec !== after.ok.mtimeNsec) return;
      // What is still to be written, or to be told, moves the mtime a moment later.
      if (life.isTelling) return;
      for (const watch of this.ports.watches) watch.directoryShown?.(path, after.ok, result.ok);
    });
  }

  open(slot: number, path: string): void {
    this.#run(() => this.#open(slot, path));
  }

  read(operation: Extract<Operation, { do: "read" }>): void {
    this.#run(() => this.#read(operation));
  }

  close(slot: number): void {
    const handle = this.#slots.get(slot);
    if (handle === undefined) return;
    this.#slots.delete(slot);
    this.#run(async () => {
      await this.ports.life.kernel.close(handle);
    });
  }

  closeAll(): void {
    for (const slot of [...this.#slots.keys()]) this.close(slot);
  }

  /** The mount they used is gone. */
  forget(): void {
    this.#slots.clear();
  }

  #run(work: () => Promise<void>): void {
    const { life } = this.ports;
    const program = work()
      .catch((error: unknown) => {
        if (this.ports.life === life) this.ports.fail("no faults", `an application: ${error}`);
      })
      .finally(() => this.#underWay.delete(program));
    this.#underWay.add(program);
  }

  async #open(slot: number, path: string): Promise<void> {
    if (this.#slots.has(slot)) return;
    this.#slots.set(slot, undefined);
    const { life, good, changes } = this.ports;
    const found = await life.kernel.stat(path);
    const before = { ...changes };
    const goods = "ok" in found ? good.of(found.ok.nodeid) : undefined;
    const result = await life.kernel.open(path);
    if (life.clock.dead) return;
    if ("ok" in result) {
      this.#slots.set(slot, result.ok);
      return;
    }
    this.#slots.delete(slot);
    const { configured, stored, learned } = changes;
    const unchanged = before.stored === stored && before.configured === configured;
    // What changes again before the kernel's second try, or is told differently each time it is
    // asked for, cannot be opened.
    const isStale = result.errno === ESTALE && !(unchanged && good.allCalm);
    this.#expect(result, `open ${path}`, isStale ? [ESTALE] : [ENOENT, EIO]);
    if (before.learned !== learned || !("ok" in found) || found.ok.isDirectory) return;
    if (goods !== undefined && good.stillGood(goods)) {
      this.ports.fail("a good replica serves", `open ${path}: ${errnoName(result.errno)}`);
    }
  }

  async #read(operation: Extract<Operation, { do: "read" }>): Promise<void> {
    const handle = this.#slots.get(operation.slot);
    if (handle === undefined) return;
    const { life, clock, reads } = this.ports;
    const { lengthBytes, direct, interruptMs } = operation;
    const offset = Math.floor((handle.node.sizeBytes * operation.at) / 1000);
    if (!direct) {
      const result = await life.kernel.read(handle, offset, lengthBytes);
      this.#expect(result, `read ${handle.path}`, [EIO, EINTR]);
      return;
    }
    const onSent = (unique: number) => {
      if (interruptMs === undefined) return;
      clock.schedule(interruptMs, () => {
        if (life.clock.dead) return;
        reads.interrupted(handle);
        life.kernel.interrupt(unique);
      });
    };
    const result = await life.kernel.readDirect(handle, offset, lengthBytes, onSent);
    this.#expect(result, `read ${handle.path}`, [EIO, EINTR]);
  }

  #expect(result: Outcome<unknown>, what: string, errnos: readonly number[]): void {
    if ("ok" in result || errnos.includes(result.errno)) return;
    if (result.errno === ENODEV || result.errno === EBADF) return;
    if (NOT_FILES.includes(errnoName(result.errno))) return;
    this.ports.fail("errors are promised ones", `${what}: ${errnoName(result.errno)}`);
  }
}
