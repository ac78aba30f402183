/**
 * The published index: what the files of one origin consist of, for machines that have not their
 * bytes (docs/on-disk.md).
 *
 * - `index`: the head, the only object that is ever replaced. "MuFI", the version of the layout (1),
 *   the base-2 logarithm of the number of pages, then the SHA-256 of each page.
 * - `objects/XX/HEX`: pages and manifests, named by their SHA-256; XX are its first two digits.
 * - `former/HEX`: heads that were replaced, named likewise, and written when they were: what they
 *   refer to stays for INDEX_FORMER_SECS, for whoever has read them.
 *
 * A file's page is told by the first bits of the SHA-256 of its path. A page is lines of JSON, one
 * for each file: `[path, size, mtime, md5, sha256, manifest]`, the path as a byte string, the mtime
 * in whole seconds, `manifest` the SHA-256 of the encoded manifest. A page has some 64 files, so that
 * what is fetched for one file stays small, whatever the library.
 */

import * as v from "valibot";
import { type BytePath, toBytes } from "../../bytes.ts";
import { OwnError } from "../../errors.ts";
import { INDEX_PAGE_FILES } from "../../limits.ts";
import { SHA256_BYTES } from "../chunks/manifest.ts";

export const INDEX_LAYOUT_VERSION = 1;
/** Name of the head. */
export const INDEX_HEAD = "index";

const FORMER = "former";
/** Where all but the head lies. */
export const INDEX_ROOMS = ["objects", FORMER] as const;
const OBJECT_NAME = /^(?:objects\/[0-9a-f]{2}|former)\/[0-9a-f]{64}$/;

const MAGIC = "MuFI";
const HEADER_BYTES = 6;
const MAX_BITS = 16;

export interface IndexEntry {
  /** On the origin. */
  readonly path: BytePath;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly md5: string;
  readonly sha256: string;
  /** SHA-256 of the encoded manifest, lower-case hex. */
  readonly manifest: string;
}

/** The SHA-256 of each page, lower-case hex; as many as a power of two. */
export type IndexHead = readonly string[];

const count = v.pipe(v.number(), v.integer());
const hex = (digits: number) => v.pipe(v.string(), v.regex(/^[0-9a-f]*$/), v.length(digits));
const line = v.tuple([v.string(), count, count, hex(32), hex(64), hex(64)]);

export function sha256Hex(bytes: Uint8Array): string {
  return new Bun.CryptoHasher("sha256").update(bytes).digest("hex");
}

export function objectName(sha256: string): string {
  return `objects/${sha256.slice(0, 2)}/${sha256}`;
}

export function formerName(sha256: string): string {
  return `${FORMER}/${sha256}`;
}

/** Whether a head that was replaced is called that. */
export function isFormerName(name: string): boolean {
  return name.startsWith(`${FORMER}/`);
}

/** Whether something in an index may be called that. */
export function isIndexName(name: string): boolean {
  return name === INDEX_HEAD || OBJECT_NAME.test(name);
}

/** How many bits tell a page, when there are so many files. */
export function pageBits(files: number): number {
  const pages = Math.max(1, files / INDEX_PAGE_FILES);
  return Math.min(MAX_BITS, Math.ceil(Math.log2(pages)));
}

/** Which of 2 ^ bits pages tells of the file. */
export function pageOf(path: BytePath, bits: number): number {
  const hash = new Bun.CryptoHasher("sha256").update(toBytes(path)).digest();
  return bits === 0 ? 0 : hash.readUInt32BE(0) >>> (32 - bits);
}

export function encodePage(entries: readonly IndexEntry[]): Uint8Array {
  const lines = entries.map(({ path, sizeBytes, mtimeSec, md5, sha256, manifest }) =>
    JSON.stringify([path, sizeBytes, mtimeSec, md5, sha256, manifest]),
  );
  return Buffer.from(lines.map((each) => `${each}\n`).join(""));
}

/** Throws OwnError `manifest` for what is no page. */
export function decodePage(bytes: Uint8Array): readonly IndexEntry[] {
  const lines = Buffer.from(bytes).toString("utf8").split("\n").slice(0, -1);
  return lines.map((text) => {
    const read = v.safeParse(line, jsonOf(text));
    if (!read.success) throw new OwnError("manifest", "a page of the index is damaged");
    const [path, sizeBytes, mtimeSec, md5, sha256, manifest] = read.output;
    return { path: path as BytePath, sizeBytes, mtimeSec, md5, sha256, manifest };
  });
}

export function encodeHead(head: IndexHead): Uint8Array {
  const header = Buffer.alloc(HEADER_BYTES);
  header.write(MAGIC, "latin1");
  header.writeUInt8(INDEX_LAYOUT_VERSION, 4);
  header.writeUInt8(Math.log2(head.length), 5);
  return Buffer.concat([header, ...head.map((page) => Buffer.from(page, "hex"))]);
}

/** Throws OwnError `manifest` for what is no head of this version. */
export function decodeHead(bytes: Uint8Array): IndexHead {
  const head = Buffer.from(bytes);
  if (head.byteLength < HEADER_BYTES || head.toString("latin1", 0, 4) !== MAGIC) {
    throw new OwnError("manifest", "there is no index");
  }
  const version = head.readUInt8(4);
  if (version !== INDEX_LAYOUT_VERSION) {
    throw new OwnError("manifest", `the index has version ${version}, not ${INDEX_LAYOUT_VERSION}`);
  }
  const bits = head.readUInt8(5);
  const pages = 2 ** bits;
  if (bits > MAX_BITS || head.byteLength !== HEADER_BYTES + pages * SHA256_BYTES) {
    throw new OwnError("manifest", "the index is damaged");
  }
  return Array.from({ length: pages }, (_, page) => {
    const from = HEADER_BYTES + page * SHA256_BYTES;
    return head.toString("hex", from, from + SHA256_BYTES);
  });
}

/** Undefined for what is no JSON, which no schema takes. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
