import { describe, expect, test } from "bun:test";
import { S3_PAGE_KEYS } from "../../../src/core/limits.ts";
import type { Origin } from "../../../src/core/origins/origin.ts";
import { FaultPlan, withFaults } from "../../../src/core/origins/wrappers/faults.ts";
import { Exclusion } from "../../../src/core/sync/exclusion.ts";
import type { ScanProgress } from "../../../src/core/sync/scan_tally.ts";
import { ListedBucket } from "../../support/listed_bucket.ts";
import { type RawBucket, rawBucket } from "../../support/raw_bucket.ts";
import { A } from "../catalog/fixture.ts";
import { brokenInvariants } from "../catalog/invariants.ts";
import { TestLibrary } from "./fixture.ts";

/** A library over a bucket that lists in one go, in wrappers as an origin has them. */
class BucketLibrary implements AsyncDisposable {
  readonly bucket = new ListedBucket();
  readonly origin: Origin;

  private constructor(
    readonly library: TestLibrary,
    readonly raw: RawBucket,
  ) {
    raw.server.answer = this.bucket.answer;
    this.origin = withFaults(raw.origin, new FaultPlan(library.time));
  }

  static async open(albums: number, tracks: number): Promise<BucketLibrary> {
    const raw = await rawBucket(() => undefined, { id: A });
    const made = new BucketLibrary(await TestLibrary.open(), raw);
    for (let album = 0; album < albums; album++) {
      for (let track = 0; track < tracks; track++) made.bucket.put(`al ${album}/tr ${track}`);
    }
    return made;
  }

  get tree(): readonly string[] {
    return this.library.catalog.tree();
  }

  scan(options: Parameters<TestLibrary["scanOf"]>[1] = {}) {
    return this.library.scanOf(this.origin, options);
  }

  /** How many requests `work` takes. */
  async requests(work: () => Promise<unknown>): Promise<number> {
    const { requests } = this.raw.server;
    const before = requests.length;
    await work();
    return requests.length - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.library[Symbol.asyncDispose]();
    await this.raw[Symbol.asyncDispose]();
  }
}

describe("a scan of an origin that lists in one go", () => {
  test("of 20 000 objects takes at most 1.5 times as many requests as pages", async () => {
    await using made = await BucketLibrary.open(1600, 13);
    expect(made.bucket.keys.size).toBe(20_800);
    const pages = Math.ceil(20_800 / S3_PAGE_KEYS);
    expect(await made.requests(() => made.scan())).toBeLessThanOrEqual(1.5 * pages);
    const again = await made.requests(async () => {
      const progress: ScanProgress[] = [];
      const result = await made.scan({ onProgress: (each) => progress.push(each) });
      const sums = { directories: 1601, files: 20_800 };
      expect(result).toMatchObject({ outcome: "complete", ...sums, added: 0, removed: 0 });
      expect(progress.at(-1)).toMatchObject({ ...sums, pending: 0, knownFiles: 20_800 });
    });
    expect(again).toBeLessThanOrEqual(1.5 * pages);
  }, 60_000);

  test("finds what was added, changed and removed, page by page", async () => {
    await using made = await BucketLibrary.open(5, 7);
    const { bucket } = made;
    bucket.pageKeys = 3;
    expect(await made.scan()).toMatchObject({ outcome: "complete", added: 35, files: 35 });
    for (let track = 0; track < 7; track++) bucket.remove(`al 2/tr ${track}`);
    bucket.remove("al 3/tr 6");
    bucket.put("al 0/tr 0");
    bucket.put("al 0/disc 2/tr 1");
    bucket.put("zz");
    const result = await made.scan();
    expect(result).toMatchObject({ outcome: "complete", added: 2, modified: 1, removed: 8 });
    expect(made.tree).not.toContain("al 2/");
    expect(made.tree).toContain("al 0/disc 2/tr 1=1");
    expect(brokenInvariants(made.library.catalog.file)).toEqual([]);
  });

  test("leaves out what is excluded, with all that is below", async () => {
    await using made = await BucketLibrary.open(3, 4);
    made.bucket.put("al 1/a/b/c");
    made.bucket.put("al 2/.DS_Store");
    made.bucket.pageKeys = 2;
    const exclusion = new Exclusion([".DS_Store", "/al 1"]);
    const result = await made.scan({ exclusion });
    expect(result).toMatchObject({ outcome: "complete", files: 8, directories: 3 });
    expect(made.tree.filter((line) => line.startsWith("al 1") || line.includes("DS"))).toEqual([]);
  });

  test("goes directory by directory where the server lists in no order", async () => {
    await using made = await BucketLibrary.open(4, 5);
    await made.scan();
    made.bucket.backwards = true;
    made.bucket.remove("al 3/tr 0");
    const result = await made.scan();
    expect(result).toMatchObject({ outcome: "complete", files: 19, directories: 5, removed: 1 });
    expect(made.raw.server.requests.at(-1)?.target).toContain("delimiter");
  });

  test("that breaks off removes nothing, and the next one all that went", async () => {
    await using made = await BucketLibrary.open(6, 5);
    await made.scan();
    for (let track = 0; track < 5; track++) made.bucket.remove(`al 0/tr ${track}`);
    made.bucket.pageKeys = 4;
    made.bucket.failure = { at: 4, status: 500, code: "InternalError" };
    const failure = await made.scan().catch((error: unknown) => error);
    expect(failure).toMatchObject({ scope: "origin" });
    expect(made.tree).toHaveLength(36);
    made.bucket.failure = undefined;
    expect(await made.scan()).toMatchObject({ outcome: "complete", removed: 5 });
  });

  const GONE = { status: 404, code: "NoSuchBucket" } as const;
  const EXPIRED = { status: 400, code: "ExpiredToken" } as const;
  for (const [what, failure, code] of [
    ["a bucket that is gone", GONE, "misconfigured"],
    ["credentials that have expired", EXPIRED, "credentials"],
  ] as const) {
    test(`keeps every file with ${what}, from the start or in the middle of a scan`, async () => {
      await using made = await BucketLibrary.open(6, 5);
      await made.scan();
      const before = [...made.tree];
      for (let album = 0; album < 5; album++) {
        for (let track = 0; track < 5; track++) made.bucket.remove(`al ${album}/tr ${track}`);
      }
      made.bucket.put("al 6/tr 0");
      made.bucket.pageKeys = 2;
      for (const at of [0, 1, 2]) {
        made.bucket.failure = { at, ...failure };
        const error = await made.scan({ allowEmpty: true }).catch((thrown: unknown) => thrown);
        expect(error).toMatchObject({ code, scope: "origin" });
        expect(made.tree.filter((line) => !line.startsWith("al 6"))).toEqual(before);
      }
      expect(made.library.events.at(-1)).toMatchObject({
        type: "scan_finished",
        outcome: "failed",
      });
      made.bucket.failure = undefined;
      expect(await made.scan()).toMatchObject({ outcome: "held", kept: 25 });
      expect(await made.scan({ allowEmpty: true })).toMatchObject({ removed: 25 });
    });
  }
});
