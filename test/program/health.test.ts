import { describe, expect, test } from "bun:test";
import { Home } from "./cli.ts";

async function homeWith(origins: Readonly<Record<string, string>>, more = ""): Promise<Home> {
  const home = new Home();
  const tables = Object.entries(origins).map(
    ([id, path]) => `[[origins]]\nid = "${id}"\norigin_type = "local"\npath = "${path}"\n`,
  );
  await Bun.write(home.configFile, tables.join("") + more);
  return home;
}

describe("musicfs health", () => {
  test("is 0 when all are healthy, and prints exactly the documented fields", async () => {
    using home = await homeWith({ disk: "/tmp" });
    const { code, stdout, stderr } = await home.run("health", "--json");
    expect([code, stderr]).toEqual([0, ""]);
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ status: "healthy", cache: null });
    const [origin] = report.origins;
    expect(Object.keys(origin)).toEqual([
      "id",
      "type",
      "priority",
      "enabled",
      "status",
      "consecutive_failures",
      "threshold",
      "latency_p50_ms",
      "latency_p99_ms",
      "last_latency_ms",
      "last_check",
      "last_error",
      "usage",
    ]);
    expect(origin).toMatchObject({
      id: "disk",
      type: "local",
      priority: 100,
      enabled: true,
      status: "healthy",
      consecutive_failures: 0,
      threshold: 1,
      last_error: null,
      usage: null,
    });
    expect(origin.last_latency_ms).toBeGreaterThan(0);
    expect(Date.parse(origin.last_check)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("is 2 when some are unhealthy, after as many failures as the threshold (F-6)", async () => {
    using home = await homeWith(
      { disk: "/tmp", gone: "/no/such" },
      "[health.per_origin_thresholds]\nlocal = 4\n",
    );
    const { code, stdout } = await home.run("health", "--json");
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      status: "unhealthy",
      origins: [
        { status: "healthy" },
        { status: "unhealthy", consecutive_failures: 4, threshold: 4, last_latency_ms: null },
      ],
    });
    expect((await home.run("health", "disk")).code).toBe(0);
    const one = await home.run("health", "gone");
    expect(one.code).toBe(2);
    expect(one.stdout.split("\n")[1]).toMatch(
      /^gone {4}local +100 {2}unhealthy +4\/4 +there is no directory \/no\/such/,
    );
  });

  test("is 3 when there is nothing to tell: none, disabled, unknown, wrong", async () => {
    using home = await homeWith({});
    expect(await home.run("health")).toEqual({
      code: 3,
      stdout: "no origin is configured; add one with: musicfs origins add\n",
      stderr: "",
    });
    using other = await homeWith({ disk: "/tmp" });
    await other.run("origins", "disable", "disk");
    const disabled = await other.run("health", "--json");
    expect(disabled.code).toBe(3);
    expect(JSON.parse(disabled.stdout)).toMatchObject({
      status: "unknown",
      origins: [{ enabled: false, status: "unknown", last_check: null }],
    });
    expect(await other.run("health", "dsk")).toEqual({
      code: 3,
      stdout: "",
      stderr: 'musicfs: there is no origin "dsk"; did you mean "disk"?\n',
    });
    await Bun.write(other.configFile, "x = \n");
    expect((await other.run("health")).code).toBe(3);
  });
});
