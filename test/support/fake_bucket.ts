/** A bucket of the test's own making that answers as S3 does, with objects no real server would take. */

import type { Socket } from "node:net";
import { RawHttpServer, type RawRequest, reply } from "./raw_http.ts";
import { errorXml, listXml, serveRange } from "./s3_answers.ts";

/** `archived`: listed, and given out only after somebody restores it. */
export type FakeObject = Uint8Array | "archived";

/** Serves `music` at the endpoint of the server that it answers. */
export function fakeBucket(objects: Readonly<Record<string, FakeObject>>): Promise<RawHttpServer> {
  return RawHttpServer.start((socket, request) => answer(objects, socket, request));
}

const ARCHIVED_BYTES = 1000;

function answer(
  objects: Readonly<Record<string, FakeObject>>,
  socket: Socket,
  request: RawRequest,
): void {
  const { pathname, searchParams } = new URL(request.target, "http://bucket");
  const key = decodeURIComponent(pathname.replace(/^\/music\/?/, ""));
  if (key === "") {
    if (request.method === "HEAD") reply(socket, 200);
    else {
      const delimiter = searchParams.get("delimiter");
      reply(socket, 200, {}, list(objects, searchParams.get("prefix") ?? "", delimiter));
    }
    return;
  }
  const object = objects[key];
  if (object === undefined) reply(socket, 404, {}, missing(request));
  else if (request.method === "HEAD") {
    const { byteLength } = object === "archived" ? { byteLength: ARCHIVED_BYTES } : object;
    const modified = "Fri, 02 Jan 2026 03:04:05 GMT";
    reply(socket, 200, { "Content-Length": byteLength, ETag: '"e"', "Last-Modified": modified });
  } else if (object === "archived") reply(socket, 403, {}, errorXml("InvalidObjectState"));
  else serveRange(socket, request, object);
}

function missing({ method }: RawRequest): string {
  return method === "HEAD" ? "" : errorXml("NoSuchKey");
}

/** Everything below the prefix on one page, cut at the next delimiter. */
function list(
  objects: Readonly<Record<string, FakeObject>>,
  prefix: string,
  delimiter: string | null,
): string {
  const below = Object.keys(objects)
    .filter((key) => key.startsWith(prefix))
    .sort();
  const isDirect = (key: string) =>
    delimiter === null || !key.slice(prefix.length).includes(delimiter);
  const keys = below.filter(isDirect).map((key) => {
    const object = objects[key];
    return { key, size: object instanceof Uint8Array ? object.byteLength : ARCHIVED_BYTES };
  });
  const prefixes = below
    .filter((key) => !isDirect(key))
    .map((key) => key.slice(0, key.indexOf("/", prefix.length) + 1));
  return listXml({ prefix, keys, prefixes: [...new Set(prefixes)].sort() });
}
