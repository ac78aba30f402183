/** What the control API takes, checked before anything is done with it (docs/control-api.md). */

import * as v from "valibot";
import { ORIGIN_ID } from "../config/origin_schema.ts";
import { showValue } from "../config/setting.ts";
import { OwnError } from "../errors.ts";
import { MAX_ORIGINS } from "../limits.ts";
import type { OriginId } from "../origins/origin.ts";
import { EVENT_TYPES } from "./event_json.ts";

const originId = v.pipe(
  v.string("must be an origin's id"),
  v.regex(ORIGIN_ID, "must be an origin's id"),
  v.transform((id) => id as OriginId),
);

const flag = v.boolean("must be true or false");

/** `POST /v1/scan`. */
export const scanRequest = v.strictObject({
  /** Default: all that are enabled. */
  origins: v.optional(
    v.pipe(
      v.array(originId, "must be a list of origins' ids"),
      v.minLength(1, "must name an origin, or be left out for all"),
      v.maxLength(MAX_ORIGINS, `must not name more than ${MAX_ORIGINS}`),
      v.transform((ids) => [...new Set(ids)]),
    ),
  ),
  allow_empty: v.optional(flag, false),
  wait: v.optional(flag, false),
  full: v.optional(flag, false),
});
export type ScanRequestBody = v.InferOutput<typeof scanRequest>;

const settingValue = v.union(
  [
    v.string(),
    v.boolean(),
    v.pipe(v.number(), v.finite()),
    v.array(v.string()),
    v.record(v.string(), v.string()),
  ],
  "must be text, a number, true or false, a list of texts or a table of texts",
);
const TABLE = "must be a table of settings";
const settings = v.pipe(
  v.unknown(),
  v.check((value) => !Array.isArray(value), TABLE),
  v.record(v.string(), settingValue, TABLE),
);

/** `POST /v1/origins`: the settings as the file has them, `id` and `origin_type` among them. */
export const addRequest = v.strictObject({ settings });

/** `PATCH /v1/origins/ID`. */
export const changeRequest = v.strictObject({
  settings: v.optional(settings, {}),
  /** Names of settings that go back to their defaults. */
  unset: v.optional(v.pipe(v.array(v.string()), v.maxLength(100)), []),
});

/** A request that has nothing to say. */
export const emptyRequest = v.optional(v.strictObject({}), {});

const EVENT_ID = /^[0-9a-f]{8}-\d{1,15}$/;

/** The query of `GET /v1/events`. */
export const eventsQuery = v.strictObject({
  after: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => text === "latest" || EVENT_ID.test(text),
        'must be the id of an event, or "latest"',
      ),
    ),
  ),
  type: v.optional(
    v.pipe(
      v.string(),
      v.transform((text) => text.split(",")),
      v.array(v.picklist(EVENT_TYPES, `must be of ${EVENT_TYPES.join(", ")}, with commas between`)),
    ),
  ),
  follow: v.optional(
    v.pipe(
      v.picklist(["true", "false"], "must be true or false"),
      v.transform((text) => text === "true"),
    ),
    "true",
  ),
});

/** The value a schema makes of a request; throws `usage` that says what is wrong with it. */
export function checkRequest<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const checked = v.safeParse(schema, value);
  if (checked.success) return checked.output;
  const problems = checked.issues.map((issue) => {
    const key = v.getDotPath(issue);
    if (issue.expected === "never") return `${showValue(key)} is not known here`;
    return key === null ? `the request: ${issue.message}` : `${key} ${issue.message}`;
  });
  throw new OwnError("usage", problems.join("; "));
}
