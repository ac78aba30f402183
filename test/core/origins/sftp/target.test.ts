import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serverRoot } from "../../../../src/core/origins/sftp/served_root.ts";
import { resolveTarget, systemFiles } from "../../../../src/core/origins/sftp/target.ts";
import { sftpSettings, surroundings } from "./settings.ts";

const HOME = "/home/me";
const KNOWN_HOSTS = `${HOME}/.ssh/known_hosts`;
const CONFIG = `
Host nas
  HostName 10.0.0.7
  Port 2200
  User alan
  IdentityFile ~/.ssh/nas
`;

function resolve(
  own: Partial<Parameters<typeof sftpSettings>[0]> = {},
  config = CONFIG,
  user?: string,
) {
  const around = surroundings(HOME, { [`${HOME}/.ssh/config`]: config });
  return resolveTarget(
    sftpSettings({ host: "nas", knownHosts: KNOWN_HOSTS, ...own }),
    around,
    user,
  );
}

describe("target", () => {
  test("names the command that accepts a key in the configuration that it is from (R-4)", () => {
    expect(resolve().acceptCommand).toBe("musicfs origins set sftp");
    const { acceptCommand } = resolve({ configFile: "/home/me/my music.toml" });
    expect(acceptCommand).toBe("musicfs --config '/home/me/my music.toml' origins set sftp");
  });

  test("comes from ssh_config where the settings say nothing", () => {
    expect(resolve()).toMatchObject({
      host: "10.0.0.7",
      port: 2200,
      user: "alan",
      identityFiles: [`${HOME}/.ssh/nas`],
      knownHostsFiles: [KNOWN_HOSTS, "/etc/ssh/ssh_known_hosts"],
    });
    expect(resolve({}, "")).toMatchObject({ host: "nas", port: 22, user: "me", identityFiles: [] });
  });

  test("comes from the settings first, then the credentials' user name", () => {
    const own = { port: 1, user: "bob", identityFile: "/k" };
    expect(resolve(own, CONFIG, "carol")).toMatchObject({
      port: 1,
      user: "bob",
      identityFiles: ["/k"],
    });
    expect(resolve({}, CONFIG, "carol").user).toBe("carol");
  });

  test("known_hosts of the origin's own stand alone, and for UserKnownHostsFile", () => {
    const config = "Host nas\n UserKnownHostsFile /dev/null\n";
    expect(() => resolve({}, config)).toThrow("UserKnownHostsFile");
    expect(resolve({ knownHosts: "/my/hosts" }, config).knownHostsFiles).toEqual(["/my/hosts"]);
  });

  test("a refused setting is an error of the configuration", () => {
    expect(() => resolve({}, "ProxyJump gate\n")).toThrow(
      expect.objectContaining({ code: "misconfigured" }),
    );
  });
});

describe("files of ssh_config", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "musicfs-sshconfig-"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  test("are read when nobody else can write them", () => {
    const file = join(directory, "config");
    expect(systemFiles.read(file)).toBeUndefined();
    writeFileSync(file, "Port 1", { mode: 0o600 });
    expect(systemFiles.read(file)).toBe("Port 1");
    chmodSync(file, 0o664);
    expect(() => systemFiles.read(file)).toThrow("writable by its owner only");
  });

  test("are found by glob, in order, and where there are none", () => {
    for (const name of ["b.conf", "a.conf", "c.txt"]) writeFileSync(join(directory, name), "");
    expect(systemFiles.glob(`${directory}/*.conf`)).toEqual([
      `${directory}/a.conf`,
      `${directory}/b.conf`,
    ]);
    expect(systemFiles.glob(`${directory}/c.txt`)).toEqual([`${directory}/c.txt`]);
    expect(systemFiles.glob(`${directory}/none/*`)).toEqual([]);
  });
});

describe("server root", () => {
  test.each([
    [".", "."],
    ["", "."],
    ["~", "."],
    ["~/Music/", "Music"],
    ["/", "/"],
    ["/srv/music//", "/srv/music"],
    ["Musik/Björk", "Musik/Bj\u00c3\u00b6rk"],
  ])("%p is %p", (path, expected) => {
    expect(serverRoot(path)).toBe(expected);
  });
});
