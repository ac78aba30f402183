import { describe, expect, test } from "bun:test";
import { OPCODES } from "../../../src/core/fuse/opcodes.ts";
import { NO_REPLY, REPLY_BYTES, Session } from "../../../src/core/fuse/session.ts";
import { formatRequest } from "../../../src/core/fuse/trace.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { readExchanges } from "./exchanges.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { PAGE } from "./requests.ts";

const exchanges = readExchanges();
const reply = new Memory(REPLY_BYTES);

function freshSession(): Session {
  return new Session(new MemoryFileSystem(), {
    pageSizeBytes: PAGE,
    passthrough: false,
    reply,
    onError: (error) => {
      throw error;
    },
  });
}

describe("what a kernel of FUSE 7.45 asked", () => {
  test("is answered with the bytes that it accepted", () => {
    const session = freshSession();
    for (const { title, request, reply } of exchanges) {
      const length = session.handle(request);
      expect([title, session.reply.bytes.subarray(0, length).toHex()]).toEqual([
        title,
        reply.toHex(),
      ]);
    }
  });

  test("is printed as it was", () => {
    for (const { title, request } of exchanges) expect(formatRequest(request)).toBe(title);
  });

  test("covers every operation that a kernel sends to a mount like ours", () => {
    const seen = new Set(exchanges.map(({ title }) => title.split(" ", 1)[0] ?? ""));
    // Those that need a file open for writing, or that this kernel does not send for our options.
    const never =
      "FORGET READLINK WRITE READDIR RELEASEDIR GETLK SETLK SETLKW ACCESS INTERRUPT BMAP DESTROY " +
      "NOTIFY_REPLY FALLOCATE COPY_FILE_RANGE SETUPMAPPING REMOVEMAPPING SYNCFS COPY_FILE_RANGE_64";
    const expected = OPCODES.map(({ name }) => name).filter(
      (name) => !never.split(" ").includes(name),
    );
    expect(expected.filter((name) => !seen.has(name))).toEqual([]);
  });

  test("is answered or dropped when cut at every length, with the length it says and a true one", () => {
    for (const { request } of exchanges) {
      for (let length = 0; length < request.length; length++) {
        const session = freshSession();
        const isInit = request === exchanges[0]?.request;
        if (!isInit && exchanges[0] !== undefined) session.handle(exchanges[0].request);
        const cut = request.slice(0, length);
        expect(isReplyOrDropped(session, session.handle(cut))).toBe(true);
        if (length < 4) continue;
        new DataView(cut.buffer).setUint32(0, length, true);
        expect(isReplyOrDropped(session, session.handle(cut))).toBe(true);
        // The same inside a larger buffer, whose rest is not part of it.
        const padded = new Uint8Array(request.length + 64).fill(0x41);
        padded.set(cut);
        expect(isReplyOrDropped(session, session.handle(padded, length))).toBe(true);
      }
    }
  });
});

function isReplyOrDropped(session: Session, length: number): boolean {
  if (length === NO_REPLY) return true;
  const { view } = session.reply;
  const error = view.getInt32(4, true);
  return (
    view.getUint32(0, true) === length &&
    error <= 0 &&
    error > -4096 &&
    (error === 0 || length === 16)
  );
}
