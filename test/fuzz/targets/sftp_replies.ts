import { PacketReader, ProtocolViolation, Reply } from "../../../src/core/origins/sftp/packet.ts";
import { ReplyStream } from "../../../src/core/origins/sftp/reply_stream.ts";
import { replies } from "../../core/origins/sftp/wire.ts";
import { type FuzzTarget, fuzzed, must, orElse } from "../target.ts";

const FILE = { size: 5, mode: 0o100644, mtime: 1_700_000_000 };

/** What a server sends means the same however it is split on the way, or is refused. */
export const sftpReplies: FuzzTarget = {
  name: "sftp_replies",
  seeds: [
    replies.version("limits@openssh.com", "1"),
    replies.status(1, 2, "No such file"),
    replies.handle(2, "handle"),
    Buffer.concat([replies.data(3, Buffer.from("music")), replies.data(4, Buffer.alloc(0))]),
    Buffer.concat([replies.attrs(5, FILE), replies.status(6, 1)]),
    replies.names(7, [
      ["a", FILE],
      ["..", FILE],
    ]),
  ],
  tokens: ["limits@openssh.com", "\x80\0\0\0"],
  smokeInputs: 15_000,
  start: () =>
    fuzzed((input) => {
      const whole = told(input, input.byteLength);
      for (const piece of [1, 7]) {
        must(told(input, Math.max(1, piece)) === whole, "pieces mean something else");
      }
    }),
};

/** Everything that the stream tells of `input` in pieces, as text. */
function told(input: Uint8Array, pieceBytes: number): string {
  const events: string[] = [];
  let data = "";
  const stream = new ReplyStream({
    reply: (packet) => orElse(() => events.push(fieldsOf(packet)), isViolation),
    dataStart: (id, length) => {
      data = `data ${id} ${length} `;
    },
    dataChunk: (bytes) => {
      data += Buffer.from(bytes).toString("hex");
    },
    dataEnd: () => events.push(data),
  });
  orElse(() => {
    for (let at = 0; at < input.byteLength; at += pieceBytes) {
      stream.push(input.subarray(at, at + pieceBytes));
    }
  }, isViolation);
  return events.join("\n");
}

function fieldsOf(packet: Buffer): string {
  const reader = new PacketReader(packet);
  const id = reader.u32();
  switch (reader.type) {
    case Reply.name:
      return JSON.stringify([id, reader.names()]);
    case Reply.attrs:
      return JSON.stringify([id, reader.attributes()]);
    case Reply.handle:
      return `${id} ${reader.bytes().toString("hex")}`;
    case Reply.status:
      return `${id} ${reader.u32()} ${reader.byteString()}`;
    default:
      while (reader.leftBytes > 0) reader.byteString();
      return `${id} ${reader.type}`;
  }
}

function isViolation(error: unknown): boolean {
  return error instanceof ProtocolViolation;
}
