/** The disk's end of the protocol: one request in, one result out. */

import { Memory } from "../../sys/memory.ts";
import type { Disk } from "./disk.ts";
import { DiskFailure } from "./failure.ts";
import {
  type DiskRequest,
  decodeRequest,
  encodeDirectory,
  encodeDone,
  encodeFailure,
  encodeMarks,
  encodePage,
  encodeProbe,
  encodeStat,
  finishRead,
  READ_BODY,
} from "./messages.ts";

/** The most that one request may read; origins split what is longer. */
const MAX_DISK_READ_BYTES = 1024 * 1024;

/** Blocks until the disk has answered. The result is a buffer of its own. */
export function serveDiskRequest(disk: Disk, request: Uint8Array): Uint8Array<ArrayBuffer> {
  try {
    return serve(disk, decodeRequest(request));
  } catch (error) {
    if (!(error instanceof DiskFailure)) throw error;
    return encodeFailure(error);
  }
}

function serve(disk: Disk, request: DiskRequest): Uint8Array<ArrayBuffer> {
  switch (request.op) {
    case "open_directory":
      return encodeDirectory(disk.openDirectory(request.path));
    case "read_directory":
      return encodePage(disk.readDirectory(request.directory ?? -1, request.path, request.mark));
    case "close_directory":
      disk.closeDirectory(request.directory ?? -1);
      return encodeDone();
    case "mark_directories":
      return encodeMarks(disk.markDirectories(request.paths ?? []));
    case "stat":
      return encodeStat(disk.stat(request.path));
    case "read":
      return serveRead(disk, request);
    case "probe":
      return encodeProbe(disk.probe());
    case "release":
      disk.release();
      return encodeDone();
  }
}

/** The system call writes straight into the result. */
function serveRead(disk: Disk, request: DiskRequest): Uint8Array<ArrayBuffer> {
  const length = Math.min(request.lengthBytes ?? 0, MAX_DISK_READ_BYTES);
  const buffer = new ArrayBuffer(READ_BODY + length);
  const memory = new Memory(buffer);
  const { path, offsetBytes = 0, version } = request;
  const read = disk.read(path, offsetBytes, length, version, memory, READ_BODY);
  const result = new Uint8Array(buffer, 0, READ_BODY + read);
  return finishRead(read === length ? result : result.slice());
}
