/**
 * What every origin passes (`src/core/origins/origin.ts` is the contract). A harness says what its
 * storage can hold; cases beyond that are not registered.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import {
  type ByteName,
  type BytePath,
  isValidName,
  joinPath,
  nameFromText,
  ROOT_PATH,
} from "../../src/core/bytes.ts";
import { type ErrorCode, MusicFsError, OriginError } from "../../src/core/errors.ts";
import type { DirEntry, Origin, OriginCapabilities } from "../../src/core/origins/origin.ts";

/** One empty origin and the means to fill its storage behind its back. */
export interface OriginFixture extends AsyncDisposable {
  readonly origin: Origin;
  /** Makes or replaces a file, with the directories above it. */
  put(path: BytePath, bytes: Uint8Array): Promise<void>;
  /** Removes a file. */
  remove(path: BytePath): Promise<void>;
  makeDirectory?(path: BytePath): Promise<void>;
  /** Overwrites bytes of a file, its size unchanged. */
  edit?(path: BytePath, offsetBytes: number, bytes: Uint8Array): Promise<void>;
  /** A file of `sizeBytes` that is all zeros but for `tail` at its end. */
  putSparse?(path: BytePath, sizeBytes: number, tail: Uint8Array<ArrayBuffer>): Promise<void>;
  /** A symbolic link with this text; `outside` is a path that exists and lies out of the root. */
  link?(path: BytePath, target: string): Promise<void>;
  /** Something that is neither file nor directory. */
  makeSpecial?(path: BytePath, kind: SpecialKind): Promise<void>;
}

export const SPECIAL_KINDS = ["fifo", "socket", "character device", "block device"] as const;
export type SpecialKind = (typeof SPECIAL_KINDS)[number];

export interface OriginHarness {
  readonly capabilities: OriginCapabilities;
  /** Directories may be empty: `makeDirectory` is there. */
  readonly emptyDirectories: boolean;
  readonly editInPlace: boolean;
  readonly sparseFiles: boolean;
  /** `link` is there; the text of one link that exists and leads out of the root. */
  readonly links?: { readonly outside: string };
  /** What `makeSpecial` makes. */
  readonly specialFiles?: readonly SpecialKind[];
  /** Names that the storage cannot hold although the contract allows them. */
  readonly refusesName?: (name: ByteName) => boolean;
  /** Entries of the large directory. Default 10 000. */
  readonly manyEntries?: number;
  /** The origin's descriptors are this process's and can be counted. */
  readonly countDescriptors?: boolean;
  /** A version read before may be read on after its file was replaced or removed. */
  readonly holdsVersions?: boolean;
  open(): Promise<OriginFixture>;
}

export function originConformance(name: string, harness: OriginHarness): void {
  describe(`${name} as an origin`, () => {
    names(harness);
    listings(harness);
    reads(harness);
    versions(harness);
    paths(harness);
    if (harness.links) links(harness, harness.links.outside);
    if (harness.specialFiles) specialFiles(harness, harness.specialFiles);
    givingUp(harness);
  });
}

const path = (text: string) => nameFromText(text) as string as BytePath;
const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Bytes that differ everywhere: a stretch read from the wrong place never fits by chance. */
export function patterned(length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 0x9e3779b9 ^ length;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

async function listAll(origin: Origin, directory = ROOT_PATH): Promise<Map<ByteName, DirEntry>> {
  const entries = new Map<ByteName, DirEntry>();
  for await (const page of origin.list(directory)) {
    for (const entry of page) {
      expect(entries.has(entry.name)).toBeFalse();
      expect(isValidName(entry.name)).toBeTrue();
      entries.set(entry.name, entry);
    }
  }
  return entries;
}

async function readAll(origin: Origin, at: BytePath, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length);
  const read = await origin.read(at, 0, into);
  return into.subarray(0, read);
}

/** The code a promise rejects with; what is not of the contract fails the test. */
async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    if (!(error instanceof MusicFsError)) throw error;
    expect(error instanceof OriginError || error.code === "cancelled").toBeTrue();
    return error.code;
  }
}

