/** Short formats that files and programs of the user, or our own disk, bring in. */

import { OwnError } from "../../../src/core/errors.ts";
import {
  parseCredentials,
  UnusableCredentials,
} from "../../../src/core/origins/credentials/credentials.ts";
import { parseChecksum } from "../../../src/core/origins/sftp/checksum.ts";
import { decodeManifest, encodeManifest } from "../../../src/core/sync/chunks/manifest.ts";
import { type FuzzTarget, fuzzed, must, orElse, textOf } from "../target.ts";

const SECRET = "wJalrXUtnFEMI";
const HASH = "0".repeat(64);

/** Credentials are complete, or their file is refused without a word of what is in it. */
export const credentials: FuzzTarget = {
  name: "credentials",
  seeds: [
    `# mine\nAWS_ACCESS_KEY_ID=AKIA\nSECRET_ACCESS_KEY=${SECRET}\n`,
    `USERNAME=me\r\nPASSWORD=${SECRET}\nPASSPHRASE=${SECRET}`,
    `{"Version":1,"AccessKeyId":"AK","SecretAccessKey":"${SECRET}","Expiration":"2027-01-01T00:00:00Z"}`,
  ].map((text) => Buffer.from(text)),
  tokens: ["=", "\n", "#", "AWS_", "SESSION_TOKEN=", "null", "{", "}", '"', "__proto__", "[]"],
  smokeInputs: 20_000,
  start: () =>
    fuzzed((input) => {
      orElse(
        () => void parseCredentials(textOf(input), "FILE"),
        (error) => error instanceof UnusableCredentials && !error.message.includes(SECRET),
      );
    }),
};

const manifestBytes = encodeManifest({
  sizeBytes: 70_000,
  lengths: Uint32Array.of(65_000, 5000),
  hashes: new Uint8Array(64).fill(7),
});

/** A manifest is what was written, or damaged; a checksum is the whole line of its path, or none. */
export const ownFormats: FuzzTarget = {
  name: "own_formats",
  seeds: [manifestBytes, Buffer.from(`motd\n${HASH}  /music/song\0`)],
  tokens: ["  /music/song\0", HASH],
  smokeInputs: 30_000,
  start: () =>
    fuzzed((input) => {
      orElse(
        () => {
          const again = encodeManifest(decodeManifest(input));
          must(Buffer.from(again).equals(input), "a manifest is not what was written");
        },
        (error) => error instanceof OwnError && error.code === "manifest",
      );
      const hash = parseChecksum(Buffer.from(input).toString("latin1"), "sha256", "/music/song");
      must(hash === undefined || /^[0-9a-f]{64}$/.test(hash), "no checksum");
    }),
};
