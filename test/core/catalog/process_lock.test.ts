import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { ProcessLock } from "../../../src/core/catalog/process_lock.ts";
import { TempDirectory } from "./fixture.ts";

describe("ProcessLock", () => {
  test("is held once, here and in other processes, until disposed", () => {
    using directory = new TempDirectory();
    const file = join(directory.path, "x.lock");
    const lock = ProcessLock.tryAcquire(file);
    expect(lock).toBeDefined();
    expect(ProcessLock.tryAcquire(file)).toBeUndefined();
    const child = () => Bun.spawnSync(["flock", "--nonblock", file, "true"]).exitCode;
    expect(child()).toBe(1);
    lock?.[Symbol.dispose]();
    lock?.[Symbol.dispose]();
    expect(child()).toBe(0);
    using again = ProcessLock.tryAcquire(file);
    expect(again).toBeDefined();
  });

  test("that cannot be opened is an error", () => {
    const acquire = () => ProcessLock.tryAcquire("/nonexistent/x.lock");
    expect(acquire).toThrow(expect.objectContaining({ code: "catalog" }));
  });
});
