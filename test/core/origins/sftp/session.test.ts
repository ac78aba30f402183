import { describe, expect, test } from "bun:test";
import { OwnError } from "../../../../src/core/errors.ts";
import {
  SFTP_MAX_ABANDONED_REQUESTS,
  SFTP_MAX_READ_BYTES,
  SFTP_MIN_READ_BYTES,
  SFTP_WINDOW_BYTES,
} from "../../../../src/core/limits.ts";
import { SftpFault, StatusError } from "../../../../src/core/origins/sftp/errors.ts";
import { Reply, Request, Status } from "../../../../src/core/origins/sftp/packet.ts";
import { SftpSession } from "../../../../src/core/origins/sftp/session.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";
import { type Asked, Requests, raw, replies, string, u32, u64 } from "./wire.ts";

const STALL_MS = 20_000;
const FILE = { size: 5, mode: 0o100644, mtime: 7 };
const handle = Buffer.from("h");

/** A session whose server is the test. */
async function started(...extensions: readonly string[]) {
  const clock = new VirtualClock();
  const requests = new Requests();
  const asked: Asked[] = [];
  const faults: SftpFault[] = [];
  const session = new SftpSession({
    clock,
    stallMs: STALL_MS,
    write: (bytes) => asked.push(...requests.push(bytes)),
    onFault: (fault) => faults.push(fault),
  });
  const start = session.start();
  session.receive(replies.version(...extensions));
  if (extensions.length === 0) await start;
  return { asked, clock, faults, session, start };
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => "resolved",
    (error: unknown) => error,
  );
}

