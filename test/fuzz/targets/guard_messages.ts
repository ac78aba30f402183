import { DiskFailure } from "../../../src/core/origins/disk/failure.ts";
import { FrameAssembler, frame } from "../../../src/core/origins/disk/frame.ts";
import * as messages from "../../../src/core/origins/disk/messages.ts";
import { type FuzzTarget, fuzzed, orElse } from "../target.ts";

const STAT = {
  ...{ sizeBytes: 7, mtimeSec: 1, mtimeNsec: 2, mode: 0o644, uid: 0, gid: 0, token: "t" },
} as const;
const PAGE = {
  entries: [
    { name: "a" as never, kind: "file", ...STAT },
    { name: "b" as never, kind: "directory", ...STAT, identity: "1:2", device: 3 },
  ],
  done: false,
  failure: new DiskFailure("io", "a bad sector"),
} as const;

const RESULTS = [
  messages.decodeDone,
  messages.decodeDirectory,
  messages.decodePage,
  messages.decodeMarks,
  messages.decodeStat,
  messages.decodeProbe,
  messages.decodeRead,
  messages.decodeRequest,
];

/** A guard process that was taken over, or broke, says anything; its parent takes it or fails. */
export const guardMessages: FuzzTarget = {
  name: "guard_messages",
  seeds: [
    messages.encodeRequest({ op: "read", path: "a/b" as never, offsetBytes: 5, lengthBytes: 9 }),
    messages.encodeDirectory({ fd: 3, device: 1 }),
    messages.encodePage(PAGE),
    messages.encodeMarks(["ab", undefined]),
    messages.encodeStat({ kind: "file", ...STAT }),
    messages.encodeProbe({ status: "degraded", reason: "slow" }),
    messages.encodeFailure(new DiskFailure("not_found", "no such file")),
  ].flatMap((message) => [message, frame(message)]),
  tokens: ["not_found", "io"],
  smokeInputs: 15_000,
  start: () =>
    fuzzed((input) => {
      for (const decode of RESULTS) orElse(() => void decode(input), isFailure);
      orElse(() => {
        const assembler = new FrameAssembler((payload) => {
          orElse(() => void messages.decodePage(payload), isFailure);
        });
        for (let at = 0; at < input.byteLength; at += 3) assembler.push(input.subarray(at, at + 3));
      }, isFailure);
    }),
};

function isFailure(error: unknown): boolean {
  return error instanceof DiskFailure;
}
