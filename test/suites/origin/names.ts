/** Names are bytes, and come back as they are. */

import { expect, test } from "bun:test";
import { type ByteName, type BytePath, joinPath, nameFromText } from "../../../src/core/bytes.ts";
import type { OriginHarness } from "./harness.ts";
import { bytesOf, listAll, path, patterned, readAll } from "./looking.ts";

export function names(harness: OriginHarness): void {
  const candidates: Record<string, ByteName> = {
    spaces: nameFromText("  two  spaces "),
    "unicode in NFC": nameFromText("Bj\u00f6rk \u2013 J\u00f3ga \u{1f3b5}".normalize("NFC")),
    "unicode in NFD": nameFromText("Bj\u00f6rk \u2013 J\u00f3ga \u{1f3b5}".normalize("NFD")),
    "URL syntax": nameFromText("a+b%20c#d?e&f=g;h:i@j"),
    "shell and glob syntax": nameFromText("$(x) `y` \"z\" 'q' *[a]{b}\\n"),
    "a leading dash and dots": nameFromText("-...rf"),
    "only dots": nameFromText("..."),
    "255 bytes": nameFromText(`${"\u00e9".repeat(127)}x`),
    "control characters": nameFromText("bell\u0007 tab\t escape\u001b[31m newline\n delete\u007f"),
    "bidirectional overrides": nameFromText("evil\u202egpj.exe"),
  };
  if (harness.capabilities.byteNames) {
    candidates["invalid UTF-8"] = "caf\xe9 \xff\xfe" as ByteName;
    candidates["an overlong encoding"] = "\xc0\xaf" as ByteName;
  }
  for (const [what, name] of Object.entries(candidates)) {
    if (harness.refusesName?.(name)) continue;
    test(`lists, stats and reads names with ${what}`, async () => {
      await using fixture = await harness.open();
      const { origin } = fixture;
      const content = patterned(100);
      const at = joinPath(name as string as BytePath, name);
      await fixture.put(at, content);
      expect([...(await listAll(origin)).keys()]).toEqual([name]);
      const inner = await listAll(origin, name as string as BytePath);
      expect([...inner.keys()]).toEqual([name]);
      expect(inner.get(name)?.sizeBytes).toBe(100);
      expect((await origin.stat(at)).kind).toBe("file");
      expect(await readAll(origin, at, 200)).toEqual(content);
    });
  }

  test("keeps names apart that differ in case or normalization only", async () => {
    await using fixture = await harness.open();
    for (const name of ["\u00e9", "e\u0301", "E\u0301"]) {
      await fixture.put(path(name), bytesOf(name));
    }
    for (const name of ["\u00e9", "e\u0301", "E\u0301"]) {
      expect(await readAll(fixture.origin, path(name), 10)).toEqual(bytesOf(name));
    }
    expect((await listAll(fixture.origin)).size).toBe(3);
  });
}
