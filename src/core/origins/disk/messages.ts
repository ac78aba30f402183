/**
 * The disk protocol's bytes: what an origin asks of a {@link Disk} that lives in a reader thread or
 * in a guard process. Little-endian; texts (byte strings) and messages (UTF-8) are
 * preceded by their length.
 *
 *     request   u8 op; f64 directory; f64 offset; u32 length; text path; text size-and-token;
 *               text paths, NUL between them; text mark
 *     result    u8 ok; then by op:
 *               openDirectory  f64 directory; f64 device
 *               readDirectory  u8 done; text mark; text failure code; message; u32 count;
 *                              count x (text name, attributes)
 *               markDirectories  u32 count; count x text mark
 *               stat           attributes
 *               read           7 unused; the bytes
 *               probe          message ("" when all is well)
 *               others         nothing
 *     failure   u8 0; text code; message
 *     attributes  u8 directory; f64 size; f64 mtime seconds; u32 nanoseconds; u32 mode; i32 uid;
 *                 i32 gid; text token; text identity; f64 device
 *
 * Both ends are the same binary, so the protocol has no versions; no length is trusted
 * beyond the packet's end.
 */

import type { ByteName, BytePath } from "../../bytes.ts";
import { ORIGIN_ERRORS, type OriginErrorCode } from "../../errors.ts";
import type { DirEntry, FileStat, OriginVersion, ProbeResult } from "../origin.ts";
import type { DirectoryPage, OpenedDirectory } from "./disk.ts";
import { DiskFailure } from "./failure.ts";
import { PacketReader, PacketWriter } from "./packet.ts";

export const OPS = [
  "open_directory",
  "read_directory",
  "close_directory",
  "mark_directories",
  "stat",
  "read",
  "probe",
  "release",
] as const;
export type DiskOp = (typeof OPS)[number];

export interface DiskRequest {
  readonly op: DiskOp;
  readonly path: BytePath;
  /** Of read_directory and close_directory: what open_directory answered. */
  readonly directory?: number;
  readonly offsetBytes?: number;
  readonly lengthBytes?: number;
  readonly version?: OriginVersion;
  /** Of mark_directories. */
  readonly paths?: readonly BytePath[];
  /** Of read_directory. */
  readonly mark?: string;
}

/** Where a read's bytes begin in its result. */
export const READ_BODY = 8;

const OK = 1;
const FAILED = 0;

export function encodeRequest(request: DiskRequest): Uint8Array<ArrayBuffer> {
  const { version } = request;
  return new PacketWriter()
    .u8(OPS.indexOf(request.op))
    .f64(request.directory ?? -1)
    .f64(request.offsetBytes ?? 0)
    .u32(request.lengthBytes ?? 0)
    .text(request.path)
    .text(version ? `${version.sizeBytes} ${version.token}` : "")
    .text(request.paths?.join("\0") ?? "")
    .text(request.mark ?? "")
    .finish();
}

export function decodeRequest(bytes: Uint8Array): DiskRequest {
  const packet = new PacketReader(bytes);
  const op = OPS[packet.u8()];
  if (op === undefined) throw new DiskFailure("protocol", "an unknown disk request");
  const directory = packet.f64();
  const offsetBytes = packet.f64();
  const lengthBytes = packet.u32();
  const path = packet.text() as BytePath;
  const version = parseVersion(packet.text());
  const paths = packet.text().split("\0") as BytePath[];
  const mark = packet.text();
  return {
    op,
    path,
    directory,
    offsetBytes,
    lengthBytes,
    ...(version && { version }),
    ...(op === "mark_directories" && { paths }),
    ...(mark !== "" && { mark }),
  };
}

function parseVersion(text: string): OriginVersion | undefined {
  const space = text.indexOf(" ");
  if (space < 0) return undefined;
  return { sizeBytes: Number(text.slice(0, space)), token: text.slice(space + 1) };
}

export function encodeFailure(failure: DiskFailure): Uint8Array<ArrayBuffer> {
  return new PacketWriter().u8(FAILED).text(failure.code).message(failure.message).finish();
}

export function encodeDone(): Uint8Array<ArrayBuffer> {
  return new PacketWriter().u8(OK).finish();
}

export function encodeDirectory({ fd, device }: OpenedDirectory): Uint8Array<ArrayBuffer> {
  return new PacketWriter().u8(OK).f64(fd).f64(device).finish();
}

export function encodePage(page: DirectoryPage): Uint8Array<ArrayBuffer> {
  const packet = new PacketWriter(page.entries.length * 192 + 256);
  packet
    .u8(OK)
    .u8(page.done ? 1 : 0)
    .text(page.mark ?? "");
  packet.text(page.failure?.code ?? "").message(page.failure?.message ?? "");
  packet.u32(page.entries.length);
  for (const entry of page.entries) writeStat(packet.text(entry.name), entry);
  return packet.finish();
}

