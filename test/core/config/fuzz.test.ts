import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { editOrigins, type OriginEdit } from "../../../src/core/config/edit.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { MusicFsError } from "../../../src/core/errors.ts";

const manual = readFileSync(join(import.meta.dir, "../../../docs/configuration.md"), "utf8");
const [, EXAMPLE = ""] = /```toml\n([\s\S]*?)```/.exec(manual) ?? [];

const PIECES = [
  ..."\"\\[]{}=.,#'\n\t _+-é🎵\u0000\u001b\u007f\ufeff\u2028",
  "\r\n",
  '"""',
  "'''",
  "1e5",
  "0x",
  "inf",
  "1979-05-27T07:32:00Z",
  "07:32",
  "true",
  "origins",
  "[[origins]]",
  "[origins]",
  "__proto__",
];

const EDITS: readonly OriginEdit[] = [
  { kind: "remove", id: "disk" },
  {
    kind: "set",
    id: "cloud",
    values: { priority: 9, credentials: { file: "/f" } },
    unset: ["region"],
  },
  { kind: "add", values: { id: "new", origin_type: "local", path: "/n" } },
];

/** mulberry32. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

test("a mutated configuration is valid or explained, and then edited exactly or refused", async () => {
  let valid = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const below = seeded(seed);
    let text = EXAMPLE;
    for (let count = below(4); count >= 0; count--) {
      const at = below(text.length + 1);
      const piece = below(3) === 0 ? "" : (PIECES[below(PIECES.length)] ?? "");
      text = text.slice(0, at) + piece + text.slice(at + below(1 + below(12)));
    }
    try {
      await parseConfig(text, "c.toml");
      valid++;
      for (const edit of EDITS) await editOrigins(text, "c.toml", edit).catch(expectExplained);
    } catch (error) {
      expectExplained(error, `seed ${seed}`);
    }
  }
  expect(valid).toBeGreaterThan(50);
});

function expectExplained(error: unknown, at = ""): void {
  expect(error, at).toBeInstanceOf(MusicFsError);
  expect(error, at).not.toMatchObject({ code: "internal" });
  expect(String(error), at).not.toContain("cannot be edited safely");
}
