/** Music made of nothing: chords under a little noise, the same for the same seed everywhere. */

const SAMPLE_RATE = 44_100;
const CHANNELS = 2;
const BYTES_PER_SAMPLE = 2;
const WAV_HEADER_BYTES = 44;

/** Pseudo-random numbers in [0, 1): Mulberry32 (Tommy Ettinger, public domain). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** RIFF/WAVE header for `dataBytes` of 16-bit stereo PCM. */
function wavHeader(dataBytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES);
  header.write("RIFF", 0);
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + dataBytes, 4);
  header.write("WAVEfmt ", 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(CHANNELS, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * CHANNELS * BYTES_PER_SAMPLE, 28);
  header.writeUInt16LE(CHANNELS * BYTES_PER_SAMPLE, 32);
  header.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  header.write("data", 36);
  header.writeUInt32LE(dataBytes, 40);
  return header;
}

/**
 * A WAV file of `seconds` (176 400 bytes each): a chord per second, chosen by the seed. `noise`, 0 to 1, is how much of
 * the signal is white noise, which no lossless encoder makes smaller.
 */
export function makeWav(seed: number, seconds: number, noise = 0.05): Buffer {
  const random = randomNumbers(seed);
  const frames = Math.round(seconds * SAMPLE_RATE);
  const samples = new Int16Array(frames * CHANNELS);
  let chord: readonly number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    if (frame % SAMPLE_RATE === 0) {
      const root = 110 * 2 ** (Math.floor(random() * 24) / 12);
      chord = [root, root * 1.25, root * 1.5].map((hertz) => (hertz * 2 * Math.PI) / SAMPLE_RATE);
    }
    const tone = chord.reduce((sum, step) => sum + Math.sin(step * frame), 0) / 3;
    for (let channel = 0; channel < CHANNELS; channel++) {
      const sample = (1 - noise) * tone + noise * (random() * 2 - 1);
      samples[frame * CHANNELS + channel] = Math.round(sample * 0.9 * 32_767);
    }
  }
  return Buffer.concat([wavHeader(samples.byteLength), Buffer.from(samples.buffer)]);
}
