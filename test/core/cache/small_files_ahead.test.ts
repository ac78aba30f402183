import { describe, expect, test } from "bun:test";
import { FILES_AHEAD_MS, FIRST_FILES_AHEAD } from "../../../src/core/cache/small_files_ahead.ts";
import { OriginError, OwnError } from "../../../src/core/errors.ts";
import { BLOCK_BYTES, OPEN_AHEAD_FILES } from "../../../src/core/limits.ts";
import type { OriginId } from "../../../src/core/origins/origin.ts";
import { KIB, ReaderSetting, type TestFile, testFile } from "./slow_source.ts";

/** A directory of files, listed in this order, and somebody who reads them. */
class Directory {
  readonly setting: ReaderSetting;
  /** What asking for files that follow fails with. */
  failure: Error | undefined;

  constructor(readonly files: readonly TestFile[]) {
    this.setting = new ReaderSetting({
      smallFilesAfter: (version, maxFiles) => {
        if (this.failure !== undefined) throw this.failure;
        return files.filter((file) => file.version > version).slice(0, maxFiles);
      },
    });
  }

  static of(count: number, sizeBytes = 4 * KIB): Directory {
    return new Directory(Array.from({ length: count }, (_, at) => testFile(sizeBytes, at + 1)));
  }

  /** Opens the files one after the other, reads each, and closes it; answers where the bytes were. */
  async read(...versions: readonly number[]): Promise<string[]> {
    const from: string[] = [];
    for (const version of versions) {
      const file = this.files[version - 1]?.again();
      if (file === undefined) throw new Error("no such file");
      const { originBytes } = await this.setting.get(file, 0, file.sizeBytes);
      this.setting.reader.release(file);
      await this.setting.clock.advance(1);
      from.push(originBytes > 0 ? "origin" : "memory");
    }
    return from;
  }

  /** Versions fetched in the background since the last call, in order. */
  ahead(): number[] {
    const { requests } = this.setting;
    const ahead = requests.splice(0).filter(({ background }) => background);
    return ahead.map(({ path }) => Number(/(\d+)\.flac$/.exec(path)?.[1]));
  }

  /** Nobody has anything open: this is left. */
  get left() {
    const { memoryBytes, versions } = this.setting.reader.usage;
    return { memoryBytes, versions, timers: this.setting.clock.pendingTimers };
  }
}

const NOTHING = { memoryBytes: 0, versions: 0, timers: 0 };
const range = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, at) => from + at);

describe("small files that are read one after the other", () => {
  test("are fetched ahead from the second on, side by side, each once", async () => {
    const directory = Directory.of(200);
    expect(await directory.read(1)).toEqual(["origin"]);
    expect(directory.ahead()).toEqual([]);
    expect(await directory.read(2)).toEqual(["origin"]);
    expect(directory.ahead()).toEqual(range(3, 2 + FIRST_FILES_AHEAD));
    const rest = await directory.read(...range(3, 200));
    // Those that were asked for last may be on their way still, when their reader comes.
    expect(rest.filter((from) => from === "memory").length).toBeGreaterThan(150);
    expect(directory.ahead()).toEqual(range(3 + FIRST_FILES_AHEAD, 200));
    await directory.setting.clock.advance(2 * FILES_AHEAD_MS);
    expect(directory.left).toEqual(NOTHING);
  });

  test("are fetched as far ahead as OPEN_AHEAD_FILES, and wait for their reader", async () => {
    const directory = Directory.of(500);
    await directory.read(...range(1, 100));
    const last = Math.max(...directory.ahead());
    expect(last - 100).toBeGreaterThanOrEqual(OPEN_AHEAD_FILES / 2);
    expect(last - 100).toBeLessThanOrEqual(OPEN_AHEAD_FILES);
    expect(directory.left.versions).toBe(last - 100);
    await directory.setting.clock.advance(FILES_AHEAD_MS / 2);
    expect(await directory.read(...range(101, last))).not.toContain("origin");
  });

  test("are dropped when nobody comes for them", async () => {
    const directory = Directory.of(50);
    await directory.read(1, 2);
    await directory.setting.clock.advance(FILES_AHEAD_MS);
    expect(directory.left).toEqual(NOTHING);
    // Who goes on all the same shows first that he does.
    expect(await directory.read(3, 4)).toEqual(["memory", "memory"]);
  });

  test("are dropped, and not fetched to their end, when the mount ends", async () => {
    const directory = Directory.of(50);
    await directory.read(1);
    const reading = directory.setting.read(directory.files[1]?.again() ?? testFile(1), 0, 10);
    await directory.setting.clock.advance(1);
    expect(directory.setting.active).toBe(1 + FIRST_FILES_AHEAD);
    directory.setting.reader.close();
    await directory.setting.clock.advance(1);
    expect(directory.setting.active).toBe(1);
    await directory.setting.clock.run(reading);
  });
});

describe("nothing is fetched ahead", () => {
  test("for who reads files out of order, or every other one", async () => {
    const directory = Directory.of(50);
    await directory.read(9, 1, 5, 3, 8, 10, 12, 14, 13, 12, 11);
    expect(directory.ahead()).toEqual([]);
    expect(directory.left).toEqual(NOTHING);
  });

  test("for who looks at large files", async () => {
    const directory = Directory.of(10, BLOCK_BYTES + 1);
    await directory.read(...range(1, 5));
    expect(directory.ahead()).toEqual([]);
  });

  test("for who reads one file again and again, through one handle or several", async () => {
    const directory = Directory.of(10);
    await directory.read(1);
    const file = directory.files[1]?.again() ?? testFile(1);
    await directory.setting.get(file, 0, 10);
    const before = directory.ahead().length;
    await directory.setting.get(file, 10, 10);
    await directory.read(2, 2);
    expect(before).toBe(FIRST_FILES_AHEAD);
    expect(directory.ahead()).toEqual([]);
  });

  test("from origins whose files are not read in blocks", async () => {
    const disk = "disk" as OriginId;
    const files = range(1, 9).map((version) =>
      version < 3 ? testFile(100, version) : testFile(100, version, disk),
    );
    const directory = new Directory(files);
    await directory.read(1, 2);
    expect(directory.ahead()).toEqual([]);
    await directory.setting.clock.advance(FILES_AHEAD_MS);
    expect(directory.left).toEqual(NOTHING);
  });

  test("of what the cache's disk has", async () => {
    const directory = Directory.of(6);
    for (const version of [4, 3]) await directory.read(version);
    directory.ahead();
    await directory.read(1, 2);
    expect(directory.ahead()).toEqual([5, 6]);
  });
});

describe("a read is served all the same", () => {
  test("when what was fetched ahead of it failed", async () => {
    const directory = Directory.of(6);
    await directory.read(1);
    const down = () => new OriginError("connection", "bucket", "", "refused");
    directory.setting.failures.push(undefined, down(), down(), down(), down());
    await directory.read(2);
    expect(directory.ahead()).toEqual([3, 4, 5, 6]);
    expect(await directory.read(3, 4, 5, 6)).toEqual(Array(4).fill("origin"));
  });

  test("when the catalog does not tell which files follow", async () => {
    const directory = Directory.of(6);
    directory.failure = new OwnError("catalog", "the catalog is damaged");
    expect(await directory.read(1, 2, 3)).toEqual(Array(3).fill("origin"));
  });
});