function names(harness: OriginHarness): void {
  const candidates: Record<string, ByteName> = {
    spaces: nameFromText("  two  spaces "),
    "unicode in NFC": nameFromText("Bj\u00f6rk \u2013 J\u00f3ga \u{1f3b5}".normalize("NFC")),
    "unicode in NFD": nameFromText("Bj\u00f6rk \u2013 J\u00f3ga \u{1f3b5}".normalize("NFD")),
    "URL syntax": nameFromText("a+b%20c#d?e&f=g;h:i@j"),
    "shell and glob syntax": nameFromText("$(x) `y` \"z\" 'q' *[a]{b}\\n"),
    "a leading dash and dots": nameFromText("-...rf"),
    "only dots": nameFromText("..."),
    "255 bytes": nameFromText(`${"\u00e9".repeat(127)}x`),
    "control characters": nameFromText("bell\u0007 tab\t escape\u001b[31m newline\n delete\u007f"),
    "bidirectional overrides": nameFromText("evil\u202egpj.exe"),
  };
  if (harness.capabilities.byteNames) {
    candidates["invalid UTF-8"] = "caf\xe9 \xff\xfe" as ByteName;
    candidates["an overlong encoding"] = "\xc0\xaf" as ByteName;
  }
  for (const [what, name] of Object.entries(candidates)) {
    if (harness.refusesName?.(name)) continue;
    test(`lists, stats and reads names with ${what}`, async () => {
      await using fixture = await harness.open();
      const { origin } = fixture;
      const content = patterned(100);
      const at = joinPath(name as string as BytePath, name);
      await fixture.put(at, content);
      expect([...(await listAll(origin)).keys()]).toEqual([name]);
      const inner = await listAll(origin, name as string as BytePath);
      expect([...inner.keys()]).toEqual([name]);
      expect(inner.get(name)?.sizeBytes).toBe(100);
      expect((await origin.stat(at)).kind).toBe("file");
      expect(await readAll(origin, at, 200)).toEqual(content);
    });
  }

  test("keeps names apart that differ in case or normalization only", async () => {
    await using fixture = await harness.open();
    for (const name of ["\u00e9", "e\u0301", "E\u0301"]) {
      await fixture.put(path(name), bytesOf(name));
    }
    for (const name of ["\u00e9", "e\u0301", "E\u0301"]) {
      expect(await readAll(fixture.origin, path(name), 10)).toEqual(bytesOf(name));
    }
    expect((await listAll(fixture.origin)).size).toBe(3);
  });
}

