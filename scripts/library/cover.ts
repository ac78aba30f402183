import { deflateSync } from "node:zlib";

const SIDE = 300;
const PHOTO_SIDE = 410;

/** Pixels per square of one colour, so that the file stays small: oggenc takes it as an argument. */
const SQUARE = 30;

/** A chunk of a PNG file: length, type, data, checksum. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  body.copy(framed, 4);
  framed.writeUInt32BE(Bun.hash.crc32(body), body.length + 4);
  return framed;
}

/** Cover art: a square PNG of 300 by 300 pixels, squares in colours that the seed chooses. */
export function makeCover(seed: number): Buffer {
  return png(SIDE, drawSquares(seed));
}

/** Cover art as large as a photograph: 410 by 410 pixels that no compression makes smaller, 500 KB. */
export function makePhoto(seed: number): Buffer {
  const rows = Buffer.alloc(PHOTO_SIDE * (1 + PHOTO_SIDE * 3));
  let state = (seed * 2_654_435_761) | 1;
  for (let at = 0; at < rows.length; at++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    rows[at] = at % (1 + PHOTO_SIDE * 3) === 0 ? 0 : state & 0xff;
  }
  return png(PHOTO_SIDE, rows);
}

function drawSquares(seed: number): Buffer {
  const rows = Buffer.alloc(SIDE * (1 + SIDE * 3));
  for (let y = 0; y < SIDE; y++) {
    // Each row starts with its filter type, 0 for none.
    const row = y * (1 + SIDE * 3) + 1;
    for (let x = 0; x < SIDE; x++) {
      rows[row + x * 3] = (Math.floor(x / SQUARE) * 25 + seed * 37) & 0xff;
      rows[row + x * 3 + 1] = (Math.floor(y / SQUARE) * 25 + seed * 91) & 0xff;
      rows[row + x * 3 + 2] = (seed * 53) & 0xff;
    }
  }
  return rows;
}

function png(side: number, rows: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  // 8 bits per channel, true colour.
  header.writeUInt8(8, 8);
  header.writeUInt8(2, 9);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The cover as Ogg Vorbis carries it: a FLAC picture block of type 3, front cover, in base64 (RFC 9639, 8.8). */
export function coverAsVorbisComment(png: Buffer): string {
  const mime = Buffer.from("image/png", "latin1");
  const numbers = (...values: readonly number[]): Buffer => {
    const bytes = Buffer.alloc(values.length * 4);
    for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, index * 4);
    return bytes;
  };
  const block = Buffer.concat([
    numbers(3, mime.length),
    mime,
    // Description of length 0, width, height, colour depth, colours of a palette.
    numbers(0, SIDE, SIDE, 24, 0, png.length),
    png,
  ]);
  return `METADATA_BLOCK_PICTURE=${block.toString("base64")}`;
}
