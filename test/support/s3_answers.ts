/** What an S3 server would answer, for servers that answer something else. */

import type { Socket } from "node:net";
import { type RawRequest, reply } from "./raw_http.ts";

export interface ListedKey {
  readonly key: string;
  readonly size?: number | string;
  readonly etag?: string;
}

export interface ListAnswer {
  readonly prefix?: string;
  readonly keys?: readonly ListedKey[];
  readonly prefixes?: readonly string[];
  /** Of the next page. */
  readonly token?: string;
  readonly encoding?: string;
}

export function listXml({ prefix = "", keys = [], prefixes = [], token, encoding }: ListAnswer) {
  const contents = keys.map(
    ({ key, size = 1, etag = '"e"' }) =>
      `<Contents>${element("Key", key)}<LastModified>2026-01-02T03:04:05.678Z</LastModified>` +
      `${element("ETag", etag)}<Size>${size}</Size></Contents>`,
  );
  const common = prefixes.map(
    (one) => `<CommonPrefixes>${element("Prefix", one)}</CommonPrefixes>`,
  );
  return [
    '<?xml version="1.0" encoding="UTF-8"?>\n',
    '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>music</Name>',
    element("Prefix", prefix),
    encoding === undefined ? "" : element("EncodingType", encoding),
    `<IsTruncated>${token !== undefined}</IsTruncated>`,
    token === undefined ? "" : element("NextContinuationToken", token),
    ...contents,
    ...common,
    "</ListBucketResult>",
  ].join("");
}

export function errorXml(code: string, more: Readonly<Record<string, string>> = {}): string {
  const fields = Object.entries({ Code: code, Message: `about ${code}`, ...more });
  return `<Error>${fields.map(([name, value]) => element(name, value)).join("")}</Error>`;
}

function element(name: string, text: string): string {
  const escaped = text.replace(/[&<>"]/g, (char) => `&#${char.charCodeAt(0)};`);
  return `<${name}>${escaped}</${name}>`;
}

/** Answers a ranged GET of `content` as it should be. */
export function serveRange(socket: Socket, request: RawRequest, content: Uint8Array): void {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
  const from = Number(first);
  const to = Math.min(Number(last) + 1, content.byteLength);
  const ContentRange = `bytes ${from}-${to - 1}/${content.byteLength}`;
  if (from >= content.byteLength) reply(socket, 416, {}, errorXml("InvalidRange"));
  else
    reply(socket, 206, { ETag: '"e"', "Content-Range": ContentRange }, content.subarray(from, to));
}