function listings(harness: OriginHarness): void {
  test("lists an empty root as nothing", async () => {
    await using fixture = await harness.open();
    expect((await listAll(fixture.origin)).size).toBe(0);
  });

  test("agrees with stat on every attribute of an entry", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("album/track.flac"), patterned(1234));
    const [listed] = [...(await listAll(fixture.origin, path("album"))).values()];
    const { name, ...attributes } = listed ?? { name: undefined };
    expect(name).toBe(nameFromText("track.flac"));
    const stat = await fixture.origin.stat(path("album/track.flac"));
    expect(attributes).toEqual(stat);
    expect(stat.sizeBytes).toBe(1234);
    expect(Math.abs(stat.mtimeSec - Date.now() / 1000)).toBeLessThan(600);
    expect(stat.mtimeNsec).toBeWithin(0, 1_000_000_000);
    expect(stat.mode & ~0o7777).toBe(0);
    expect(stat.token).not.toBe("");
  });

  test("tells directories from files", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/b/c"), bytesOf("x"));
    await fixture.put(path("a/d"), bytesOf("y"));
    const entries = await listAll(fixture.origin, path("a"));
    expect([...entries.values()].map(({ name, kind }) => [name as string, kind]).sort()).toEqual([
      ["b", "directory"],
      ["d", "file"],
    ]);
    expect((await fixture.origin.stat(path("a"))).kind).toBe("directory");
    expect((await fixture.origin.stat(ROOT_PATH)).kind).toBe("directory");
  });

  if (harness.emptyDirectories) {
    test("lists an empty directory as nothing", async () => {
      await using fixture = await harness.open();
      await fixture.makeDirectory?.(path("empty"));
      expect((await fixture.origin.stat(path("empty"))).kind).toBe("directory");
      expect((await listAll(fixture.origin, path("empty"))).size).toBe(0);
    });
  }

  const many = harness.manyEntries ?? 10_000;
  test(`lists a directory of ${many} entries completely, and may be left early`, async () => {
    await using fixture = await harness.open();
    const { origin } = fixture;
    const expected = new Set<string>();
    const batch: Promise<void>[] = [];
    for (let i = 0; i < many; i++) {
      const name = `track ${i}.flac`;
      expected.add(name);
      batch.push(fixture.put(path(`many/${name}`), bytesOf("x")));
      if (batch.length === 64) await Promise.all(batch.splice(0));
    }
    await Promise.all(batch);
    expect(new Set<string>((await listAll(origin, path("many"))).keys())).toEqual(expected);

    const before = descriptors();
    for (let i = 0; i < 10; i++) {
      for await (const page of origin.list(path("many"))) {
        expect(page.length).toBeGreaterThan(0);
        break;
      }
    }
    if (harness.countDescriptors) await eventually(() => descriptors() <= before);
    expect((await listAll(origin, path("many"))).size).toBe(many);
  }, 120_000);

  test("says of what it cannot list why", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/file"), bytesOf("x"));
    expect(await codeOf(listAll(fixture.origin, path("a/missing")))).toBe("not_found");
    expect(["not_a_directory", "not_found"]).toContain(
      await codeOf(listAll(fixture.origin, path("a/file"))),
    );
  });
}

