import { readFileSync } from "node:fs";
import { join } from "node:path";
import { editOrigins, type OriginEdit } from "../../../src/core/config/edit.ts";
import { parseConfig } from "../../../src/core/config/parse.ts";
import { MusicFsError } from "../../../src/core/errors.ts";
import { type FuzzTarget, fuzzed, must, textOf } from "../target.ts";

const manual = readFileSync(join(import.meta.dir, "../../../docs/configuration.md"));
const [, EXAMPLE = ""] = /```toml\n([\s\S]*?)```/.exec(manual.toString()) ?? [];

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

/** A configuration is valid or explained, and then edited exactly or refused. */
export const config: FuzzTarget = {
  name: "config",
  seeds: [Buffer.from(EXAMPLE)],
  tokens: [
    ..."\"\\[]{}=.,#'\n\t _+-é🎵\u0000\u001b\u007f\ufeff\u2028",
    ...["\r\n", '"""', "'''", "1e5", "0x", "inf", "1979-05-27T07:32:00Z", "07:32", "true"],
    ...["origins", "[[origins]]", "[origins]", "[origins.credentials]", "__proto__", "id"],
  ],
  smokeInputs: 1500,
  start: () =>
    fuzzed(async (input) => {
      const text = textOf(input);
      try {
        await parseConfig(text, "c.toml");
      } catch (error) {
        mustBeExplained(error);
        return;
      }
      for (const edit of EDITS) await editOrigins(text, "c.toml", edit).catch(mustBeExplained);
    }),
};

function mustBeExplained(error: unknown): void {
  if (!(error instanceof MusicFsError)) throw error;
  must(error.code !== "internal", error.message);
  must(!error.message.includes("cannot be edited safely"), error.message);
}
