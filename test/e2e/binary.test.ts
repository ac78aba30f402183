import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bundleConfig } from "../../scripts/bundle.ts";
import { collectLicenses } from "../../scripts/licenses.ts";
import { BINARY } from "./support/musicfs.ts";

const ROOT = join(import.meta.dir, "../..");

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "musicfs-binary-"));
});
afterAll(() => rmSync(directory, { recursive: true }));

function musicfs(...args: readonly string[]): string {
  const { exitCode, stdout } = Bun.spawnSync([BINARY, ...args], { cwd: directory });
  expect(exitCode).toBe(0);
  return stdout.toString();
}

describe("dist/musicfs", () => {
  test("tells its version, its commit and its runtime", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    const [, said, bun] =
      /^musicfs (\S+) \((?:commit [0-9a-f]{12}\+?, )?Bun (\S+)\)\n$/.exec(musicfs("--version")) ??
      [];
    expect(said).toBe(version);
    expect(bun).toBe(Bun.version);
  });

  test("starts in tens of milliseconds", () => {
    const times = Array.from({ length: 10 }, () => {
      const start = performance.now();
      musicfs("--help");
      return performance.now() - start;
    });
    // The fastest of several: the machine may be busy with something else, the program may not.
    expect(Math.min(...times)).toBeLessThan(80);
  });

  test("prints the licences of everything compiled in, the same as the sources", async () => {
    const text = musicfs("--licenses");
    for (const name of ["Bun 1.", "commander ", "smol-toml ", "valibot ", "JavaScriptCore"]) {
      expect(text).toContain(name);
    }
    expect(text.trim()).toBe((await collectLicenses()).trim());
  });

  test("takes nothing from the directory it is started in", () => {
    writeFileSync(join(directory, "preload.ts"), 'console.log("preloaded");\n');
    writeFileSync(join(directory, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
    writeFileSync(join(directory, ".env"), "MUSICFS_CONFIG=/nonexistent/from-dotenv.toml\n");
    expect(musicfs("--help")).not.toContain("preloaded");
    const { stderr } = Bun.spawnSync([BINARY, "origins", "ls"], {
      cwd: directory,
      env: { HOME: directory, PATH: "/usr/bin:/bin" },
    });
    expect(stderr.toString()).not.toContain("from-dotenv");
  });

  test("holds no native addon, whatever was built on this machine", async () => {
    const { metafile } = await Bun.build({ ...bundleConfig(), metafile: true });
    const inputs = Object.keys(metafile?.inputs ?? {});
    expect(inputs).toContain("src/main.ts");
    expect(
      inputs.filter((input) => /\.node$|cpu-features|react-devtools-core/.test(input)),
    ).toEqual(inputs.filter((input) => input.startsWith("left-out:")));
  });

  test("comes out the same from the same sources", () => {
    const build = () => {
      expect(Bun.spawnSync([process.execPath, join(ROOT, "scripts/build.ts")]).exitCode).toBe(0);
      return Bun.hash(readFileSync(BINARY));
    };
    expect(build()).toBe(build());
  });
});
