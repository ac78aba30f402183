import { expect } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { needing } from "../support/needs.ts";
import { Terminal } from "./support/tmux.ts";

const ENCODERS = ["ffmpeg", "flac", "lame", "oggenc", "opusenc"];
const { describe, test } = needing("root", "fuse", ...ENCODERS);

const DEMO = join(import.meta.dir, "../../scripts/demo.ts");

/** Runs the demonstration; `onOutput` sees what it has printed so far. */
async function runDemo(
  onOutput?: (text: string, demo: Bun.Subprocess) => void,
  env: Readonly<Record<string, string>> = {},
) {
  const demo = Bun.spawn([process.execPath, DEMO], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stderr = demo.stderr.text();
  let text = "";
  for await (const chunk of demo.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    onOutput?.(text, demo);
  }
  return { status: await demo.exited, text, stderr: await stderr };
}

describe("the demonstration", () => {
  test("shows one tree over a disk, SFTP and S3, failover within a file, health, and an end without leftovers (F-8)", async () => {
    const { status, text, stderr } = await runDemo();
    expect(stderr).toBe("");
    expect(text).not.toContain("Left out");
    expect(text).toContain("nas is OpenSSH's sshd, over SFTP");
    expect(text).toContain("cloud is OpenStack Swift, over S3");
    expect(text).toContain("flac, mp3, ogg, opus, m4a, wav");
    expect(text).toContain("✓ all 20 files are there");
    expect(text).toContain("✓ every byte of it is right");
    expect(text).toContain("✓ musicfs failed over from nas to cloud");
    expect(text).toContain("✓ the exit status is 0: all origins are healthy");
    expect(text).toContain("✓ no mount, no process and no file is left behind");
    expect(status).toBe(0);
  });

  test("goes on, and says so, where neither servers nor encoders are and none can be installed", async () => {
    const bare = mkdtempSync(join(tmpdir(), "bare-machine-"));
    for (const program of ["stat", "umount"]) symlinkSync(`/bin/${program}`, join(bare, program));
    try {
      const { status, text, stderr } = await runDemo(undefined, { PATH: bare });
      expect(stderr).toBe("");
      expect(text).toContain("Left out: an SSH server: ");
      expect(text).toContain("Left out: an S3 server: ");
      for (const encoder of ENCODERS) expect(text).toContain(`Left out: ${encoder} is missing`);
      expect(text).toContain("Left out: the loss of nas");
      expect(text).toContain("✓ all 20 files are there");
      expect(text).toContain("are the same as the originals");
      expect(text).toContain("✓ no mount, no process and no file is left behind");
      expect(status).toBe(0);
    } finally {
      rmSync(bare, { recursive: true });
    }
  });

  // What it leaves would be found at the end of this run of tests.
  test("cleans up when it is interrupted in the middle of a file, or loses its terminal", async () => {
    const interrupted = async (signal: "SIGINT" | "SIGHUP") => {
      const { status, text, stderr } = await runDemo((soFar, demo) => {
        if (soFar.includes("sshd is killed")) demo.kill(signal);
      });
      expect(stderr).toContain(`interrupted by ${signal}`);
      expect(text).not.toContain("every byte of it is right");
      expect(status).toBe(1);
    };
    await Promise.all([interrupted("SIGINT"), interrupted("SIGHUP")]);
  });

  const WATCHED_MS = 120_000;
  needing("root", "fuse", "tmux", ...ENCODERS).test(
    "--watch shows the preferred origin going and coming back under music, until q (F-8)",
    async () => {
      const size = { columns: 120, rows: 45 };
      await using terminal = await Terminal.open(`${process.execPath} ${DEMO} --watch`, size);
      await terminal.shows(/nas +● healthy/, WATCHED_MS);
      await terminal.shows(/nas +✖ unhealthy/, WATCHED_MS);
      await terminal.shows(/ROUTING\n +\d+:\d+:\d+ cloud /, WATCHED_MS);
      await terminal.shows(/nas has recovered/, WATCHED_MS);
      await terminal.press("q");
      const end = await terminal.shows(/no file is left behind|demonstration failed/, WATCHED_MS);
      expect(end).toContain("✓ no mount, no process and no file is left behind");
    },
    4 * WATCHED_MS,
  );

  test("--watch without a terminal says that it needs one", () => {
    const demo = Bun.spawnSync([process.execPath, DEMO, "--watch"], { stdin: "ignore" });
    expect(demo.stderr.toString()).toContain("--watch shows the live view, which needs a terminal");
    expect(demo.exitCode).toBe(1);
  });
});
