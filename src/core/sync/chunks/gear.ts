/**
 * The table of a Gear rolling hash: one 32-bit word of high entropy per byte value. Boundaries, and
 * with them every manifest ever written, depend on it: it never changes within a manifest version.
 *
 * Word `b` is the first four bytes (little-endian) of SHA-256 over "musicfs gear" and the byte `b`:
 * nothing up the sleeve, and nothing to mistype.
 */

export const GEAR: Uint32Array = Uint32Array.from({ length: 256 }, (_, byte) =>
  new Bun.CryptoHasher("sha256")
    .update("musicfs gear")
    .update(Uint8Array.of(byte))
    .digest()
    .readUInt32LE(0),
);
