import { describe, expect, test } from "bun:test";
import type { ContentProof } from "../../../../src/core/origins/origin.ts";
import { assemble } from "../../../../src/core/sync/delta/assembly.ts";
import type { NewBytes } from "../../../../src/core/sync/delta/new_bytes.ts";
import { splice } from "../../../../src/core/sync/delta/splice.ts";
import { flac, md5Of, newBytes, noise, oldBytes } from "./fixture.ts";

const AUDIO = noise(1, 6 * 1024 * 1024);
const COVER = noise(2, 500_000);
const KIB = 1024;

interface Outcome {
  /** Undefined: no proof, another method's turn. */
  readonly bytes: Buffer | undefined;
  readonly fetchedBytes: number;
}

async function spliced(
  before: Uint8Array,
  after: Uint8Array,
  proof: ContentProof = md5Of(after),
): Promise<Outcome> {
  const old = oldBytes(before);
  const next: NewBytes = newBytes(after);
  const stretches = await splice(old, next, proof, async () => undefined);
  const { fetchedBytes } = next;
  if (stretches === undefined) return { bytes: undefined, fetchedBytes };
  const slices: Uint8Array[] = [];
  for await (const slice of assemble(old, next, stretches)) slices.push(slice);
  expect(next.fetchedBytes).toBe(fetchedBytes);
  return { bytes: Buffer.concat(slices), fetchedBytes };
}

async function expectSpliced(before: Uint8Array, after: Uint8Array, atMostBytes: number) {
  const { bytes, fetchedBytes } = await spliced(before, after);
  expect(bytes?.equals(after)).toBe(true);
  expect(fetchedBytes).toBeLessThanOrEqual(atMostBytes);
}

describe("splice and verify", () => {
  test("fetches nothing of an untouched copy", async () => {
    await expectSpliced(AUDIO, Buffer.from(AUDIO), 0);
  });

  test("follows bytes put in front, at the end and in the middle", async () => {
    const extra = noise(3, 3000);
    await expectSpliced(AUDIO, Buffer.concat([extra, AUDIO]), 24 * KIB);
    await expectSpliced(AUDIO, Buffer.concat([AUDIO, extra]), 24 * KIB);
    await expectSpliced(AUDIO, Buffer.concat([extra, AUDIO, noise(4, 700)]), 24 * KIB);
    const halves = [AUDIO.subarray(0, 2_000_000), extra, AUDIO.subarray(2_000_000)];
    await expectSpliced(AUDIO, Buffer.concat(halves), 96 * KIB);
    await expectSpliced(Buffer.concat(halves), AUDIO, 96 * KIB);
  });

  test("follows a FLAC edited inside its padding: the cover moved, the audio did not", async () => {
    const before = flac({ comment: "short", cover: COVER, paddingBytes: 8192, audio: AUDIO });
    const comment = "x".repeat(5 + 1000);
    const after = flac({ comment, cover: COVER, paddingBytes: 8192 - 1000, audio: AUDIO });
    expect(after.byteLength).toBe(before.byteLength);
    await expectSpliced(before, after, 64 * KIB);
  });

  test("follows a FLAC edited inside a megabyte of padding", async () => {
    const padding = 1024 * KIB;
    const before = flac({ comment: "short", cover: COVER, paddingBytes: padding, audio: AUDIO });
    const comment = "y".repeat(5 + 30_000);
    const after = flac({ comment, cover: COVER, paddingBytes: padding - 30_000, audio: AUDIO });
    await expectSpliced(before, after, 160 * KIB);
  });

  test("follows a FLAC that grew beyond its padding", async () => {
    const before = flac({ comment: "short", cover: COVER, paddingBytes: 100, audio: AUDIO });
    const comment = noise(5, 9000).toString("base64");
    const after = flac({ comment, cover: COVER, paddingBytes: 4096, audio: AUDIO });
    await expectSpliced(before, after, 64 * KIB);
  });

  test("finds a cover replaced in place, which moves nothing", async () => {
    const parts = { comment: "same", paddingBytes: 4096, audio: AUDIO };
    const before = flac({ ...parts, cover: COVER });
    const cover = Buffer.from(COVER);
    noise(6, 90_000).copy(cover, 200_000);
    await expectSpliced(before, flac({ ...parts, cover }), COVER.byteLength + 64 * KIB);
  });

  test("never misses one byte changed in the middle", async () => {
    const after = Buffer.from(AUDIO);
    after.writeUInt8(after.readUInt8(3_000_000) ^ 1, 3_000_000);
    const { bytes } = await spliced(AUDIO, after);
    expect(bytes).toBeUndefined();
  });

  test("gives way when the proof is of other bytes", async () => {
    const after = Buffer.concat([noise(3, 3000), AUDIO]);
    const { bytes } = await spliced(AUDIO, after, md5Of(noise(7, 100)));
    expect(bytes).toBeUndefined();
  });

  test("gives way soon when the versions have nothing in common", async () => {
    const { bytes, fetchedBytes } = await spliced(AUDIO, noise(8, AUDIO.byteLength));
    expect(bytes).toBeUndefined();
    expect(fetchedBytes).toBeLessThan(160 * KIB);
  });

  test("gives way beyond its budget", async () => {
    const cover = noise(9, 900_000);
    const next = newBytes(
      flac({ comment: "", cover, paddingBytes: 0, audio: AUDIO }),
      cover.byteLength / 2,
    );
    const old = oldBytes(flac({ comment: "", cover: COVER, paddingBytes: 0, audio: AUDIO }));
    const proof = { kind: "md5", hex: "0".repeat(32) } as const;
    await expect(splice(old, next, proof, async () => undefined)).rejects.toMatchObject({
      code: "cache",
    });
    expect(next.fetchedBytes).toBeLessThanOrEqual(cover.byteLength / 2);
  });

  test("does with files of any small size", async () => {
    for (const [before, after] of [
      [0, 1],
      [1, 0],
      [100, 40],
      [5000, 20_000],
      [20_000, 20_001],
      [40_000, 16_384],
    ] as const) {
      const bytes = noise(before + 1, after);
      const { bytes: made } = await spliced(noise(after + 1, before), bytes);
      if (made !== undefined) expect(made.equals(bytes)).toBe(true);
    }
  });
});