function reads(harness: OriginHarness): void {
  test("reads any stretch of a file, byte for byte", async () => {
    await using fixture = await harness.open();
    const content = patterned(300_001);
    await fixture.put(path("file"), content);
    const { sizeBytes } = await fixture.origin.stat(path("file"));
    expect(sizeBytes).toBe(content.byteLength);
    for (const offset of [0, 1, 4095, 4096, 65_535, 131_072, 299_999, 300_000]) {
      for (const length of [1, 7, 4096, 65_537, 400_000]) {
        const into = new Uint8Array(length);
        const read = await fixture.origin.read(path("file"), offset, into);
        expect(read).toBe(Math.min(length, sizeBytes - offset));
        expect(Bun.hash(into.subarray(0, read))).toBe(
          Bun.hash(content.subarray(offset, offset + read)),
        );
      }
    }
  });

  test("reads more at once than any one message of its protocol holds", async () => {
    await using fixture = await harness.open();
    const content = patterned(5 * 1024 * 1024 + 17);
    await fixture.put(path("file"), content);
    const into = new Uint8Array(6 * 1024 * 1024);
    expect(await fixture.origin.read(path("file"), 1, into)).toBe(content.byteLength - 1);
    expect(Bun.hash(into.subarray(0, content.byteLength - 1))).toBe(Bun.hash(content.subarray(1)));
  });

  test("writes into its part of a larger buffer only", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(10));
    const whole = new Uint8Array(30).fill(0xaa);
    expect(await fixture.origin.read(path("file"), 0, whole.subarray(10, 20))).toBe(10);
    expect(whole.subarray(0, 10)).toEqual(new Uint8Array(10).fill(0xaa));
    expect(whole.subarray(10, 20)).toEqual(patterned(10));
    expect(whole.subarray(20)).toEqual(new Uint8Array(10).fill(0xaa));
  });

  test("reads nothing at or past the end, of an empty file, and when asked for nothing", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(100));
    await fixture.put(path("empty"), new Uint8Array(0));
    const { origin } = fixture;
    const into = new Uint8Array(10);
    expect(await origin.read(path("file"), 100, into)).toBe(0);
    expect(await origin.read(path("file"), 101, into)).toBe(0);
    expect(await origin.read(path("file"), 2 ** 45, into)).toBe(0);
    expect(await origin.read(path("empty"), 0, into)).toBe(0);
    expect(await origin.read(path("file"), 5, new Uint8Array(0))).toBe(0);
    expect((await origin.stat(path("empty"))).sizeBytes).toBe(0);
    expect((await listAll(origin)).get("empty" as ByteName)?.sizeBytes).toBe(0);
  });

  test("serves many reads at once", async () => {
    await using fixture = await harness.open();
    const content = patterned(1_000_000);
    await fixture.put(path("file"), content);
    const results = Array.from({ length: 50 }, async (_, i) => {
      const into = new Uint8Array(10_000);
      expect(await fixture.origin.read(path("file"), i * 19_000, into)).toBe(10_000);
      return Buffer.compare(into, content.subarray(i * 19_000, i * 19_000 + 10_000));
    });
    expect(new Set(await Promise.all(results))).toEqual(new Set([0]));
  });

  if (harness.sparseFiles) {
    test("reads beyond 4 GiB (S-1)", async () => {
      await using fixture = await harness.open();
      const size = 5 * 2 ** 30 + 3;
      const tail = patterned(1000);
      await fixture.putSparse?.(path("large"), size, tail);
      const version = await fixture.origin.stat(path("large"));
      expect(version.sizeBytes).toBe(size);
      const into = new Uint8Array(2000);
      expect(await fixture.origin.read(path("large"), size - 1500, into, { version })).toBe(1500);
      expect(into.subarray(0, 500)).toEqual(new Uint8Array(500));
      expect(into.subarray(500, 1500)).toEqual(tail);
      expect(await fixture.origin.read(path("large"), 2 ** 32 - 5, into)).toBe(2000);
      expect(into).toEqual(new Uint8Array(2000));
    });
  }

  test("says of what it cannot read why", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("directory/file"), bytesOf("x"));
    const read = (at: string) => codeOf(fixture.origin.read(path(at), 0, new Uint8Array(1)));
    expect(await read("missing")).toBe("not_found");
    expect(await read("missing/file")).toBe("not_found");
    expect(["is_a_directory", "not_found"]).toContain(await read("directory"));
    expect(["not_a_directory", "not_found"]).toContain(await read("directory/file/below"));
    expect(await codeOf(fixture.origin.stat(path("missing")))).toBe("not_found");
    expect(["not_a_directory", "not_found"]).toContain(
      await codeOf(fixture.origin.stat(path("directory/file/below"))),
    );
  });
}

function versions(harness: OriginHarness): void {
  const readVersion = async (fixture: OriginFixture, change: () => Promise<void>) => {
    const version = await fixture.origin.stat(path("file"));
    const into = new Uint8Array(8);
    const read = () => fixture.origin.read(path("file"), 0, into, { version });
    expect(await read()).toBe(8);
    const before = into.slice();
    await change();
    into.fill(0);
    const code = await codeOf(read());
    if (code === "resolved") expect(into).toEqual(before);
    return code;
  };
  const held = harness.holdsVersions ? ["resolved" as const] : [];

  test("gives an unchanged file one token", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const first = await fixture.origin.stat(path("file"));
    await fixture.origin.read(path("file"), 0, new Uint8Array(8));
    expect(await fixture.origin.stat(path("file"))).toEqual(first);
  });

  test("refuses to read a version that was replaced by one of another size", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const code = await readVersion(fixture, () => fixture.put(path("file"), patterned(9)));
    expect(["version_changed", ...held]).toContain(code);
    expect(await readAll(fixture.origin, path("file"), 20)).toEqual(patterned(9));
  });

  if (harness.capabilities.strongTokens) {
    test("refuses to read a version that was replaced by one of the same size", async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("12345678"));
      const replaced = () => fixture.put(path("file"), bytesOf("abcdefgh"));
      expect(await readVersion(fixture, replaced)).toBe("version_changed");
    });
  }

  if (harness.editInPlace && harness.capabilities.strongTokens) {
    test("refuses to read a version that was edited in place", async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("12345678"));
      // A clock tick apart, or nothing on earth tells the two versions from each other.
      await Bun.sleep(20);
      const edited = async () => fixture.edit?.(path("file"), 3, bytesOf("x"));
      expect(await readVersion(fixture, edited)).toBe("version_changed");
    });
  }

  test("says that a version is gone when its file is", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(8));
    const code = await readVersion(fixture, () => fixture.remove(path("file")));
    expect(["not_found", "version_changed", ...held]).toContain(code);
    expect(await codeOf(fixture.origin.stat(path("file")))).toBe("not_found");
  });
}

