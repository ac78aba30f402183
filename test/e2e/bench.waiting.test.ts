/** The bench is run small, so that it still works when somebody wants its figures. */

import { expect } from "bun:test";
import { join, resolve } from "node:path";
import { SCALES } from "../../bench/scale.ts";
import { needing } from "../support/needs.ts";
import { eventually, run } from "./support/process.ts";

const SCRIPT = resolve(import.meta.dir, "../../scripts/bench.ts");
const { smoke } = SCALES;

/** Ten seconds alone; a machine that does much else takes far longer. */
const TIMEOUT_MS = 300_000;

const { test } = needing("root", "fuse", "python3");

test(
  "bench measures MusicFS in every table, and every aim that needs no peer",
  async () => {
    const { code, stdout, stderr } = await run([process.execPath, SCRIPT, "--smoke"], {
      timeoutMs: TIMEOUT_MS,
    });
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const ours = stdout.split("\n").filter((line) => line.startsWith("| musicfs |"));
    // Locally time, CPU time and footprint; scans; starts; over SFTP and S3 time and CPU time each; both far away; chunks.
    expect(ours).toHaveLength(12);
    expect(stdout).toContain(`${smoke.directories * smoke.filesPerDirectory} small files`);
    expect(stdout).toMatch(/\| scan without a change: times find's \| [\d.]+ \|/);
    expect(stdout).toMatch(/\| mount --daemon, ms \| [\d.]+ \|/);
    expect(stdout).toMatch(/\| resident memory, MB \| \d+ \|/);
    expect(stdout).toMatch(/\| SFTP, far: sequential, .* without readahead \| [\d.]+ \|/);
    expect(stdout).toMatch(/\| p99 of S3 reads with an SFTP origin stopped: .* \| [\d.]+ \|/);
  },
  TIMEOUT_MS,
);

test("bench ended by a signal leaves no mount, process or file", async () => {
  const root = process.env["TMPDIR"] ?? "/tmp";
  const child = Bun.spawn([process.execPath, SCRIPT, "--smoke", "local"], {
    stdio: ["ignore", "ignore", "ignore"],
  });
  const mounts = async () =>
    (await Bun.file("/proc/self/mountinfo").text()).includes(join(root, "musicfs-bench-"));
  await eventually("something is mounted", mounts);
  child.kill("SIGTERM");
  expect(await child.exited).toBe(1);
  expect(await mounts()).toBe(false);
  expect([...new Bun.Glob("musicfs-bench-*").scanSync({ cwd: root, onlyFiles: false })]).toEqual(
    [],
  );
});
