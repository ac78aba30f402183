/**
 * One page of ListObjectsV2, out of its XML. The SDK's parser holds the thread for 20 ms per page,
 * which every read under way would feel; this one takes a tenth of it, in time linear to the page.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */

import { BadAnswer } from "./http_answer.ts";

/** Keys and prefixes are as listed: see `decodeListed`. */
export interface ListingPage {
  readonly prefix: string;
  readonly encoding: string | undefined;
  /** Where the next page begins; undefined on the last one. */
  readonly continuation: string | undefined;
  readonly commonPrefixes: readonly string[];
  readonly objects: readonly ListedObject[];
}

export interface ListedObject {
  readonly key: string;
  /** Undefined where the server leaves it out or writes nonsense; so are the others. */
  readonly sizeBytes: number | undefined;
  readonly etag: string | undefined;
  readonly lastModifiedMs: number | undefined;
}

/** `<ListBucketResult>`, its elements, theirs, and what lies below is not looked at. */
const ROOT_DEPTH = 1;
const MAX_DEPTH = 16;

type Fields = Map<string, string>;

/** @throws BadAnswer for anything but a whole page */
export function parseListingPage(body: Uint8Array): ListingPage {
  const page: Fields = new Map();
  const commonPrefixes: string[] = [];
  const objects: ListedObject[] = [];
  let element: Fields = new Map();
  eachElement(text(body), (depth, name, value) => {
    if (depth === ROOT_DEPTH + 2) element.set(name, value);
    if (depth !== ROOT_DEPTH + 1) return;
    if (name === "Contents") objects.push(listedObject(element));
    else if (name === "CommonPrefixes") commonPrefixes.push(element.get("Prefix") ?? "");
    else page.set(name, value);
    element = new Map();
  });
  const truncated = page.get("IsTruncated");
  const continuation = page.get("NextContinuationToken");
  // What is anything else but a listing must not pass for an empty one, nor a part for the whole.
  if (truncated !== "true" && truncated !== "false") throw new BadAnswer(NO_LISTING);
  if (truncated === "true" && !continuation) {
    throw new BadAnswer("the server's listing breaks off without an end");
  }
  return {
    prefix: page.get("Prefix") ?? "",
    encoding: page.get("EncodingType"),
    continuation: truncated === "true" ? continuation : undefined,
    commonPrefixes,
    objects,
  };
}

const NO_LISTING = "the server's answer is no S3 listing; is this an S3 endpoint?";

function text(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
}

function listedObject(fields: Fields): ListedObject {
  const size = fields.get("Size") ?? "";
  const modifiedMs = Date.parse(fields.get("LastModified") ?? "");
  return {
    key: fields.get("Key") ?? "",
    sizeBytes: /^\d{1,15}$/.test(size) ? Number(size) : undefined,
    etag: fields.get("ETag"),
    lastModifiedMs: Number.isNaN(modifiedMs) ? undefined : modifiedMs,
  };
}

/** Tells of every element when it ends, with the text right before its end; the root has depth 1. */
function eachElement(
  xml: string,
  onEnd: (depth: number, name: string, value: string) => void,
): void {
  const open: string[] = [];
  let at = xml.startsWith("\ufeff") ? 1 : 0;
  let rootSeen = false;
  for (;;) {
    const tagAt = xml.indexOf("<", at);
    if (tagAt < 0) break;
    const end = xml.indexOf(">", tagAt);
    if (end < 0) throw new BadAnswer(NO_LISTING);
    const tag = xml.slice(tagAt + 1, end);
    if (tag.startsWith("/")) {
      const name = tag.slice(1).trimEnd();
      if (open.pop() !== name) throw new BadAnswer(NO_LISTING);
      onEnd(open.length + 1, name, decodeEntities(xml.slice(at, tagAt)));
    } else if (!tag.startsWith("?")) {
      const empty = tag.endsWith("/");
      const name = (empty ? tag.slice(0, -1) : tag).split(/\s/, 1)[0] ?? "";
      if (open.length === 0 && (rootSeen || name !== "ListBucketResult")) {
        throw new BadAnswer(NO_LISTING);
      }
      rootSeen = true;
      if (empty) onEnd(open.length + 1, name, "");
      else if (open.push(name) > MAX_DEPTH) throw new BadAnswer(NO_LISTING);
    }
    at = end + 1;
  }
  if (!rootSeen || open.length > 0) throw new BadAnswer(NO_LISTING);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
};

function decodeEntities(value: string): string {
  if (!value.includes("&")) return value;
  return value.replace(
    /&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/g,
    (whole, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? whole;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    },
  );
}
