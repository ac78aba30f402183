/** README's line for cron, run as cron runs it. */

import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../../src/core/catalog/process_lock.ts";
import { BINARY } from "../support/binary.ts";
import { Home } from "./cli.ts";

const ROOT = join(import.meta.dir, "../..");
const DEADLINE_MS = 60_000;

/** Five fields of time, then the command. */
const CRON_LINE = /^\S+ \S+ \S+ \S+ \S+ {2}(musicfs scan\b.*)$/gm;

function commandsInReadme(): readonly string[] {
  const text = readFileSync(join(ROOT, "README.md"), "utf8");
  return [...text.matchAll(CRON_LINE)].map(([, command = ""]) => command);
}

/** A user with a library and a crontab; `mail` is what cron would send. */
class Crontab implements Disposable {
  readonly home = new Home();

  static async of(files: Readonly<Record<string, string>>): Promise<Crontab> {
    const crontab = new Crontab();
    const { home } = crontab;
    await home.music("disk", files);
    await home.run("origins", "add", "disk", "--type", "local", "--path", "disk");
    return crontab;
  }

  /** By cron(8): `/bin/sh -c`, standard input empty, nothing but these variables. */
  async run(command: string): Promise<{ readonly code: number; readonly mail: string }> {
    const bin = join(this.home.path, "bin");
    mkdirSync(bin, { recursive: true });
    const program = join(bin, "musicfs");
    writeFileSync(program, `#!/bin/sh\nexec '${BINARY}' "$@"\n`);
    chmodSync(program, 0o755);
    const cron = Bun.spawn(["/bin/sh", "-c", `exec 2>&1; ${command}`], {
      cwd: this.home.path,
      env: {
        ...{ HOME: this.home.path, LOGNAME: "listener", SHELL: "/bin/sh" },
        PATH: `${bin}:/usr/bin:/bin`,
        // Without them root would use the machine's own places.
        XDG_CONFIG_HOME: join(this.home.path, ".config"),
        XDG_CACHE_HOME: join(this.home.path, ".cache"),
      },
      stdin: "ignore",
      stdout: "pipe",
      timeout: DEADLINE_MS,
    });
    const [mail, code] = await Promise.all([cron.stdout.text(), cron.exited]);
    return { code, mail };
  }

  [Symbol.dispose](): void {
    this.home[Symbol.dispose]();
  }
}

describe("README's lines for cron", () => {
  const [quiet = "", monitored = ""] = commandsInReadme();

  test("are two: one for mail, one for monitoring", () => {
    expect(commandsInReadme()).toHaveLength(2);
    expect(quiet).toContain("--quiet");
    expect(monitored).toContain("--json");
  });

  test("is silent and 0 when all went well, the first time and every other", async () => {
    using crontab = await Crontab.of({ "a/1.flac": "one", "a/2.flac": "second" });
    expect(await crontab.run(quiet)).toEqual({ code: 0, mail: "" });
    expect(await crontab.run(quiet)).toEqual({ code: 0, mail: "" });
  });

  test("is 3 and says why when an origin failed, and scans the others", async () => {
    using crontab = await Crontab.of({ "a/1.flac": "one" });
    const { home } = crontab;
    await home.run("origins", "add", "gone", "--type", "local", "--path", "/no/such", "--no-check");
    const { code, mail } = await crontab.run(quiet);
    expect(code).toBe(3);
    expect(mail).toMatch(/^musicfs: origin gone: there is no directory \/no\/such.*\n$/);
    const { totals } = JSON.parse((await home.run("scan", "disk", "--json")).stdout);
    expect(totals).toMatchObject({ files: 1, added: 0 });
  });

  test("is 3 and says what to do when removals are held", async () => {
    using crontab = await Crontab.of({ "a/1.flac": "one" });
    await crontab.run(quiet);
    rmSync(join(crontab.home.path, "disk/a"), { recursive: true });
    const { code, mail } = await crontab.run(quiet);
    expect([code, mail.split("\n").length]).toEqual([3, 2]);
    expect(mail).toContain("musicfs scan disk --allow-empty");
  });

  test("is 4 and says so when the scan before is still running", async () => {
    using crontab = await Crontab.of({ "a/1.flac": "one" });
    await crontab.run(quiet);
    using lock = ProcessLock.tryAcquire(join(crontab.home.cacheDir, "scan-disk.lock"));
    expect(lock).toBeDefined();
    expect(await crontab.run(quiet)).toEqual({
      code: 4,
      mail: "musicfs: origin disk: another scan of origin disk is running\n",
    });
  });

  test("leaves one JSON object for monitoring, though the scan before is still running", async () => {
    using crontab = await Crontab.of({ "a/1.flac": "one" });
    const { home } = crontab;
    await home.run("scan");
    const lock = ProcessLock.tryAcquire(join(home.cacheDir, "scan-disk.lock"));
    const waiting = crontab.run(monitored);
    // Long enough to show that nothing is done meanwhile; how long does not matter.
    await Bun.sleep(500);
    lock?.[Symbol.dispose]();
    expect(await waiting).toEqual({ code: 0, mail: "" });
    const [, file = ""] = / > (\S+)$/.exec(monitored) ?? [];
    const report = JSON.parse(readFileSync(join(home.path, file), "utf8"));
    expect(report).toMatchObject({ outcome: "complete", totals: { files: 1 } });
  });
});
