import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { ProcessLock } from "../../src/core/catalog/process_lock.ts";
import { Home } from "./cli.ts";

async function library(): Promise<Home> {
  const home = new Home();
  await home.music("disk", { "a/1.flac": "one", "a/2.flac": "second", ".DS_Store": "x" });
  await home.run("origins", "add", "disk", "--type", "local", "--path", "disk");
  return home;
}

describe("musicfs scan", () => {
  test("is silent when all went well and nobody is watching", async () => {
    using home = await library();
    expect(await home.run("scan")).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test("--json tells all, in one object", async () => {
    using home = await library();
    const first = JSON.parse((await home.run("scan", "--json")).stdout);
    expect(first).toMatchObject({
      outcome: "complete",
      totals: { files: 2, bytes: 9, added: 2, removed: 0 },
      origins: [{ id: "disk", outcome: "complete", reason: null, problems: [], problem_count: 0 }],
    });
    rmSync(join(home.path, "disk/a/1.flac"));
    const second = JSON.parse((await home.run("scan", "disk", "--json")).stdout);
    expect(second.totals).toMatchObject({ files: 1, added: 0, removed: 1 });
  });

  test("is 3 when an origin failed, and scans the others", async () => {
    using home = await library();
    await home.run("origins", "add", "gone", "--type", "local", "--path", "/no/such", "--no-check");
    const { code, stdout, stderr } = await home.run("scan", "--json");
    expect(code).toBe(3);
    expect(stderr).toStartWith("musicfs: origin gone: there is no directory /no/such");
    const report = JSON.parse(stdout);
    expect(report.outcome).toBe("partial");
    expect(report.origins.map((origin: { outcome: string }) => origin.outcome)).toEqual([
      "complete",
      "failed",
    ]);
  });

  test("is 3 when an origin is held because it is suddenly empty, until --allow-empty", async () => {
    using home = await library();
    await home.run("scan");
    rmSync(join(home.path, "disk"), { recursive: true });
    mkdirSync(join(home.path, "disk"));
    const held = await home.run("scan", "--json");
    expect(held.code).toBe(3);
    expect(JSON.parse(held.stdout)).toMatchObject({
      outcome: "held",
      totals: { removed: 0, kept: 2 },
    });
    expect(held.stderr).toContain("--allow-empty");
    const allowed = await home.run("scan", "--json", "--allow-empty");
    expect(allowed.code).toBe(0);
    expect(JSON.parse(allowed.stdout).totals).toMatchObject({ removed: 2 });
  });

  test("is 4 while another scan of the origin runs", async () => {
    using home = await library();
    await home.run("scan");
    using lock = ProcessLock.tryAcquire(join(home.cacheDir, "scan-disk.lock"));
    expect(lock).toBeDefined();
    const { code, stdout, stderr } = await home.run("scan", "--json");
    expect(code).toBe(4);
    expect(JSON.parse(stdout).outcome).toBe("busy");
    expect(stderr).toBe("musicfs: origin disk: another scan of origin disk is running\n");
  });

  test("leaves disabled origins alone, and says so when one is named", async () => {
    using home = await library();
    await home.run("origins", "disable", "disk");
    expect(await home.run("scan")).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(await home.run("scan", "disk")).toEqual({
      code: 2,
      stdout: "",
      stderr: "musicfs: disabled: disk; see musicfs origins enable\n",
    });
  });
});
