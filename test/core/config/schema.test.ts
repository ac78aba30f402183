import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CREDENTIAL_SETTINGS, ORIGIN_SETTINGS } from "../../../src/core/config/origin_schema.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { configSchema } from "../../../src/core/config/schema.ts";
import { ORIGIN_TYPES } from "../../../src/core/origins/origin.ts";

const manual = readFileSync(join(import.meta.dir, "../../../docs/configuration.md"), "utf8");

/** The text between a heading that has `title` and the next. */
function section(title: string): string {
  const from = manual.search(new RegExp(`^#+ .*${RegExp.escape(title)}.*$`, "m"));
  expect(from, title).toBeGreaterThan(-1);
  const rest = manual.slice(manual.indexOf("\n", from) + 1);
  const end = rest.search(/^#/m);
  return end < 0 ? rest : rest.slice(0, end);
}

/** Names in backticks in the first column of the section's table. */
function documented(title: string): readonly string[] {
  const rows = section(title).matchAll(/^\| (`[^|]*) \|/gm);
  return [...rows].flatMap((row) =>
    [...(row[1] ?? "").matchAll(/`([a-z_0-9]+)`/g)].map(([, name = ""]) => name),
  );
}

describe("docs/configuration.md", () => {
  const everyType = Object.keys(ORIGIN_SETTINGS.local).filter(
    (key) => key !== "path" && ORIGIN_TYPES.every((type) => key in ORIGIN_SETTINGS[type]),
  );

  test("has every setting of every origin, and no other", () => {
    const common = ["id", "origin_type", ...everyType, "credentials"];
    expect(documented("every type")).toEqual(common);
    for (const type of ORIGIN_TYPES) {
      const own = Object.keys(ORIGIN_SETTINGS[type]).filter((key) => !everyType.includes(key));
      expect(documented(`\`${type}\``), type).toEqual(own);
    }
    expect(documented("`[origins.credentials]`")).toEqual(Object.keys(CREDENTIAL_SETTINGS));
  });

  test("has every other setting, and no other", () => {
    const { entries } = configSchema;
    for (const name of ["cache", "health", "read", "mount", "log"] as const) {
      const table = entries[name].wrapped.entries;
      const keys = Object.keys(table).filter((key) => key !== "per_origin_thresholds");
      const shown = documented(`\`[${name}]\``).filter((key) => key !== "listen");
      expect(shown, name).toEqual(keys);
    }
    expect(documented("Top level")).toEqual(["mount_point", "cache_dir"]);
    expect(documented("`[metrics]`")).toContain("listen");
  });

  test("shows a file that is right", async () => {
    const [, example = ""] = /```toml\n([\s\S]*?)```/.exec(manual) ?? [];
    const { origins } = await parseConfig(example, "docs/configuration.md");
    expect(origins.map(({ id }) => id)).toEqual(["disk", "cloud"]);
  });
});
