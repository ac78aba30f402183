import { afterAll } from "bun:test";
import { startS3 } from "../../scripts/servers/index.ts";
import { S3_CAPABILITIES } from "../../src/core/origins/s3/origin.ts";
import { originConformance } from "../suites/origin.ts";
import { makeBucket } from "../support/buckets.ts";

const server = await startS3();
afterAll(() => server[Symbol.asyncDispose]());

const HARNESS = {
  capabilities: S3_CAPABILITIES,
  emptyDirectories: true,
  editInPlace: false,
  sparseFiles: false,
  // Three pages; Swift takes 10 ms for each object put.
  manyEntries: 2100,
};

originConformance("a bucket", { ...HARNESS, open: () => makeBucket(server) });
originConformance("a part of a bucket", {
  ...HARNESS,
  manyEntries: 10,
  open: () => makeBucket(server, { path: "music + more/päth%20" }),
});