function paths(harness: OriginHarness): void {
  const refused = ["..", ".", "a/..", "a/../a/file", "./a", "/a", "a/", "a//file", "a\0b", "/"];
  for (const bad of [...refused, "x".repeat(256), `a/${"x".repeat(256)}`]) {
    const shown = bad.length > 20 ? `${bad.slice(0, 5)}… of ${bad.length} bytes` : bad;
    test(`refuses the path ${JSON.stringify(shown)}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("a/file"), bytesOf("x"));
      const { origin } = fixture;
      const at = bad as BytePath;
      expect(await codeOf(origin.stat(at))).toBe("bad_name");
      expect(await codeOf(origin.read(at, 0, new Uint8Array(1)))).toBe("bad_name");
      expect(await codeOf(listAll(origin, at))).toBe("bad_name");
    });
  }

  test("says of a path too long for it that there is nothing", async () => {
    await using fixture = await harness.open();
    const deep = Array.from({ length: 3000 }, () => "d").join("/") as BytePath;
    const deeper = Array.from({ length: 50 }, () => "d".repeat(200)).join("/") as BytePath;
    for (const at of [deep, deeper]) {
      expect(["not_found", "bad_name"]).toContain(await codeOf(fixture.origin.stat(at)));
    }
  });
}

function links(harness: OriginHarness, outside: string): void {
  test("follows links beneath the root", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("albums/one/track"), bytesOf("music"));
    await fixture.link?.(path("albums/best"), "one");
    await fixture.link?.(path("albums/one/self"), "../best/track");
    const { origin } = fixture;
    expect([...(await listAll(origin, path("albums/best"))).keys()].sort()).toEqual([
      "self" as ByteName,
      "track" as ByteName,
    ]);
    const entry = (await listAll(origin, path("albums/one"))).get("self" as ByteName);
    expect(entry).toMatchObject({ kind: "file", sizeBytes: 5 });
    expect(await readAll(origin, path("albums/best/self"), 10)).toEqual(bytesOf("music"));
    const best = await origin.stat(path("albums/best"));
    expect(best.kind).toBe("directory");
    const { identity } = await origin.stat(path("albums/one"));
    expect(identity).toBeDefined();
    expect(best.identity).toBe(identity);
  });

  const bad = {
    dangles: ["nowhere", "not_found"],
    "leads to itself": ["link", "symlink_loop"],
    "leads out of the root by ..": ["../../../../../../../../../../etc/passwd", "outside_root"],
    "leads out of the root by its absolute path": [outside, "outside_root"],
  } as const;
  for (const [what, [target, code]] of Object.entries(bad)) {
    test(`leaves out a link that ${what}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("x"));
      await fixture.link?.(path("link"), target);
      const { origin } = fixture;
      expect([...(await listAll(origin)).keys()]).toEqual(["file" as ByteName]);
      // Where the server resolves links it may not tell why one leads nowhere.
      const codes = [code, "not_found", "denied"];
      expect(codes).toContain(await codeOf(origin.stat(path("link"))));
      expect(codes).toContain(await codeOf(origin.read(path("link"), 0, new Uint8Array(1))));
    });
  }

  test("shows by its identity that a link leads to an ancestor", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("a/file"), bytesOf("x"));
    await fixture.link?.(path("a/up"), "..");
    const up = await fixture.origin.stat(path("a/up"));
    expect(up.identity).toBe((await fixture.origin.stat(ROOT_PATH)).identity);
  });
}

