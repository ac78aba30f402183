import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { utils } from "ssh2";
import { HostKeyCheck } from "../../../../src/core/origins/sftp/host_key_check.ts";
import { fingerprint } from "../../../../src/core/origins/sftp/known_hosts.ts";
import { ed25519Pair } from "./keys.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "musicfs-hostkey-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const ed25519 = ed25519Pair().public;
const ecdsa = utils.generateKeyPairSync("ecdsa", { bits: 256 }).public;
const blob = (line: string) => Buffer.from(line.split(" ")[1] ?? "", "base64");

function checking(lines: readonly string[], port = 22): HostKeyCheck {
  const file = join(directory, "known_hosts");
  writeFileSync(file, lines.join("\n"));
  const knownHostsFiles = [file, join(directory, "absent")];
  return new HostKeyCheck({
    acceptCommand: "musicfs origins set nas",
    host: "nas.home",
    port,
    knownHostsFiles,
  });
}

describe("host key check", () => {
  test("lets a known key pass and nothing else (R-4)", () => {
    const check = checking([`nas.home ${ed25519}`]);
    expect(check.refusal(blob(ed25519))).toBeUndefined();
    expect(check.refusal(blob(ecdsa))).toMatchObject({ code: "host_key" });
    expect(check.refusal(Buffer.from("garbage"))).toMatchObject({ code: "host_key" });
    expect(check.refusal(Buffer.alloc(0))).toMatchObject({ code: "host_key" });
  });

  test("asks for types of key that are known for the host first", () => {
    expect(checking([]).algorithms[0]).toBe("ssh-ed25519");
    expect(checking([`nas.home ${ecdsa}`]).algorithms.slice(0, 2)).toEqual([
      "ecdsa-sha2-nistp256",
      "ssh-ed25519",
    ]);
    const algorithms: readonly string[] = checking([]).algorithms;
    expect(algorithms).toContain("rsa-sha2-512");
    expect(algorithms).not.toContain("ssh-rsa");
    expect(algorithms).not.toContain("ssh-dss");
  });

  test("says where the other key stands, how to compare and how to accept (R-4)", () => {
    const other = ed25519Pair().public;
    const message = checking(["# x", `nas.home ${other}`]).refusal(blob(ed25519))?.message;
    expect(message).toContain("the host key of nas.home has CHANGED");
    expect(message).toContain(`${directory}/known_hosts:2 has ${fingerprint(blob(other))}`);
    expect(message).toContain("`ssh-keyscan nas.home | ssh-keygen -lf -`");
    expect(message).toContain(
      `\`musicfs origins set nas --accept-host-key ${fingerprint(blob(ed25519))}\``,
    );
    expect(checking([], 2222).refusal(blob(ed25519))?.message).toContain(
      "`ssh-keyscan -p 2222 nas.home | ssh-keygen -lf -`",
    );
  });

  test("offers no way to accept a revoked key", () => {
    const message = checking([`@revoked * ${ed25519}`]).refusal(blob(ed25519))?.message;
    expect(message).toContain("known_hosts:1 revokes");
    expect(message).not.toContain("accept-host-key");
  });

  test("says that certificate authorities are not supported, and which types are known", () => {
    const message = checking([`@cert-authority *.home ${ed25519}`, `nas.home ${ecdsa}`]).refusal(
      blob(ed25519),
    )?.message;
    expect(message).toContain("known of it are only ecdsa-sha2-nistp256");
    expect(message).toContain("@cert-authority is recorded for it, which is not supported");
  });

  test("trusts nothing when a file cannot be read", () => {
    mkdirSync(join(directory, "known_hosts"));
    chmodSync(directory, 0o700);
    const knownHostsFiles = [join(directory, "known_hosts")];
    const make = () =>
      new HostKeyCheck({ acceptCommand: "", host: "nas", port: 22, knownHostsFiles });
    expect(make).toThrow("cannot be read");
  });
});
