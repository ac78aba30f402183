/** What fills the cache is killed at random moments, `MUSICFS_CRASH_ROUNDS` times (default 10): no wrong byte is kept. */

import { expect, test } from "bun:test";
import { join } from "node:path";
import { Home } from "../program/cli.ts";
import { BINARY } from "./support/musicfs.ts";

const ROUNDS = Number(process.env["MUSICFS_CRASH_ROUNDS"] ?? "10");
const FILES = 6;
const SIZE = 3_000_017;

const program = BINARY;

test("killed at any moment, the cache verifies and goes on", async () => {
  using home = new Home();
  const disk = await home.music("disk", {});
  for (let i = 0; i < FILES; i++) {
    await Bun.write(join(disk, `${i}.flac`), Buffer.alloc(SIZE, `${i} is not ${i + 1};`));
  }
  await home.run("origins", "add", "disk", "--type", "local", "--path", "disk", "--cache", "true");
  await home.run("scan");
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: home.path,
    XDG_CONFIG_HOME: join(home.path, ".config"),
    XDG_CACHE_HOME: join(home.path, ".cache"),
    XDG_RUNTIME_DIR: join(home.path, ".run"),
  };
  const start = (...args: string[]) =>
    Bun.spawn([program, "cache", ...args, "--json"], {
      env,
      cwd: home.path,
      stdout: "pipe",
      stderr: "pipe",
    });
  const ask = async (...args: string[]) => {
    const child = start(...args);
    const [text, code] = await Promise.all([child.stdout.text(), child.exited]);
    return { code, answer: JSON.parse(text) };
  };
  const startedMs = performance.now();
  expect((await ask("prefetch", ".")).code).toBe(0);
  const wholeMs = performance.now() - startedMs;
  let killed = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (round % 2 === 0) expect((await ask("clear")).code).toBe(0);
    const child = start("prefetch", ".");
    await Bun.sleep(Math.random() * wholeMs);
    child.kill("SIGKILL");
    await child.exited;
    if (child.signalCode === "SIGKILL") killed++;
    const verified = await ask("verify");
    expect(verified).toMatchObject({ code: 0, answer: { bad: [] } });
  }
  expect(killed).toBeGreaterThan(0);
  const filled = await ask("prefetch", ".");
  expect(filled).toMatchObject({ code: 0, answer: { files: FILES, failed: [] } });
  expect((await ask("verify")).answer).toMatchObject({ bytes: FILES * SIZE, bad: [] });
}, 600_000);
