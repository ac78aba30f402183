import { describe, expect, test } from "bun:test";
import { SwitchRule } from "../../../src/core/federation/switch_rule.ts";
import { FIRST_BYTE_READ_BYTES, SWITCH_MIN_SAMPLES } from "../../../src/core/limits.ts";
import { VirtualClock } from "../../support/virtual_clock.ts";
import { ScriptedOrigin } from "./scripted_origin.ts";

const origin = () => new ScriptedOrigin("a", new VirtualClock());

function measured(latencyMs: (n: number) => number, samples = 100) {
  const rule = new SwitchRule();
  const subject = origin();
  for (let n = 0; n < samples; n++) rule.recordAnswer(subject, 4096, latencyMs(n), n);
  return (bytes = 4096) => rule.patienceMs(subject, bytes);
}

describe("SwitchRule", () => {
  test("is the p95 of the origin's reads between 50 ms and 1 s", () => {
    expect(measured((n) => n * 4)()).toBe(380);
    expect(measured(() => 3)()).toBe(50);
    expect(measured(() => 4000)()).toBe(1000);
  });

  test("waits the longest while there are too few reads to know", () => {
    expect(new SwitchRule().patienceMs(origin(), 4096)).toBe(1000);
    expect(measured(() => 3, SWITCH_MIN_SAMPLES - 1)()).toBe(1000);
    expect(measured(() => 3, SWITCH_MIN_SAMPLES)()).toBe(50);
  });

  test("grows with the size of what is asked for", () => {
    const patience = measured(() => 100);
    expect(patience(FIRST_BYTE_READ_BYTES)).toBe(100);
    expect(patience(FIRST_BYTE_READ_BYTES + 1)).toBe(200);
    expect(patience(1024 * 1024)).toBe(400);
  });

  test("measures long reads by their like, once there were enough", () => {
    const rule = new SwitchRule();
    const subject = origin();
    const long = 4 * FIRST_BYTE_READ_BYTES;
    for (let n = 1; n < SWITCH_MIN_SAMPLES; n++) rule.recordAnswer(subject, long, 800, n);
    expect(rule.patienceMs(subject, long)).toBe(4000);
    rule.recordAnswer(subject, long, 800, 99);
    expect(rule.patienceMs(subject, long)).toBe(800);
    expect(rule.patienceMs(subject, long / 2)).toBe(400);
  });

  test("knows for how long an origin was silent while a read waited", () => {
    const rule = new SwitchRule();
    const subject = origin();
    expect(rule.silenceMs(subject, 100, 350)).toBe(250);
    rule.recordAnswer(subject, 1, 1, 300);
    expect(rule.silenceMs(subject, 100, 350)).toBe(50);
    expect(rule.silenceMs(subject, 320, 350)).toBe(30);
  });

  test("takes no samples from larger reads, but knows that the origin lives", () => {
    const rule = new SwitchRule();
    const subject = origin();
    for (let n = 0; n < 50; n++) rule.recordAnswer(subject, 1024 * 1024, 1, 77);
    expect(rule.patienceMs(subject, 4096)).toBe(1000);
    expect(rule.isAlive(subject, 76, 9000)).toBe(true);
    expect(rule.isAlive(subject, 77, 9000)).toBe(false);
    expect(rule.isAlive(origin(), 0, 9000)).toBe(false);
  });

  test("hears an origin that tells of bytes as they come, and believes its silence", () => {
    const rule = new SwitchRule();
    const subject = origin();
    const long = 4 * FIRST_BYTE_READ_BYTES;
    expect(rule.quietMs(subject, long)).toBe(Number.POSITIVE_INFINITY);
    subject.capabilities = { ...subject.capabilities, tellsProgress: true };
    rule.recordProgress(subject, 300);
    expect(rule.silenceMs(subject, 100, 350)).toBe(50);
    expect(rule.quietMs(subject, long)).toBe(1000);
    expect(rule.quietMs(subject, FIRST_BYTE_READ_BYTES)).toBe(Number.POSITIVE_INFINITY);
    expect(rule.isAlive(subject, 299, 1299)).toBe(true);
    expect(rule.isAlive(subject, 299, 1300)).toBe(false);
  });
});
