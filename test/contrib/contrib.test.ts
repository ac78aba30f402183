/** What lies in contrib/ is valid, and names only what there is. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { EventCounts } from "../../src/core/control/event_counts.ts";
import { EVENT_TYPES } from "../../src/core/control/event_json.ts";
import { families } from "../../src/core/control/metric_families.ts";
import { EventBus } from "../../src/core/events.ts";
import { FakeMount } from "../core/control/controlled.ts";
import { needing } from "../support/needs.ts";

const CONTRIB = join(import.meta.dir, "../../contrib");
const UNITS = readdirSync(join(CONTRIB, "systemd"));

function contrib(...path: string[]): string {
  return readFileSync(join(CONTRIB, ...path), "utf8");
}

const { test: withSystemd } = needing("systemd-analyze");

describe("systemd units", () => {
  withSystemd("are valid", () => {
    const directory = mkdtempSync(join(tmpdir(), "musicfs-units-"));
    try {
      const units = UNITS.filter((name) => !name.endsWith(".conf"));
      for (const name of units) {
        // What is not installed would be a finding of its own.
        const text = contrib("systemd", name).replaceAll("/usr/bin/musicfs", "/bin/true");
        writeFileSync(join(directory, name), text);
      }
      const paths = units.map((name) => join(directory, name));
      const { exitCode, stderr } = Bun.spawnSync(["systemd-analyze", "verify", ...paths]);
      const findings = stderr
        .toString()
        .split("\n")
        .filter((line) => line.includes("musicfs"));
      expect([exitCode, findings]).toEqual([0, []]);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("give the mount no mounts of its own, where nobody would see it", () => {
    const settings = contrib("systemd", "musicfs.service").match(/^[A-Za-z]+(?==)/gm) ?? [];
    expect(settings).toContain("ExecStart");
    for (const setting of settings)
      expect(setting).not.toMatch(/^(Private|Protect|ReadOnly|Bind|Root)/);
  });
});

describe("alerts", () => {
  const rule = v.object({
    alert: v.string(),
    expr: v.string(),
    labels: v.object({ severity: v.picklist(["warning", "critical"]) }),
    annotations: v.object({ summary: v.string(), action: v.optional(v.string()) }),
  });
  const file = v.object({ groups: v.array(v.object({ name: v.string(), rules: v.array(rule) })) });
  const rules = v
    .parse(file, Bun.YAML.parse(contrib("alerts.yaml")))
    .groups.flatMap((g) => g.rules);

  test("ask for metrics and events that there are", () => {
    const counts = new EventCounts(new EventBus());
    const known = families(new FakeMount("/c"), counts).map(({ name }) => name);
    for (const { alert, expr } of rules) {
      const asked = expr.match(/\bmusicfs_\w+/g) ?? [];
      expect([alert, asked.filter((name) => !known.includes(name))]).toEqual([alert, []]);
      for (const [, type = ""] of expr.matchAll(/type="(\w+)"/g))
        expect(EVENT_TYPES).toContain(type);
    }
    expect(rules.length).toBeGreaterThan(5);
  });
});

test("the container is given mounts that come and go", () => {
  const compose = Bun.YAML.parse(contrib("compose.yaml"));
  expect(compose).toMatchObject({
    services: {
      jellyfin: {
        volumes: [expect.anything(), { type: "bind", bind: { propagation: "rslave" } }],
      },
    },
  });
});
