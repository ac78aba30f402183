import { describe, expect, test } from "bun:test";
import type { ByteName, BytePath } from "../../../../src/core/bytes.ts";
import { DiskFailure } from "../../../../src/core/origins/disk/failure.ts";
import * as messages from "../../../../src/core/origins/disk/messages.ts";
import type { DirEntry, FileStat, ProbeResult } from "../../../../src/core/origins/origin.ts";

const FILE: FileStat = {
  kind: "file",
  sizeBytes: 2 ** 45 + 1,
  token: "123:45.6:78.9",
  mtimeSec: -12_345,
  mtimeNsec: 999_999_999,
  mode: 0o4755,
  uid: -1,
  gid: 4_294,
};
const DIRECTORY: FileStat = {
  ...FILE,
  kind: "directory",
  sizeBytes: 0,
  identity: "2049:17",
  device: 2049,
};
const LONG = "\xff".repeat(255) as ByteName;

function failureOf(work: () => unknown): DiskFailure | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof DiskFailure) return error;
    throw error;
  }
}

describe("disk protocol", () => {
  test("carries requests", () => {
    const request: messages.DiskRequest = {
      op: "read",
      path: "caf\xe9/\xff\n" as BytePath,
      directory: 2 ** 40 + 3,
      offsetBytes: 2 ** 50,
      lengthBytes: 2 ** 32 - 1,
      version: { sizeBytes: 2 ** 44, token: "a b c" },
      mark: "0a",
    };
    expect(messages.decodeRequest(messages.encodeRequest(request))).toEqual(request);
    const marked = { ...request, op: "mark_directories", paths: ["", "a/b", "\xff"] as BytePath[] };
    expect(messages.decodeRequest(messages.encodeRequest(marked as messages.DiskRequest))).toEqual(
      marked as messages.DiskRequest,
    );
    const marks = ["ab", undefined, "cd"];
    expect(messages.decodeMarks(messages.encodeMarks(marks))).toEqual(marks);
    for (const op of messages.OPS) {
      const bytes = messages.encodeRequest({ op, path: "" as BytePath });
      expect(messages.decodeRequest(bytes).op).toBe(op);
      expect(messages.opOf(bytes)).toBe(op);
    }
  });

  test("carries results", () => {
    expect(messages.decodeStat(messages.encodeStat(FILE))).toEqual(FILE);
    expect(messages.decodeStat(messages.encodeStat(DIRECTORY))).toEqual(DIRECTORY);
    const entries: DirEntry[] = Array.from({ length: 500 }, (_, i) => ({
      ...(i % 2 ? FILE : DIRECTORY),
      name: i === 0 ? LONG : (`${i}` as ByteName),
    }));
    const page = { entries, done: true, mark: "0a" };
    expect(messages.decodePage(messages.encodePage(page))).toEqual(page);
    const opened = { fd: 77, device: 2 ** 40 + 1 };
    expect(messages.decodeDirectory(messages.encodeDirectory(opened))).toEqual(opened);
    for (const probe of [
      { status: "ok" } as const,
      { status: "degraded", reason: "r\u00e9ason" } as const,
    ]) {
      expect<ProbeResult>(messages.decodeProbe(messages.encodeProbe(probe))).toEqual(probe);
    }
    const read = messages.finishRead(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3));
    expect([...messages.decodeRead(read)]).toEqual([1, 2, 3]);
  });

  test("carries failures, of a whole request and of one entry", () => {
    const failure = new DiskFailure("denied", "caf\u00e9: permission denied");
    const result = messages.encodeFailure(failure);
    for (const decode of [
      messages.decodeDone,
      messages.decodeDirectory,
      messages.decodePage,
      messages.decodeMarks,
      messages.decodeStat,
      messages.decodeProbe,
      messages.decodeRead,
    ]) {
      const thrown = failureOf(() => decode(result));
      expect([thrown?.code, thrown?.message]).toEqual([failure.code, failure.message]);
    }
    const page = messages.decodePage(messages.encodePage({ entries: [], done: false, failure }));
    expect([page.failure?.code, page.failure?.message]).toEqual([failure.code, failure.message]);
  });

  test("lets the directory's number be changed in place", () => {
    const request = messages.encodeRequest({
      op: "read_directory",
      path: "a" as BytePath,
      directory: 5,
    });
    expect(messages.directoryIn(request)).toBe(5);
    messages.setDirectoryIn(request, 2 ** 33);
    expect(messages.decodeRequest(request)).toMatchObject({ directory: 2 ** 33, path: "a" });
    const result = messages.encodeDirectory({ fd: 4, device: 1 });
    messages.setDirectoryIn(result, 2 ** 21);
    expect(messages.decodeDirectory(result)).toEqual({ fd: 2 ** 21, device: 1 });
  });

  test("refuses messages cut at any length, and never reads past one", () => {
    const request = messages.encodeRequest({
      op: "stat",
      path: "album/track" as BytePath,
      version: FILE,
    });
    for (let length = 0; length < request.length; length++) {
      const cut = request.slice(0, length);
      expect(failureOf(() => messages.decodeRequest(cut))?.code).toBe("protocol");
    }
    const results = {
      stat: [messages.encodeStat(DIRECTORY), messages.decodeStat],
      page: [
        messages.encodePage({ entries: [{ ...FILE, name: LONG }], done: false }),
        messages.decodePage,
      ],
      failure: [messages.encodeFailure(new DiskFailure("io", "x")), messages.decodePage],
    } as const;
    for (const [result, decode] of Object.values(results)) {
      for (let length = 0; length < result.length; length++) {
        expect(failureOf(() => decode(result.slice(0, length)))).toBeDefined();
      }
    }
  });

  test("refuses an operation it does not know", () => {
    const request = messages.encodeRequest({ op: "stat", path: "" as BytePath });
    request[0] = 200;
    expect(failureOf(() => messages.decodeRequest(request))?.code).toBe("protocol");
  });
});
