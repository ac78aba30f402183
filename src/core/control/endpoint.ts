/** What an endpoint of the control API is. */

import type * as v from "valibot";
import type { OriginId } from "../origins/origin.ts";
import { checkRequest, emptyRequest } from "./requests.ts";

/** What came with a request, read and bounded but not looked into. */
export interface Call {
  /** The origin's id in the path; `""` where it has none. */
  readonly id: OriginId;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly headers: Headers;
}

/** Answers what becomes the response's JSON, or the response where that is something else. */
export type Handler = (call: Call) => Promise<object | Response> | object | Response;

export interface Endpoint {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  /** With `ID` where an origin's id stands. */
  readonly path: string;
  readonly handle: Handler;
}

/** For requests without a query. */
export function withBody<T>(
  schema: v.GenericSchema<unknown, T>,
  handle: (body: T, call: Call) => ReturnType<Handler>,
): Handler {
  return (call) => {
    checkRequest(emptyRequest, call.query);
    return handle(checkRequest(schema, call.body), call);
  };
}

/** For requests with neither query nor body. */
export function withNothing(handle: (call: Call) => ReturnType<Handler>): Handler {
  return withBody(emptyRequest, (_body, call) => handle(call));
}
