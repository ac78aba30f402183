/** A table of settings: its keys are known, all others are errors that say what was meant. */

import * as v from "valibot";
import { settingInfo } from "./setting.ts";
import { suggest } from "./suggest.ts";

/**
 * A table with exactly these keys. `elsewhere` may say where an unknown key does belong, as the end
 * of the message.
 */
export function table<const T extends v.ObjectEntries>(
  entries: T,
  elsewhere: (key: string) => string | undefined = () => undefined,
) {
  return v.strictObject(entries, (issue) => {
    const key = String(issue.path?.at(-1)?.key ?? "");
    if (issue.expected === "never") return unknownKeyMessage(key, Object.keys(entries), elsewhere);
    if (issue.expected === "Object") return "must be a table";
    const info = settingInfo(entries[key]);
    return info === undefined ? "is missing" : `is missing: ${info.help}`;
  });
}

const SECRET_KEY = /pass|secret|token|access_key|private_key/i;

function unknownKeyMessage(
  key: string,
  known: readonly string[],
  elsewhere: (key: string) => string | undefined,
): string {
  if (SECRET_KEY.test(key)) {
    return (
      "is not a setting here; secrets stay out of this file: " +
      "write an [origins.credentials] table with env, file or command below the origin"
    );
  }
  const near = suggest(key, known);
  const right =
    elsewhere(key) ??
    (near === undefined ? `there are ${known.join(", ")}` : `did you mean "${near}"?`);
  return `is not a setting here; ${right}`;
}
