import { expect } from "bun:test";
import { join } from "node:path";
import { needing } from "../support/needs.ts";

const { describe, test } = needing("fuse", "bindfs", "ffmpeg", "flac", "lame", "oggenc", "opusenc");

const DEMO = join(import.meta.dir, "../../scripts/demo.ts");

/** Runs the demonstration; `onOutput` sees what it has printed so far. */
async function runDemo(onOutput?: (text: string, demo: Bun.Subprocess) => void) {
  const demo = Bun.spawn([process.execPath, DEMO], { stdio: ["ignore", "pipe", "pipe"] });
  const stderr = demo.stderr.text();
  let text = "";
  for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    onOutput?.(text, demo);
  }
  return { status: await demo.exited, text, stderr: await stderr };
}

describe("the demonstration", () => {
  test("shows one tree, failover within a file, health, and an end without leftovers (F-8)", async () => {
    const { status, text, stderr } = await runDemo();
    expect(stderr).toBe("");
    expect(text).toContain("✓ all 20 files are there");
    expect(text).toContain("✓ every byte of it is right");
    expect(text).toContain("✓ musicfs failed over from nas to backup");
    expect(text).toContain("✓ no mount, no process and no file is left behind");
    expect(status).toBe(0);
  });

  // What it leaves would be found at the end of this run of tests.
  test("cleans up when it is interrupted in the middle of a file", async () => {
    const { status, text, stderr } = await runDemo((soFar, demo) => {
      if (soFar.includes("nas is killed")) demo.kill("SIGINT");
    });
    expect(stderr).toContain("interrupted by SIGINT");
    expect(text).not.toContain("every byte of it is right");
    expect(status).toBe(1);
  });
});
