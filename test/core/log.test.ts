import { describe, expect, test } from "bun:test";
import { inspect } from "node:util";
import { Secret } from "../../src/core/config/secret.ts";
import { OriginError } from "../../src/core/errors.ts";
import {
  createLogger,
  LOG_LEVELS,
  type LogOptions,
  REPEAT_WINDOW_MS,
  REPEATS_PER_WINDOW,
} from "../../src/core/log.ts";

function collect(options: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  let nowMs = 0;
  const clock = {
    wallMs: () => Date.UTC(2026, 0, 2, 3, 4, 5),
    monotonicMs: () => nowMs,
    schedule: () => ({ [Symbol.dispose]: () => undefined }),
  };
  const log = createLogger({
    level: "debug",
    format: "human",
    write: (line) => lines.push(line),
    clock,
    ...options,
  });
  return { lines, log, pass: (ms: number) => (nowMs += ms) };
}

describe("createLogger()", () => {
  test("writes for people on a terminal", () => {
    const { lines, log } = collect();
    log.warn("origin is slow", {
      origin: "nas",
      latency_ms: 12,
      reason: "read timed out",
      none: undefined,
    });
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d warn {2}origin is slow origin=nas latency_ms=12 reason="read timed out"$/,
    );
  });

  test("writes JSON lines otherwise", () => {
    const { lines, log } = collect({ format: "json" });
    const cause = new Error("socket closed");
    const error = new OriginError("connection", "nas", "a/b", "lost", { cause });
    log.error("read failed", { error, size: 3n });
    expect(JSON.parse(lines[0] ?? "")).toEqual({
      time: "2026-01-02T03:04:05.000Z",
      level: "error",
      message: "read failed",
      error: "connection: origin nas: a/b: lost (socket closed)",
      size: 3,
    });
  });

  test("writes its level and graver ones", () => {
    const counts = LOG_LEVELS.map((level) => {
      const { lines, log } = collect({ level });
      for (const each of LOG_LEVELS) log[each]("x");
      return lines.length;
    });
    expect(counts).toEqual([1, 2, 3, 4]);
  });

  test("lets nothing drive a terminal", () => {
    for (const format of ["human", "json"] as const) {
      const { lines, log } = collect({ format });
      log.info("evil \u001b[2J\u009b\u202e", { path: "a\nb\u001b]0;x\u0007" });
      for (const bad of ["\u001b", "\u009b", "\u202e", "\u0007", "\n"])
        expect(lines[0]).not.toContain(bad);
    }
  });

  test("colours by level when asked", () => {
    const { lines, log } = collect({ colour: true });
    log.error("x");
    log.info("x");
    expect(lines[0]).toStartWith("\u001b[31m");
    expect(lines[0]).toEndWith("\u001b[0m");
    expect(lines[1]).not.toContain("\u001b");
  });

  test("holds repetitions back, by message and origin, and says how many", () => {
    const { lines, log, pass } = collect({ format: "json" });
    for (let time = 0; time < 1000; time++) log.warn("check failed", { origin: "nas" });
    expect(lines.length).toBe(REPEATS_PER_WINDOW);
    log.warn("check failed", { origin: "other" });
    expect(lines.length).toBe(REPEATS_PER_WINDOW + 1);
    pass(REPEAT_WINDOW_MS);
    log.warn("check failed", { origin: "nas" });
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ held_back: 1000 - REPEATS_PER_WINDOW });
    log.warn("check failed", { origin: "nas" });
    expect(lines.at(-1)).not.toContain("held_back");
  });
});

describe("Secret", () => {
  test("shows itself to nobody but who asks for it (R-3)", () => {
    const secret = new Secret("hunter2");
    const { lines, log } = collect();
    log.info("x", { secret, nested: { secret } });
    const shown = [
      `${secret}`,
      String(secret),
      JSON.stringify({ secret }),
      inspect(secret, { showHidden: true, depth: 9 }),
      inspect({ deep: { secret } }),
      Bun.inspect(secret),
      Bun.inspect({ deep: [secret] }),
      Object.values(secret).join(),
      new Error(`${secret}`).message,
      ...lines,
    ];
    expect(shown.join("\n")).not.toContain("hunter2");
    expect(shown[0]).toBe("[redacted]");
    expect(secret.reveal()).toBe("hunter2");
  });
});