function specialFiles(harness: OriginHarness, kinds: readonly SpecialKind[]): void {
  for (const kind of kinds) {
    test(`neither lists nor waits for a ${kind}`, async () => {
      await using fixture = await harness.open();
      await fixture.put(path("file"), bytesOf("x"));
      await fixture.makeSpecial?.(path("special"), kind);
      const { origin } = fixture;
      expect([...(await listAll(origin)).keys()]).toEqual(["file" as ByteName]);
      expect(await codeOf(origin.stat(path("special")))).toBe("not_a_file");
      const read = origin.read(path("special"), 0, new Uint8Array(1));
      expect(["not_a_file", "denied"]).toContain(await codeOf(read));
    });
  }
}

function givingUp(harness: OriginHarness): void {
  test("does nothing for a signal that has aborted before", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(100));
    const { origin } = fixture;
    const signal = AbortSignal.abort("enough");
    const into = new Uint8Array(100);
    expect(await codeOf(origin.read(path("file"), 0, into, { signal }))).toBe("cancelled");
    expect(into).toEqual(new Uint8Array(100));
    expect(await codeOf(origin.stat(path("file"), signal))).toBe("cancelled");
    expect(await codeOf(origin.probe(signal))).toBe("cancelled");
    const listing = origin.list(ROOT_PATH, signal)[Symbol.asyncIterator]();
    expect(await codeOf(listing.next())).toBe("cancelled");
  });

  test("stops when its signal aborts, and leaves the buffer alone from then on", async () => {
    await using fixture = await harness.open();
    await fixture.put(path("file"), patterned(3_000_000));
    const { origin } = fixture;
    const controller = new AbortController();
    const into = new Uint8Array(3_000_000);
    const { signal } = controller;
    const read = codeOf(origin.read(path("file"), 0, into, { signal }));
    const stat = codeOf(origin.stat(path("file"), signal));
    const probe = codeOf(origin.probe(signal));
    const listing = codeOf(origin.list(ROOT_PATH, signal)[Symbol.asyncIterator]().next());
    controller.abort("enough");
    const copy = into.slice();
    expect(await Promise.all([read, stat, probe, listing])).toEqual([
      "cancelled",
      "cancelled",
      "cancelled",
      "cancelled",
    ]);
    await Bun.sleep(30);
    expect(Buffer.compare(into, copy)).toBe(0);
    expect(await origin.read(path("file"), 0, new Uint8Array(10))).toBe(10);
  });

  test("gives no page after its signal has aborted", async () => {
    await using fixture = await harness.open();
    for (let i = 0; i < 3; i++) await fixture.put(path(`${i}`), bytesOf("x"));
    const controller = new AbortController();
    const listing = fixture.origin.list(ROOT_PATH, controller.signal)[Symbol.asyncIterator]();
    await listing.next();
    controller.abort();
    // What ends just then may end as complete.
    const next = listing.next();
    if ((await codeOf(next)) === "resolved") expect((await next).done).toBeTrue();
    expect((await listing.next()).done).toBeTrue();
  });

  test("answers a probe", async () => {
    await using fixture = await harness.open();
    expect(await fixture.origin.probe()).toEqual({ status: "ok" });
  });

  test("refuses everything once it is closed, and may be closed twice", async () => {
    const before = descriptors();
    {
      await using fixture = await harness.open();
      await fixture.put(path("file"), patterned(100));
      const { origin } = fixture;
      const listing = origin.list(ROOT_PATH)[Symbol.asyncIterator]();
      await listing.next();
      await origin.close();
      await origin.close();
      expect(await codeOf(origin.stat(path("file")))).not.toBe("resolved");
      expect(await codeOf(origin.read(path("file"), 0, new Uint8Array(1)))).not.toBe("resolved");
      expect(await codeOf(origin.probe())).not.toBe("resolved");
      expect(await codeOf(listAll(origin))).not.toBe("resolved");
      await listing.return?.();
    }
    if (harness.countDescriptors) await eventually(() => descriptors() <= before);
  });
}

function descriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

/** Waits for what is let go of in the background. */
async function eventually(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 100 && !holds(); tries++) await Bun.sleep(10);
  expect(holds()).toBeTrue();
}
