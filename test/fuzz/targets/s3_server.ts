import { type BytePath, ROOT_PATH } from "../../../src/core/bytes.ts";
import { type Clock, systemClock } from "../../../src/core/clock.ts";
import { OriginError } from "../../../src/core/errors.ts";
import type { Origin } from "../../../src/core/origins/origin.ts";
import { rawBucket } from "../../support/raw_bucket.ts";
import { errorXml, listXml } from "../../support/s3_answers.ts";
import { type FuzzTarget, must } from "../target.ts";

const FILE = "file" as BytePath;
const MARK = 0xaa;
const VERSION = { sizeBytes: 10, token: "e" };

async function listRoot(origin: Origin): Promise<void> {
  for await (const page of origin.list(ROOT_PATH)) must(page.length > 0, "an empty page");
}

/** Reads into the middle of a marked buffer, which must stay as it is around the range. */
async function readFour(origin: Origin): Promise<void> {
  const whole = new Uint8Array(20).fill(MARK);
  try {
    const read = await origin.read(FILE, 2, whole.subarray(8, 12), { version: VERSION });
    must(read === 4, `read ${read} bytes of 4`);
  } finally {
    const around = [...whole.subarray(0, 8), ...whole.subarray(12)];
    must(
      around.every((byte) => byte === MARK),
      "bytes outside of the range were written",
    );
  }
}

/** The first byte of an input chooses what is asked, the rest is answered. */
const USES: readonly ((origin: Origin) => Promise<unknown>)[] = [
  listRoot,
  readFour,
  (origin) => origin.stat(FILE),
  (origin) => origin.probe(),
];

const OBJECT = [
  'ETag: "e"',
  "Last-Modified: Mon, 23 Nov 2026 02:07:50 GMT",
  "Expires: Mon, 23 Nov 2026 02:07:50 GMT",
  "x-amz-meta-artist: someone",
  "x-amz-mp-parts-count: 3",
  "x-amz-delete-marker: false",
];

function answer(
  use: number,
  status: number,
  headers: readonly string[],
  body: string,
  length = body.length,
): Uint8Array {
  const head = [`HTTP/1.1 ${status} x`, `Content-Length: ${length}`, ...headers, "", ""];
  return Buffer.concat([Buffer.of(use), Buffer.from(head.join("\r\n") + body, "latin1")]);
}

const LISTED = listXml({ keys: [{ key: "a" }, { key: "b+c" }], prefixes: ["d/"], encoding: "url" });

/** A minute later at each look, so that no rest a server asks for is ever waited for. */
function leaping(): Clock {
  let nowMs = 0;
  const monotonicMs = () => {
    nowMs += 60_001;
    return nowMs;
  };
  return { ...systemClock, monotonicMs };
}

/** An S3 server that answers anything: the origin fails as its contract says, or does what it promises. */
export const s3Server: FuzzTarget = {
  name: "s3_server",
  seeds: [
    answer(0, 200, [], LISTED),
    answer(0, 403, [], errorXml("AccessDenied", { Region: "x" })),
    answer(1, 503, ["Retry-After: 0"], errorXml("SlowDown")),
    answer(1, 206, [...OBJECT, "Content-Range: bytes 2-5/10"], "2345"),
    answer(1, 416, ["Content-Range: bytes */10"], errorXml("InvalidRange")),
    answer(2, 200, OBJECT, "", VERSION.sizeBytes),
    answer(3, 301, ["x-amz-bucket-region: eu-west-1"], ""),
  ],
  tokens: [
    "\r\n",
    "\r\n\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Content-Length: 5\r\n",
    "100 Continue",
    "gzip",
  ],
  smokeInputs: 200,
  async start() {
    let bytes: Uint8Array = Buffer.alloc(0);
    const bucket = await rawBucket((socket) => void socket.end(bytes), {}, { clock: leaping() });
    return {
      async take(input) {
        const use = USES[(input[0] ?? 0) % USES.length];
        if (use === undefined) return;
        bytes = input.slice(1);
        await use(bucket.origin).catch((error: unknown) => {
          if (!(error instanceof OriginError)) throw error;
        });
      },
      async [Symbol.asyncDispose]() {
        // Answers that failed leave no connection behind.
        await bucket.server.closedTo(1);
        await bucket[Symbol.asyncDispose]();
      },
    };
  },
};
