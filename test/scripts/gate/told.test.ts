import { describe, expect, test } from "bun:test";
import { toldSecrets } from "../../../scripts/gate/told.ts";
import { secret } from "../../../scripts/secrets.ts";

describe("toldSecrets()", () => {
  test("finds a secret as it stands, and cuts the line off before it", () => {
    const output = `well\nlogin as anna:${secret("nas")}@host\nwell\n`;
    expect(toldSecrets(output)).toEqual(["login as anna:nas-[a secret]"]);
  });

  test("finds it in the encodings of headers and dumps, wherever it begins", () => {
    for (const before of ["", "a", "ab", "abc", "anna:"]) {
      const bytes = Buffer.from(`${before}${secret("")}`);
      for (const encoding of ["base64", "base64url", "hex"] as const) {
        expect(toldSecrets(`Authorization: ${bytes.toString(encoding)}`)).toHaveLength(1);
      }
      expect(toldSecrets(encodeURIComponent(`${before}${secret("a/b")}`))).toHaveLength(1);
    }
  });

  test("finds private keys", () => {
    expect(toldSecrets("-----BEGIN OPENSSH PRIVATE KEY-----")).toHaveLength(1);
  });

  test("finds nothing in what is none", () => {
    expect(toldSecrets("origin nas: the password was refused\n[redacted]\n")).toEqual([]);
  });
});
