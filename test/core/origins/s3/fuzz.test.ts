import { describe, expect, test } from "bun:test";
import { type BytePath, ROOT_PATH } from "../../../../src/core/bytes.ts";
import { type Clock, systemClock } from "../../../../src/core/clock.ts";
import { OriginError } from "../../../../src/core/errors.ts";
import type { Origin } from "../../../../src/core/origins/origin.ts";
import { rawBucket } from "../../../support/raw_bucket.ts";
import { errorXml, listXml } from "../../../support/s3_answers.ts";

/** Another seed: MUSICFS_FUZZ_SEED; more rounds: MUSICFS_FUZZ_ROUNDS. */
const SEED = Number(process.env["MUSICFS_FUZZ_SEED"] ?? 20_260_101);
const ROUNDS = Number(process.env["MUSICFS_FUZZ_ROUNDS"] ?? 300);

const FILE = "file" as BytePath;
const MARK = 0xaa;
const VERSION = { sizeBytes: 10, token: "e" };

/** Uniform in [0, 1): a linear congruential generator (Numerical Recipes). */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly use: (origin: Origin) => Promise<unknown>;
}

async function listRoot(origin: Origin): Promise<void> {
  for await (const page of origin.list(ROOT_PATH)) expect(page.length).toBeGreaterThan(0);
}

/** Reads into the middle of a marked buffer, which must stay as it is around the range. */
async function readFour(origin: Origin): Promise<void> {
  const whole = new Uint8Array(20).fill(MARK);
  try {
    expect(await origin.read(FILE, 2, whole.subarray(8, 12), { version: VERSION })).toBe(4);
  } finally {
    expect([...whole.subarray(0, 8), ...whole.subarray(12)]).toEqual(Array(16).fill(MARK));
  }
}

const OBJECT = {
  ETag: '"e"',
  "Last-Modified": "Mon, 23 Nov 2026 02:07:50 GMT",
  Expires: "Mon, 23 Nov 2026 02:07:50 GMT",
  "x-amz-meta-artist": "someone",
  "x-amz-mp-parts-count": "3",
  "x-amz-delete-marker": "false",
  "x-amz-object-lock-retain-until-date": "2026-11-23T02:07:50.000Z",
};

const LISTED = listXml({ keys: [{ key: "a" }, { key: "b+c" }], prefixes: ["d/"], encoding: "url" });

const ANSWERS: readonly Answer[] = [
  { status: 200, headers: {}, body: LISTED, use: listRoot },
  { status: 403, headers: {}, body: errorXml("AccessDenied", { Region: "x" }), use: listRoot },
  { status: 503, headers: { "Retry-After": "0" }, body: errorXml("SlowDown"), use: readFour },
  {
    status: 206,
    headers: { ...OBJECT, "Content-Range": "bytes 2-5/10" },
    body: "2345",
    use: readFour,
  },
  { status: 200, headers: OBJECT, body: "", use: (origin) => origin.stat(FILE) },
];

function mutate(text: string, next: () => number): string {
  const at = Math.floor(next() * (text.length + 1));
  const few = Math.floor(next() * 20);
  switch (Math.floor(next() * 4)) {
    case 0:
      return text.slice(0, at) + String.fromCharCode(Math.floor(next() * 256)) + text.slice(at + 1);
    case 1:
      return text.slice(0, at);
    case 2:
      return text.slice(0, at) + text.slice(at + few);
    default:
      return text.slice(0, at) + text.slice(few, few + 50) + text.slice(at);
  }
}

/** The bytes of an answer with one thing wrong: its body, a header, or anything at all. */
function spoil({ status, headers, body }: Answer, next: () => number): Buffer {
  const where = next();
  const spoiltBody = where < 0.4 ? mutate(body, next) : body;
  const entries = Object.entries(headers);
  const victim = where < 0.7 ? Math.floor(next() * entries.length) : -1;
  const lines = entries.map(([name, value], index) => {
    const shown = index === victim ? mutate(value, next).replace(/[\r\n\0]/g, "") : value;
    return `${name}: ${shown}\r\n`;
  });
  const length = body === "" ? VERSION.sizeBytes : spoiltBody.length;
  const whole = `HTTP/1.1 ${status} x\r\nContent-Length: ${length}\r\n${lines.join("")}\r\n${spoiltBody}`;
  return Buffer.from(where < 0.7 ? whole : mutate(whole, next), "latin1");
}

/** A minute later at each look, so that no rest a server asks for is ever waited for. */
function leaping(): Clock {
  let nowMs = 0;
  const monotonicMs = () => {
    nowMs += 60_001;
    return nowMs;
  };
  return { ...systemClock, monotonicMs };
}

describe("S3Origin", () => {
  test(`fails as its contract says whatever a server answers (seed ${SEED})`, async () => {
    const next = random(SEED);
    let bytes: Buffer = Buffer.alloc(0);
    await using at = await rawBucket((socket) => void socket.end(bytes), {}, { clock: leaping() });
    for (let round = 0; round < ROUNDS; round++) {
      const answer = ANSWERS[Math.floor(next() * ANSWERS.length)];
      if (answer === undefined) throw new Error("there is no such answer");
      bytes = spoil(answer, next);
      const outcome = await answer.use(at.origin).then(
        () => undefined,
        (error: unknown) => error,
      );
      const asPromised = outcome === undefined || outcome instanceof OriginError;
      if (!asPromised) throw new Error(`round ${round}: ${bytes.toString()}`, { cause: outcome });
    }
    await at.server.closedTo(1);
  }, 60_000);
});
