import { type BytePath, isValidName, ROOT_PATH } from "../../../src/core/bytes.ts";
import { OriginError } from "../../../src/core/errors.ts";
import type { Origin } from "../../../src/core/origins/origin.ts";
import { FILE_MODE, MTIME, ScriptedServer } from "../../core/origins/sftp/scripted_server.ts";
import { replies } from "../../core/origins/sftp/wire.ts";
import { type FuzzTarget, must } from "../target.ts";

const SONG = "song" as BytePath;
const CONTENT = Buffer.from("0123456789".repeat(1000));
const FILE = { size: CONTENT.length, mode: FILE_MODE, mtime: MTIME };
/** A server that owes an answer for so long loses its connections. */
const PATIENCE_MS = 50;
const RECOVERY_MS = 1000;
/** As PATIENCE_MS, where an honest answer may still end a reply that was cut short. */
const LATE_MS = 500;
/** Which of the requests of one input is answered with it. */
const SPOILABLE = 4;

const USES: readonly ((origin: Origin) => Promise<unknown>)[] = [
  (origin) => origin.stat(SONG),
  readHundred,
  listRoot,
  (origin) => origin.probe(),
];

async function readHundred(origin: Origin): Promise<void> {
  const whole = new Uint8Array(300).fill(7);
  await origin.read(SONG, 5, whole.subarray(100, 200));
  must(
    whole.every((byte, at) => (at >= 100 && at < 200) || byte === 7),
    "bytes outside of the range were written",
  );
}

async function listRoot(origin: Origin): Promise<void> {
  for await (const page of origin.list(ROOT_PATH)) {
    must(
      page.every(({ name }) => isValidName(name)),
      "a name that no file can have",
    );
  }
}

/**
 * The first byte of an input chooses what is asked, the second which request is answered with the
 * rest; its id is put right in three of four.
 */
const spoil = (use: number, request: number, reply: Buffer): Uint8Array =>
  Buffer.concat([Buffer.of(use, request), reply]);

/** An SFTP server that answers anything: each operation keeps its contract, the next ones go well. */
export const sftpServer: FuzzTarget = {
  name: "sftp_server",
  seeds: [
    spoil(0, 0, replies.attrs(0, FILE)),
    spoil(0, 1, replies.status(0, 2, "No such file")),
    spoil(1, 1, replies.handle(0, "handle")),
    spoil(1, 2, replies.data(0, CONTENT.subarray(5, 105))),
    spoil(2, 1, replies.names(0, [["song", FILE]])),
    spoil(
      2,
      2,
      replies.names(0, [
        ["..", FILE],
        ["a/b", FILE],
      ]),
    ),
    spoil(3, 0, replies.names(0, [["/music", FILE]])),
  ],
  tokens: ["/music", "song", "\0\0\0\x01"],
  smokeInputs: 60,
  async start() {
    let requests = 0;
    let spoilt: Uint8Array | undefined;
    const server = await ScriptedServer.start({
      tree: { song: CONTENT },
      answer(asked, channel, honest) {
        const bytes = spoilt;
        if (bytes === undefined || requests++ !== (bytes[1] ?? 0) % SPOILABLE) {
          channel.write(honest());
          return;
        }
        const reply = Buffer.from(bytes.subarray(2));
        if (reply.length >= 9 && (bytes[1] ?? 0) < 192) reply.writeUInt32BE(asked.id, 5);
        channel.write(reply);
      },
    });
    const origin = server.origin();
    return {
      async take(input) {
        const use = USES[(input[0] ?? 0) % USES.length];
        if (use === undefined) return;
        requests = 0;
        spoilt = input;
        const patience = setTimeout(() => server.cut(), PATIENCE_MS);
        await use(origin).catch(mustBeOrigins);
        clearTimeout(patience);
        spoilt = undefined;
        await recovered(origin, () => server.cut());
      },
      async [Symbol.asyncDispose]() {
        await origin.close();
        await server[Symbol.asyncDispose]();
      },
    };
  },
};

/** A connection that was lost is made again, after a pause that grows with every failure. */
async function recovered(origin: Origin, cut: () => void): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += 10) {
    const late = setTimeout(cut, LATE_MS);
    const stat = await origin.stat(SONG).catch(mustBeOrigins);
    clearTimeout(late);
    if (stat !== undefined) return;
    must(waitedMs < RECOVERY_MS, "the origin does not recover");
    await Bun.sleep(10);
  }
}

function mustBeOrigins(error: unknown): undefined {
  if (!(error instanceof OriginError)) throw error;
}
