import { describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import {
  fingerprint,
  judgeHostKey,
  keyTypeOf,
  knownHostName,
  knownKeyTypes,
  namesHost,
  parseKnownHosts,
  withHostKey,
} from "../../../../src/core/origins/sftp/known_hosts.ts";
import { seeded } from "./seeded.ts";

/** A public key of a type; `fill` makes it another one. */
function key(type: string, fill: number): Buffer {
  const blob = Buffer.alloc(4 + type.length + 36, fill);
  blob.writeUInt32BE(type.length, 0);
  blob.write(type, 4, "latin1");
  return blob;
}

const ED = "ssh-ed25519";
const RSA = "ssh-rsa";
const one = key(ED, 1);
const two = key(ED, 2);
const rsa = key(RSA, 3);
const line = (hosts: string, blob: Buffer, marker = "") =>
  `${marker}${hosts} ${keyTypeOf(blob)} ${blob.toString("base64")} someone@somewhere`;

function hashed(name: string): string {
  const salt = Buffer.from("0123456789abcdefghij");
  const hash = createHmac("sha1", salt).update(name).digest("base64");
  return `|1|${salt.toString("base64")}|${hash}`;
}

const judge = (text: string, host: string, port: number, blob: Buffer) =>
  judgeHostKey(parseKnownHosts(text), host, port, blob);

describe("known_hosts", () => {
  test("trusts exactly the key that is recorded (R-4)", () => {
    const text = line("nas,192.168.1.2", one);
    expect(judge(text, "nas", 22, one)).toEqual({ status: "known" });
    expect(judge(text, "NAS", 22, one)).toEqual({ status: "known" });
    expect(judge(text, "192.168.1.2", 22, one)).toEqual({ status: "known" });
    expect(judge(text, "nas", 22, two)).toMatchObject({ status: "changed", known: { line: 1 } });
    expect(judge(text, "other", 22, one)).toMatchObject({ status: "unknown", otherTypes: [] });
  });

  test("tells a key of another type from a changed one", () => {
    expect(judge(line("nas", rsa), "nas", 22, one)).toEqual({
      status: "unknown",
      otherTypes: [RSA],
      authority: false,
    });
  });

  test("a host may have several keys, also of one type", () => {
    const text = [line("nas", rsa), line("nas", one), line("nas", two)].join("\n");
    expect(judge(text, "nas", 22, two)).toEqual({ status: "known" });
    expect(judge(text, "nas", 22, key(ED, 9)).status).toBe("changed");
    expect(knownKeyTypes(parseKnownHosts(text), "nas", 22)).toEqual([RSA, ED]);
  });

  test("knows hosts by [host]:port, and by the host alone where the port has no entry", () => {
    expect(knownHostName("Nas", 2222)).toBe("[nas]:2222");
    const own = line("[nas]:2222", one);
    expect(judge(own, "nas", 2222, one).status).toBe("known");
    expect(judge(own, "nas", 22, one).status).toBe("unknown");
    expect(judge(own, "nas", 2223, one).status).toBe("unknown");
    expect(judge(line("nas", one), "nas", 2222, one).status).toBe("known");
    expect(judge(`${line("nas", one)}\n${line("[nas]:2222", two)}`, "nas", 2222, one).status).toBe(
      "changed",
    );
  });

  test("finds hashed hosts", () => {
    const text = line(hashed("[nas]:2222"), one);
    expect(judge(text, "nas", 2222, one).status).toBe("known");
    expect(judge(text, "nas", 2222, two).status).toBe("changed");
    expect(judge(text, "pi", 2222, one).status).toBe("unknown");
  });

  test("matches wildcards and leaves out negated hosts", () => {
    const text = line("*.home,!pi.home", one);
    expect(judge(text, "nas.home", 22, one).status).toBe("known");
    expect(judge(text, "pi.home", 22, one).status).toBe("unknown");
  });

  test("refuses a revoked key even where it is recorded as well", () => {
    const text = `${line("nas", one)}\n${line("*", one, "@revoked ")}`;
    expect(judge(text, "nas", 22, one)).toMatchObject({ status: "revoked", entry: { line: 2 } });
    expect(judge(text, "nas", 2200, one).status).toBe("revoked");
    expect(judge(line("*", one, "@revoked "), "nas", 22, two).status).toBe("unknown");
  });

  test("does not take a certificate authority for the host's key, and says that there is one", () => {
    expect(judge(line("nas", one, "@cert-authority "), "nas", 22, one)).toEqual({
      status: "unknown",
      otherTypes: [],
      authority: true,
    });
  });

  test("passes over comments and lines that are something else", () => {
    const text = [
      "# nas ssh-ed25519 AAAA",
      "",
      "nas",
      "nas ssh-ed25519",
      "nas ssh-ed25519 !!!",
      `nas ${RSA} ${one.toString("base64")}`,
      "nas 1024 35 1234567890",
      `@unknown ${line("nas", one)}`,
      "\0\xff\t\x1b[2J",
    ].join("\n");
    expect(parseKnownHosts(text)).toEqual([]);
    expect(parseKnownHosts(`  ${line("nas", one)}\r`)).toHaveLength(1);
  });

  test("never fails on garbage", () => {
    const { seed, next: random } = seeded(20260102);
    const parts = [
      "|1|",
      "|",
      "@revoked",
      "@cert-authority",
      " ",
      "*",
      "!",
      ",",
      "nas",
      "\n",
      "=",
      ED,
      one.toString("base64"),
      "[",
      "]:22",
      "\t",
      "#",
      "\0",
      "é",
      "|2|a|b",
      "|1||",
    ];
    for (let round = 0; round < 3000; round++) {
      const text = Array.from({ length: random(12) }, () => parts[random(parts.length)]).join("");
      try {
        judge(text, "nas", 2222, one);
        withHostKey(text, "nas", 22, two);
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error });
      }
    }
  });

  test("a malformed hash names no host", () => {
    for (const hosts of ["|1|", "|1|x", "|2|eA==|eA==", "|1|eA==|", "||"]) {
      expect(namesHost(hosts, "nas")).toBe(false);
    }
  });

  test("prints fingerprints as ssh-keygen does", () => {
    const blob = Buffer.from(
      "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
      "base64",
    );
    expect(fingerprint(blob)).toBe("SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
  });
});

describe("recording a host key", () => {
  test("adds a line and keeps everything else as it is", () => {
    const text = `# mine\n${line("pi", rsa)}\n`;
    const after = withHostKey(text, "nas", 2222, one);
    expect(after).toBe(`${text}[nas]:2222 ${ED} ${one.toString("base64")}\n`);
    expect(judge(after, "nas", 2222, one).status).toBe("known");
  });

  test("starts a file, and mends a missing end of line", () => {
    expect(withHostKey("", "nas", 22, one)).toBe(`nas ${ED} ${one.toString("base64")}\n`);
    expect(parseKnownHosts(withHostKey(line("pi", two), "nas", 22, one))).toHaveLength(2);
  });

  test("takes the host's old key of the same type out, so that it is trusted no more", () => {
    const text = [
      line("nas,pi", one),
      line(hashed("nas"), one),
      line("nas", rsa),
      line("nas", one, "@revoked "),
    ].join("\n");
    const entries = parseKnownHosts(withHostKey(text, "nas", 22, two));
    expect(entries.map(({ hosts, keyType, marker }) => [hosts, keyType, marker])).toEqual([
      ["pi", ED, undefined],
      ["nas", RSA, undefined],
      ["nas", ED, "revoked"],
      ["nas", ED, undefined],
    ]);
  });
});