/** `""`: none. */
export function encodeMarks(marks: readonly (string | undefined)[]): Uint8Array<ArrayBuffer> {
  const packet = new PacketWriter().u8(OK).u32(marks.length);
  for (const mark of marks) packet.text(mark ?? "");
  return packet.finish();
}

export function encodeStat(stat: FileStat): Uint8Array<ArrayBuffer> {
  const packet = new PacketWriter().u8(OK);
  writeStat(packet, stat);
  return packet.finish();
}

export function encodeProbe(probe: ProbeResult): Uint8Array<ArrayBuffer> {
  const reason = probe.status === "ok" ? "" : probe.reason;
  return new PacketWriter().u8(OK).message(reason).finish();
}

/** Marks `result`, whose bytes from READ_BODY on a read has filled, as good. */
export function finishRead(result: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  result[0] = OK;
  return result;
}

/** Where a request and the result of open_directory hold the directory's number. */
const DIRECTORY_AT = 1;

export function opOf(request: Uint8Array): DiskOp | undefined {
  return OPS[request[0] ?? -1];
}

/** The directory that a request is about, or that a good result of open_directory opened. */
export function directoryIn(message: Uint8Array): number {
  return viewOf(message).getFloat64(DIRECTORY_AT, true);
}

export function setDirectoryIn(message: Uint8Array, directory: number): void {
  viewOf(message).setFloat64(DIRECTORY_AT, directory, true);
}

/** False for a result that carries a failure. */
export function isGood(result: Uint8Array): boolean {
  return result[0] === OK;
}

function viewOf(message: Uint8Array): DataView {
  return new DataView(message.buffer, message.byteOffset, message.byteLength);
}

/** Past the first byte of a result; throws the failure that it carries. */
function opened(result: Uint8Array): PacketReader {
  const packet = new PacketReader(result);
  if (packet.u8() === OK) return packet;
  const code = packet.text();
  throw new DiskFailure(isErrorCode(code) ? code : "protocol", packet.message());
}

export function decodeDone(result: Uint8Array): void {
  opened(result);
}

export function decodeDirectory(result: Uint8Array): OpenedDirectory {
  const packet = opened(result);
  return { fd: packet.f64(), device: packet.f64() };
}

export function decodePage(result: Uint8Array): DirectoryPage {
  const packet = opened(result);
  const done = packet.u8() === 1;
  const mark = packet.text();
  const code = packet.text();
  const message = packet.message();
  const entries: DirEntry[] = [];
  for (let left = packet.u32(); left > 0; left--) {
    const name = packet.text() as ByteName;
    entries.push({ name, ...readStat(packet) });
  }
  const page = { entries, done, ...(mark !== "" && { mark }) };
  if (!isErrorCode(code)) return page;
  return { ...page, failure: new DiskFailure(code, message) };
}

export function decodeMarks(result: Uint8Array): readonly (string | undefined)[] {
  const packet = opened(result);
  const marks: (string | undefined)[] = [];
  for (let left = packet.u32(); left > 0; left--) marks.push(packet.text() || undefined);
  return marks;
}

export function decodeStat(result: Uint8Array): FileStat {
  return readStat(opened(result));
}

export function decodeProbe(result: Uint8Array): ProbeResult {
  const reason = opened(result).message();
  return reason === "" ? { status: "ok" } : { status: "degraded", reason };
}

/** The bytes that were read: a view of `result`. */
export function decodeRead(result: Uint8Array): Uint8Array {
  opened(result);
  return result.subarray(READ_BODY);
}

function writeStat(packet: PacketWriter, stat: FileStat): void {
  packet
    .u8(stat.kind === "directory" ? 1 : 0)
    .f64(stat.sizeBytes)
    .f64(stat.mtimeSec)
    .u32(stat.mtimeNsec)
    .u32(stat.mode)
    .i32(stat.uid)
    .i32(stat.gid)
    .text(stat.token)
    .text(stat.identity ?? "")
    .f64(stat.device ?? -1);
}

function readStat(packet: PacketReader): FileStat {
  const isDirectory = packet.u8() === 1;
  const common = {
    sizeBytes: packet.f64(),
    mtimeSec: packet.f64(),
    mtimeNsec: packet.u32(),
    mode: packet.u32(),
    uid: packet.i32(),
    gid: packet.i32(),
    token: packet.text(),
  };
  const identity = packet.text();
  const device = packet.f64();
  return isDirectory
    ? { kind: "directory", ...common, identity, device }
    : { kind: "file", ...common };
}

function isErrorCode(code: string): code is OriginErrorCode {
  return Object.hasOwn(ORIGIN_ERRORS, code);
}
