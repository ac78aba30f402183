import { describe, expect, test } from "bun:test";
import { NO_REPLY, REPLY_BYTES, REQUEST_BYTES, Session } from "../../../src/core/fuse/session.ts";
import { formatReply, formatRequest } from "../../../src/core/fuse/trace.ts";
import { Memory } from "../../../src/core/sys/memory.ts";
import { readExchanges } from "./exchanges.ts";
import { MemoryFileSystem } from "./memory_file_system.ts";
import { PAGE } from "./requests.ts";

const MUTATIONS = 100_000;
/** A new session, with another INIT, after so many requests. */
const SESSION_REQUESTS = 1000;
const HEADER_BYTES = 40;

/** Numbers at which unsigned, signed and exact ones break. */
const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0xffn,
  0xffffn,
  0x7fff_ffffn,
  0xffff_ffffn,
  2n ** 53n,
  2n ** 64n - 1n,
];

/** mulberry32 (Tommy Ettinger, public domain): 32 bits from a 32-bit state. */
function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) % below;
  };
}

/** Writes a mutation of `request` into `into`; answers its length. */
function mutate(request: Uint8Array, into: Uint8Array, random: (below: number) => number): number {
  const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
  into.set(request);
  let length = request.length;
  for (let rounds = 1 + random(4); rounds > 0; rounds--) {
    const at = random(length + 1);
    switch (random(7)) {
      case 0:
        into[at] = random(256);
        break;
      case 1:
        into[at] = (into[at] ?? 0) ^ (1 << random(8));
        break;
      case 2:
        view.setBigUint64((at >> 3) << 3, EXTREMES[random(EXTREMES.length)] ?? 0n, true);
        break;
      case 3:
        view.setUint32(
          (at >> 2) << 2,
          Number((EXTREMES[random(EXTREMES.length)] ?? 0n) & 0xffff_ffffn),
          true,
        );
        break;
      case 4:
        length = at;
        break;
      case 5: {
        const more = random(300);
        into.fill(random(256), length, length + more);
        length += more;
        break;
      }
      default:
        view.setUint32(4, random(60), true);
    }
  }
  // Mostly with a true length, or nothing else would be reached.
  if (random(10) > 0) view.setUint32(0, length, true);
  return length;
}

describe("Session.handle()", () => {
  test(`answers or drops ${MUTATIONS} mutations of recorded requests`, () => {
    const { MUSICFS_FUZZ_SEED = Math.floor(Math.random() * 2 ** 32) } = process.env;
    const seed = Number(MUSICFS_FUZZ_SEED);
    console.log(`MUSICFS_FUZZ_SEED=${seed}`);
    const random = seeded(seed);
    const requests = readExchanges().map(({ request }) => request);
    const init = requests[0] ?? new Uint8Array(0);
    const reply = new Memory(REPLY_BYTES);
    const buffer = new Uint8Array(REQUEST_BYTES);
    const outcomes = { replied: 0, refused: 0, dropped: 0 };
    let session: Session | undefined;
    let faults: unknown[] = [];

    for (let i = 0; i < MUTATIONS; i++) {
      if (session === undefined || i % SESSION_REQUESTS === 0) {
        faults = [];
        session = new Session(new MemoryFileSystem(), {
          pageSizeBytes: PAGE,
          passthrough: true,
          reply,
          onError: (error) => faults.push(error),
        });
        const initLength = mutate(init, buffer, random);
        checkReply(session, buffer, initLength, session.handle(buffer, initLength));
        if (session.negotiated === undefined) session.handle(init);
        faults = [];
      }
      const length = mutate(requests[random(requests.length)] ?? init, buffer, random);
      const replyLength = session.handle(buffer, length);
      const error = checkReply(session, buffer, length, replyLength);
      if (replyLength === NO_REPLY) outcomes.dropped++;
      else if (error < 0) outcomes.refused++;
      else outcomes.replied++;
      // The file system keeps its contract, so whatever is reported is the session's fault.
      if (faults.length > 0) throw faults[0];
    }
    // All three roads were taken, and often.
    for (const count of Object.values(outcomes)) expect(count).toBeGreaterThan(MUTATIONS / 50);
  }, 60_000);
});

/** Throws unless the reply is one that a kernel takes; answers its error. */
function checkReply(
  session: Session,
  request: Uint8Array,
  length: number,
  replyLength: number,
): number {
  if (replyLength === NO_REPLY) return 0;
  const { view } = session.reply;
  const sent = new DataView(request.buffer, request.byteOffset, request.byteLength);
  const error = view.getInt32(4, true);
  const isWhole =
    length >= HEADER_BYTES &&
    view.getUint32(0, true) === replyLength &&
    view.getBigUint64(8, true) === sent.getBigUint64(8, true) &&
    (error === 0 || (error < 0 && error > -4096 && replyLength === 16));
  if (isWhole) return error;
  const bytes = session.reply.bytes.subarray(0, replyLength);
  throw new Error(`${formatRequest(request.subarray(0, length))} ${formatReply(bytes)}`);
}
