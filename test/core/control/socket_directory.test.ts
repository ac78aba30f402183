import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SocketDirectory } from "../../../src/core/control/socket_directory.ts";
import { keyOfSocket, mountKey, socketName } from "../../../src/core/control/socket_name.ts";
import { needing } from "../../support/needs.ts";

const uid = process.geteuid?.() ?? 0;
const root = mkdtempSync(join(tmpdir(), "musicfs-sockets-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function directory(name: string, mode = 0o700): string {
  const path = join(root, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
}

/** A socket that `mode` lets be used, bound in `path`; closed when disposed. */
function socketIn(path: string, name: string, mode: number): Disposable {
  const listener = Bun.listen({ unix: join(path, name), socket: { data: () => undefined } });
  chmodSync(join(path, name), mode);
  return { [Symbol.dispose]: () => listener.stop(true) };
}

describe("SocketDirectory", () => {
  test("makes a directory that nobody else may use, and takes one that is so", () => {
    const path = join(root, "new", "run");
    using made = SocketDirectory.make(path, uid);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    using again = SocketDirectory.open(path, uid);
    expect([made.names(), again?.names()]).toEqual([[], []]);
    expect(SocketDirectory.open(join(root, "missing"), uid)).toBeUndefined();
  });

  test("refuses to use a directory that others may use, and tightens it to make sockets in", () => {
    const path = directory("loose", 0o755);
    expect(() => SocketDirectory.open(path, uid)).toThrow(/other users may use it \(mode 0755/);
    using _made = SocketDirectory.make(path, uid);
    expect(statSync(path).mode & 0o777).toBe(0o700);
  });

  test("refuses a link, whatever it leads to", () => {
    const path = join(root, "link");
    symlinkSync(directory("target"), path);
    expect(() => SocketDirectory.open(path, uid)).toThrow(/is not used for talking to mounts/);
  });

  needing("root").test("refuses what belongs to another user", () => {
    const path = directory("theirs");
    chownSync(path, 65534, 65534);
    expect(() => SocketDirectory.open(path, uid)).toThrow(/belongs to user 65534/);
    expect(() => SocketDirectory.make(path, uid)).toThrow(/belongs to user 65534/);
    const own = directory("own");
    using _socket = socketIn(own, "a.sock", 0o600);
    chownSync(join(own, "a.sock"), 65534, 65534);
    using opened = SocketDirectory.open(own, uid);
    expect(() => opened?.isOwnSocket("a.sock")).toThrow(/belongs to user 65534/);
  });

  test("knows its own sockets from others and from what is none", () => {
    const path = directory("sockets");
    using _good = socketIn(path, "good.sock", 0o600);
    using _loose = socketIn(path, "loose.sock", 0o666);
    writeFileSync(join(path, "file.sock"), "");
    symlinkSync("good.sock", join(path, "link.sock"));
    using opened = SocketDirectory.make(path, uid);
    expect(opened.isOwnSocket("good.sock")).toBe(true);
    expect(opened.isOwnSocket("missing.sock")).toBe(false);
    expect(() => opened.isOwnSocket("loose.sock")).toThrow(/mode 0666, not 0600/);
    expect(() => opened.isOwnSocket("file.sock")).toThrow(/it is not a socket/);
    expect(() => opened.isOwnSocket("link.sock")).toThrow(/it is not a socket/);
  });
});

describe("names of sockets", () => {
  test("are told apart by cache directory, however that is written", () => {
    const cache = directory("cache");
    symlinkSync(cache, join(root, "same"));
    const key = mountKey(cache) ?? "";
    expect(mountKey(join(root, "same"))).toBe(key);
    expect(mountKey(directory("other"))).not.toBe(key);
    expect(mountKey(join(root, "none"))).toBeUndefined();
    expect(keyOfSocket(socketName("/mnt/music", key))).toBe(key);
  });

  test("are harmless and short, whatever the mount point", () => {
    const name = socketName(`/mnt/${"ä ö\n.".repeat(40)}`, "0123456789abcdef");
    expect(name).toMatch(/^[\w-]{32}-0123456789abcdef\.sock$/);
    expect(socketName("/", "0123456789abcdef")).toBe("-0123456789abcdef.sock");
    expect(keyOfSocket(name)).toBe("0123456789abcdef");
    expect(keyOfSocket(".0123456789abcdef")).toBeUndefined();
  });
});
