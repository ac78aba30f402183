/** An index of chunks in a bucket: written where the files lie, read where they are not. */

import { afterAll, beforeAll, expect } from "bun:test";
import { CreateBucketCommand, PutObjectCommand, type S3Client } from "@aws-sdk/client-s3";
import { type S3Server, startS3 } from "../../scripts/servers/index.ts";
import { noise } from "../core/sync/delta/fixture.ts";
import { BINARY, Workspace } from "../e2e/support/musicfs.ts";
import { needing } from "../support/needs.ts";

const { describe, test } = needing("root");
const PATIENCE_MS = 120_000;
const INDEX = "s3://shelf/chunks/disk";
const FILE = "album/1.flac";
const BYTES = noise(1, 4_000_000);
/** Changed in many places, as no tagger does: splicing alone gives up. */
const CHANGED = [500_000, 1_300_000, 2_700_000].reduce((bytes, at) => {
  noise(at, 3000).copy(bytes, at);
  return bytes;
}, Buffer.from(BYTES));

describe("an index published to a bucket (S-4)", () => {
  let s3: S3Server;
  let client: S3Client;

  beforeAll(async () => {
    s3 = await startS3();
    client = s3.client();
    for (const Bucket of ["music", "shelf"]) await client.send(new CreateBucketCommand({ Bucket }));
  }, PATIENCE_MS);

  afterAll(async () => {
    client?.destroy();
    await s3?.[Symbol.asyncDispose]();
  }, PATIENCE_MS);

  /** An S3 origin; its index is in another bucket of the same server. */
  const cloud = (index = INDEX) => `
[[origins]]
id = "cloud"
origin_type = "s3"
bucket = "music"
path = "flac"
region = "${s3.region}"
endpoint = "${s3.endpoint}"
force_path_style = true
credentials = { env = "CLOUD" }
index = "${index}"
`;

  /** The machine where the files lie: it knows of the bucket, and does not show it. */
  function master(index?: string) {
    const workspace = new Workspace("published");
    const disk = workspace.directory("disk");
    const local = `[[origins]]\nid = "disk"\norigin_type = "local"\npath = "${disk}"\n`;
    workspace.config(`${local}${cloud(index)}enabled = false\n`);
    return workspace;
  }

  const run = (workspace: Workspace, args: readonly string[], keys = s3.owner) => {
    const { accessKeyId: CLOUD_ACCESS_KEY_ID, secretAccessKey: CLOUD_SECRET_ACCESS_KEY } = keys;
    return workspace.run([BINARY, ...args, "--config", workspace.path("config.toml")], {
      env: { CLOUD_ACCESS_KEY_ID, CLOUD_SECRET_ACCESS_KEY },
      timeoutMs: PATIENCE_MS,
    });
  };

  const publish = (workspace: Workspace, place: string, keys?: S3Server["owner"]) =>
    run(workspace, ["scan", "disk", "--chunks", "--publish", place, "--json"], keys);

  const json = async (asked: ReturnType<typeof run>) => {
    const { code, stdout, stderr } = await asked;
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(stdout);
  };

  test(
    "makes sync-delta elsewhere fetch just the chunks that changed",
    async () => {
      using here = master();
      using there = new Workspace("reading");
      there.config(cloud());
      const upload = async (bytes: Uint8Array) => {
        here.file(`disk/${FILE}`, bytes);
        const object = { Bucket: "music", Key: `flac/${FILE}`, Body: bytes };
        await client.send(new PutObjectCommand(object));
        return (await json(publish(here, INDEX))).chunks[0].published;
      };
      // A manifest, a page and the head.
      expect(await upload(BYTES)).toMatchObject({ objects: 3, removed: 0 });
      expect((await json(publish(here, INDEX))).chunks[0].published).toMatchObject({ objects: 0 });
      await json(run(there, ["scan", "--json"]));
      await json(run(there, ["cache", "prefetch", ".", "--json"]));
      // And the head that was replaced.
      expect(await upload(CHANGED)).toMatchObject({ objects: 4, removed: 0 });
      await json(run(there, ["scan", "--json"]));
      const synced = await json(run(there, ["sync-delta", "--json"]));
      expect(synced.files).toMatchObject([{ path: FILE, method: "index", reason: null }]);
      expect(synced.totals.fetched_bytes).toBeLessThan(CHANGED.byteLength / 4);
      expect(await json(run(there, ["cache", "verify", "--json"]))).toMatchObject({ bad: [] });
    },
    2 * PATIENCE_MS,
  );

  test(
    "says what is wrong where the bucket cannot be written",
    async () => {
      using here = master("s3://nowhere/x");
      here.file(`disk/${FILE}`, BYTES.subarray(0, 1000));
      const missing = await publish(here, "s3://nowhere/x");
      expect(missing.code).toBe(1);
      expect(missing.stderr).toContain("bucket nowhere does not exist");
      using other = master();
      other.file(`disk/${FILE}`, BYTES.subarray(0, 1000));
      const denied = await publish(other, INDEX, s3.reader);
      expect(denied.code).toBe(1);
      expect(denied.stderr).toContain("the credentials need s3:PutObject");
      const inside = await publish(other, "s3://music/flac/index");
      expect(inside.code).toBe(2);
      expect(inside.stderr).toContain("lies in origin cloud, which is never written to");
    },
    2 * PATIENCE_MS,
  );
});