describe("session", () => {
  test("matches replies with requests in whatever order they come", async () => {
    const { asked, session } = await started();
    const one = session.stat("one");
    const two = session.stat("two");
    session.receive(replies.attrs(asked[1]?.id ?? -1, { ...FILE, size: 2 }));
    session.receive(replies.attrs(asked[0]?.id ?? -1, { ...FILE, size: 1 }));
    expect((await one).sizeBytes).toBe(1);
    expect((await two).sizeBytes).toBe(2);
    expect(session.outstanding).toBe(0);
  });

  test("rejects with the server's status, its text made safe", async () => {
    const { asked, session } = await started();
    const failed = rejection(session.stat("x"));
    session.receive(replies.status(asked[0]?.id ?? -1, Status.failure, "no\x1b[2J\nway"));
    const error = await failed;
    expect(error).toBeInstanceOf(StatusError);
    expect(error).toMatchObject({ status: Status.failure, message: "no\\x1b[2J\\x0away" });
  });

  test("takes a status without text", async () => {
    const { asked, session } = await started();
    const failed = rejection(session.stat("x"));
    session.receive(raw(Reply.status, u32(asked[0]?.id ?? -1), u32(Status.noSuchFile)));
    expect(await failed).toMatchObject({ status: Status.noSuchFile });
  });

  test("asks for reads of 32 KiB unless the server says that it takes more (R-1)", async () => {
    const { session } = await started();
    expect(session.maxReadBytes).toBe(SFTP_MIN_READ_BYTES);
    expect(session.maxHandles).toBe(Number.POSITIVE_INFINITY);
  });

  test("takes the limits that the server tells, up to its own", async () => {
    const { asked, session, start } = await started("limits@openssh.com", "1");
    await Bun.sleep(0);
    expect(asked[0]).toMatchObject({ type: Request.extended, target: "limits@openssh.com" });
    const limits = [u64(262_144), u64(1_000_000), u64(0), u64(20)];
    session.receive(raw(Reply.extended, u32(asked[0]?.id ?? -1), ...limits));
    await start;
    expect(session.maxReadBytes).toBe(SFTP_MAX_READ_BYTES);
    expect(session.maxHandles).toBe(20);
  });

  test("goes on with a server that announces its limits and then refuses to tell them", async () => {
    const { asked, session, start } = await started("limits@openssh.com", "1");
    await Bun.sleep(0);
    session.receive(replies.status(asked[0]?.id ?? -1, Status.opUnsupported));
    await start;
    expect(session.maxReadBytes).toBe(SFTP_MIN_READ_BYTES);
  });

  test("puts data where it belongs, however it is cut", async () => {
    const { asked, session } = await started();
    const memory = new Uint8Array(12).fill(0xee);
    const read = session.read(handle, 100, memory.subarray(2, 10));
    expect(asked[0]).toMatchObject({ type: Request.read, offset: 100, length: 8 });
    const wire = replies.data(asked[0]?.id ?? -1, Buffer.from("12345"));
    for (const byte of wire) session.receive(Buffer.from([byte]));
    expect(await read).toBe(5);
    expect(Buffer.from(memory).toString("latin1")).toBe("\xee\xee12345\xee\xee\xee\xee\xee");
  });

  test("answers 0 at the end of the file", async () => {
    const { asked, session } = await started();
    const read = session.read(handle, 0, new Uint8Array(8));
    session.receive(replies.status(asked[0]?.id ?? -1, Status.eof));
    expect(await read).toBe(0);
  });

  test("has no more than the window under way, and asks for the rest as bytes arrive (R-1)", async () => {
    const { asked, session } = await started();
    const block = SFTP_WINDOW_BYTES / 4;
    const reads = Array.from({ length: 6 }, (_, i) =>
      session.read(handle, i * block, new Uint8Array(block)),
    );
    const behind = session.fstat(handle);
    expect(asked.map(({ type }) => type)).toEqual(Array(4).fill(Request.read));
    expect(session.outstandingBytes).toBe(SFTP_WINDOW_BYTES);
    session.receive(replies.data(asked[0]?.id ?? -1, Buffer.alloc(10)));
    session.receive(replies.data(asked[1]?.id ?? -1, Buffer.alloc(10)));
    expect(asked.map(({ type }) => type)).toEqual([...Array(6).fill(Request.read), Request.fstat]);
    for (const { type, id } of asked.slice(2)) {
      session.receive(
        type === Request.read ? replies.status(id, Status.eof) : replies.attrs(id, FILE),
      );
    }
    expect(await Promise.all(reads)).toEqual([10, 10, 0, 0, 0, 0]);
    expect(await behind).toMatchObject({ mtimeSec: 7 });
    expect(session.outstandingBytes).toBe(0);
  });

  test("writes nothing after an abort, not even the rest of what is arriving", async () => {
    const { asked, session } = await started();
    const controller = new AbortController();
    const memory = new Uint8Array(8);
    const read = rejection(session.read(handle, 0, memory, { signal: controller.signal }));
    const wire = replies.data(asked[0]?.id ?? -1, Buffer.from("12345678"));
    session.receive(wire.subarray(0, wire.byteLength - 4));
    controller.abort("enough");
    expect(await read).toMatchObject({ code: "cancelled", cause: "enough" });
    const before = memory.slice();
    session.receive(wire.subarray(wire.byteLength - 4));
    expect(memory).toEqual(before);
    expect(Buffer.from(memory).toString()).toBe("1234\0\0\0\0");
    expect(session.outstanding).toBe(0);
    expect(session.outstandingBytes).toBe(0);
  });

  test("an aborted read that has not been sent never is", async () => {
    const { asked, session } = await started();
    void session.read(handle, 0, new Uint8Array(SFTP_WINDOW_BYTES));
    const controller = new AbortController();
    const read = rejection(
      session.read(handle, 0, new Uint8Array(8), { signal: controller.signal }),
    );
    controller.abort();
    expect(await read).toBeInstanceOf(OwnError);
    session.receive(replies.data(asked[0]?.id ?? -1, Buffer.alloc(1)));
    expect(asked).toHaveLength(1);
  });

  test("closes a handle that comes after its caller has gone", async () => {
    const { asked, session } = await started();
    const controller = new AbortController();
    const opened = rejection(session.open("file", controller.signal));
    controller.abort();
    await opened;
    session.receive(replies.handle(asked[0]?.id ?? -1, "late"));
    expect(asked[1]).toMatchObject({ type: Request.close, target: "late" });
  });

  test("is given up when the server is silent for too long (R-2)", async () => {
    const { asked, clock, faults, session } = await started();
    const stat = rejection(session.stat("x"));
    await clock.advance(STALL_MS - 1);
    expect(session.quietMs).toBe(STALL_MS - 1);
    session.receive(replies.names(99, []).subarray(0, 2));
    await clock.advance(STALL_MS - 1);
    expect(faults).toEqual([]);
    await clock.advance(1);
    expect(await stat).toMatchObject({ code: "timeout" });
    expect(faults).toHaveLength(1);
    expect(clock.pendingTimers).toBe(0);
    expect(asked).toHaveLength(1);
  });

  test("may be silent for ever while it owes nothing", async () => {
    const { asked, clock, faults, session } = await started();
    const stat = session.stat("x");
    session.receive(replies.attrs(asked[0]?.id ?? -1, FILE));
    await stat;
    await clock.advance(10 * STALL_MS);
    expect(faults).toEqual([]);
    expect(session.quietMs).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("rejects everything under way and to come once it failed", async () => {
    const { asked, clock, faults, session } = await started();
    const pending = [
      session.stat("x"),
      session.read(handle, 0, new Uint8Array(SFTP_WINDOW_BYTES)),
      session.read(handle, 0, new Uint8Array(8)),
    ].map(rejection);
    const fault = new SftpFault("connection", "gone");
    session.fail(fault);
    session.fail(new SftpFault("connection", "again"));
    expect(await Promise.all(pending)).toEqual([fault, fault, fault]);
    expect(await rejection(session.stat("y"))).toBe(fault);
    expect(await rejection(session.read(handle, 0, new Uint8Array(8)))).toBe(fault);
    session.close(handle);
    session.receive(replies.attrs(0, FILE));
    expect(asked).toHaveLength(2);
    expect(faults).toEqual([fault]);
    expect(session.outstandingBytes).toBe(0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("gives up a server that lets too much go unanswered", async () => {
    const { faults, session } = await started();
    for (let i = 0; i < SFTP_MAX_ABANDONED_REQUESTS; i++) session.close(handle);
    expect(faults).toEqual([]);
    session.close(handle);
    expect(faults[0]).toMatchObject({ code: "protocol" });
  });
});

describe("a server that breaks the protocol", () => {
  const cases: Readonly<Record<string, (id: number) => Buffer>> = {
    "answers what was not asked": (id) => replies.attrs(id + 1, FILE),
    "answers with another type": (id) => replies.handle(id, "h"),
    "says OK in place of an answer": (id) => replies.status(id, Status.ok),
    "sends data for a request that is no READ": (id) => replies.data(id, Buffer.from("x")),
    "cuts an answer": (id) => raw(Reply.attrs, u32(id), u32(1)),
    "leaves out the id": () => raw(Reply.attrs),
    "sends a type that does not exist": (id) => raw(77, u32(id)),
    "sends an empty packet": () => u32(0),
    "announces a huge packet": () => u32(0x7fffffff),
    "greets a second time": () => replies.version(),
  };
  for (const [what, reply] of Object.entries(cases)) {
    test(`and ${what} loses its session`, async () => {
      const { asked, clock, faults, session } = await started();
      const stat = rejection(session.stat("x"));
      session.receive(reply(asked[0]?.id ?? -1));
      const fault = faults[0];
      expect(fault).toMatchObject({ code: "protocol" });
      expect(await stat).toBeInstanceOf(Error);
      expect(clock.pendingTimers).toBe(0);
    });
  }

  test("and sends more data than was asked for does not get it into memory", async () => {
    const { asked, faults, session } = await started();
    const memory = new Uint8Array(16);
    const read = rejection(session.read(handle, 0, memory.subarray(0, 8)));
    session.receive(replies.data(asked[0]?.id ?? -1, Buffer.alloc(9, 1)));
    expect(await read).toMatchObject({ code: "protocol" });
    expect(memory).toEqual(new Uint8Array(16));
    expect(faults).toHaveLength(1);
  });

  test.each([
    ["another version", raw(Reply.version, u32(6))],
    ["no version", replies.status(0, Status.ok)],
    ["data before its version", replies.data(0, Buffer.from("x"))],
    ["a version with half an extension", raw(Reply.version, u32(3), string("half"))],
  ])("and begins with %s is not used", async (_what, greeting) => {
    const faults: SftpFault[] = [];
    const session = new SftpSession({
      clock: new VirtualClock(),
      stallMs: STALL_MS,
      write: () => undefined,
      onFault: (fault) => faults.push(fault),
    });
    const start = rejection(session.start());
    session.receive(greeting);
    expect(await start).toMatchObject({ code: "protocol" });
    expect(faults).toHaveLength(1);
  });
});
