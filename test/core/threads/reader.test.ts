import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT_PATH } from "../../../src/core/bytes.ts";
import { DISK_IDLE_MS } from "../../../src/core/limits.ts";
import { decodeProbe, encodeRequest } from "../../../src/core/origins/disk/messages.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { DiskCalls } from "../../../src/core/threads/disk_calls.ts";
import { emptyJob } from "../../../src/core/threads/job_queue.ts";
import { Reader } from "../../../src/core/threads/reader.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import { openBelow } from "../../support/descriptors.ts";

/** A reader in this thread, and directories whose descriptors are counted. */
class Setting implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), "musicfs-reader-"));
  readonly state = new SharedState();
  readonly calls = new DiskCalls(this.state.jobs);
  readonly reader = new Reader({
    state: this.state,
    syscalls: libc(),
    reply: () => undefined,
    defer: () => undefined,
    onMeasured: () => undefined,
    onResult: (id, result) => this.calls.settle(id, result),
  });

  constructor() {
    for (const name of ["one", "two"]) mkdirSync(join(this.directory, name));
  }

  /** Has the directory below ours looked at for the origin in that row. */
  async probe(row: number, name: string): Promise<void> {
    const request = encodeRequest({ op: "probe", path: ROOT_PATH });
    const answer = this.calls.call(row, join(this.directory, name), request);
    const job = emptyJob();
    expect(this.state.jobs.take(job, 1)).toBe(true);
    this.reader.do(job);
    this.state.jobs.finish(job.origin);
    expect(decodeProbe(await answer)).toEqual({ status: "ok" });
  }

  /** Directories below ours that this process has open. */
  get open(): readonly string[] {
    return openBelow(this.directory);
  }

  [Symbol.dispose](): void {
    this.reader[Symbol.dispose]();
    rmSync(this.directory, { recursive: true });
  }
}

describe("Reader.restDisks()", () => {
  test("F-9 closes what was not used for a while, and says when there is more to close", async () => {
    using setting = new Setting();
    const { reader } = setting;
    expect(reader.restDisks(performance.now())).toBe(Number.POSITIVE_INFINITY);
    await setting.probe(0, "one");
    const oneMs = performance.now();
    await Bun.sleep(20);
    await setting.probe(1, "two");
    expect(setting.open).toEqual(["one", "two"]);
    expect(reader.restDisks(performance.now())).toBeWithin(0, DISK_IDLE_MS);
    expect(setting.open).toEqual(["one", "two"]);
    expect(reader.restDisks(oneMs + DISK_IDLE_MS)).toBeWithin(0, DISK_IDLE_MS);
    expect(setting.open).toEqual(["two"]);
    expect(reader.restDisks(oneMs + 2 * DISK_IDLE_MS)).toBe(Number.POSITIVE_INFINITY);
    expect(setting.open).toEqual([]);
    await setting.probe(0, "one");
    expect(setting.open).toEqual(["one"]);
  });

  test("F-9 a row that is another origin's now holds nothing of the one before", async () => {
    using setting = new Setting();
    await setting.probe(0, "one");
    await setting.probe(0, "two");
    expect(setting.open).toEqual(["two"]);
  });
});
