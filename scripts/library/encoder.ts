/** The command lines of real encoders, with tags and cover art, and nothing in them that varies between runs. */
import { readFileSync } from "node:fs";
import type { AudioFormat } from "./album.ts";
import { coverAsVorbisComment } from "./cover.ts";

export interface EncodeJob {
  /** WAV file to read. */
  readonly wav: string;
  /** PNG file. */
  readonly cover: string;
  readonly output: string;
  readonly artist: string;
  readonly album: string;
  readonly title: string;
  readonly year: number;
  /** From 1. */
  readonly track: number;
  /** Serial number of the Ogg stream, which is random otherwise. */
  readonly serial: number;
}

type Command = readonly [string, ...string[]];

const COMMANDS: Readonly<Record<Exclude<AudioFormat, "wav">, (job: EncodeJob) => Command>> = {
  flac: ({ wav, cover, output, artist, album, title, year, track }) => [
    "flac",
    "--silent",
    `--tag=ARTIST=${artist}`,
    `--tag=ALBUM=${album}`,
    `--tag=TITLE=${title}`,
    `--tag=DATE=${year}`,
    `--tag=TRACKNUMBER=${track}`,
    `--picture=${cover}`,
    `--output-name=${output}`,
    wav,
  ],
  mp3: ({ wav, cover, output, artist, album, title, year, track }) => [
    "lame",
    "--quiet",
    "-V2",
    "--add-id3v2",
    ...["--ta", artist, "--tl", album, "--tt", title, "--ty", String(year), "--tn", String(track)],
    ...["--ti", cover],
    wav,
    output,
  ],
  ogg: ({ wav, cover, output, artist, album, title, year, track, serial }) => [
    "oggenc",
    "--quiet",
    "--utf8",
    `--serial=${serial}`,
    `--artist=${artist}`,
    `--album=${album}`,
    `--title=${title}`,
    `--date=${year}`,
    `--tracknum=${track}`,
    `--comment=${coverAsVorbisComment(readFileSync(cover))}`,
    `--output=${output}`,
    wav,
  ],
  opus: ({ wav, cover, output, artist, album, title, year, track, serial }) => [
    "opusenc",
    "--quiet",
    ...["--serial", String(serial)],
    ...["--artist", artist, "--album", album, "--title", title],
    ...["--date", String(year), "--comment", `TRACKNUMBER=${track}`],
    ...["--picture", cover],
    wav,
    output,
  ],
  m4a: ({ wav, cover, output, artist, album, title, year, track }) => [
    "ffmpeg",
    ...["-nostdin", "-loglevel", "error", "-i", wav, "-i", cover],
    ...["-map", "0:a", "-map", "1:v", "-c:a", "aac", "-b:a", "160k", "-c:v", "copy"],
    ...["-disposition:v", "attached_pic", "-fflags", "+bitexact", "-flags:a", "+bitexact"],
    ...["-metadata", `artist=${artist}`, "-metadata", `album=${album}`],
    ...["-metadata", `title=${title}`, "-metadata", `date=${year}`],
    ...["-metadata", `track=${track}`, "-f", "ipod", output],
  ],
};

/** Programs that encoding to these formats runs. */
export function encodersOf(formats: Iterable<AudioFormat>): readonly string[] {
  const programs: Readonly<Record<AudioFormat, string | undefined>> = {
    flac: "flac",
    mp3: "lame",
    ogg: "oggenc",
    opus: "opusenc",
    m4a: "ffmpeg",
    wav: undefined,
  };
  return [...new Set(formats)].flatMap((format) => programs[format] ?? []);
}

/** Encodes one file; throws with what the encoder said when it fails. WAV has no encoder and no tags here. */
export async function encode(format: Exclude<AudioFormat, "wav">, job: EncodeJob): Promise<void> {
  const command = COMMANDS[format](job);
  const encoder = Bun.spawn([...command], {
    // Tags are in UTF-8, whatever the locale of the caller.
    env: { ...process.env, LC_ALL: "C.UTF-8" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  const [said, status] = await Promise.all([encoder.stderr.text(), encoder.exited]);
  if (status !== 0)
    throw new Error(`${command[0]} failed with ${status} on ${job.output}: ${said.trim()}`);
}
