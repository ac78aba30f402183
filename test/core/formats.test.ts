/**
 * What earlier versions of this program wrote is read by this one (test/fixtures/formats). A catalog of an
 * earlier layout may be set aside, since it is made anew from the origins; everything else is used.
 */

import { describe, expect, test } from "bun:test";
import { chmodSync, cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathFromText } from "../../src/core/bytes.ts";
import { SqliteCatalogReader } from "../../src/core/catalog/reader.ts";
import { SCHEMA_VERSION } from "../../src/core/catalog/schema.ts";
import { CatalogStore } from "../../src/core/catalog/store.ts";
import { configOfText } from "../../src/core/config/load.ts";
import { ALBUM, CACHED, LONE, TRACKS } from "../fixtures/formats/library.ts";
import { settle, TestCache } from "./cache/fixture.ts";
import { emptyNode, HandClock, TempDirectory } from "./catalog/fixture.ts";

const FORMATS = join(import.meta.dir, "../fixtures/formats");

/** Versions of which there is a fixture: of `catalog.2.db` it is 2. */
function versionsOf(format: string): readonly number[] {
  const names = readdirSync(FORMATS).map((name) => name.split("."));
  return names.filter(([name]) => name === format).map(([, version]) => Number(version));
}

describe("formats on disk", () => {
  test("every setting that a configuration could have is understood, and means what it meant", async () => {
    const text = readFileSync(join(FORMATS, "config.1.toml"), "utf8");
    const around = { env: {}, uid: 1000, home: "/home/me", workingDirectory: "/" };
    const config = await configOfText(text, "config.1.toml", {}, around);
    expect(config).toMatchObject({
      ...{ mountPoint: "/mnt/music", cacheDir: "/var/cache/music" },
      cache: {
        metadataCacheBytes: 50 * 1024 ** 2,
        contentCacheBytes: 2.5 * 1024 ** 3,
        prefetch: false,
      },
      health: {
        ...{ checkIntervalSecs: 10, timeoutMs: 2000, unhealthyThreshold: 5 },
        perOriginThresholds: { local: 2, sftp: 7 },
      },
      read: { readDeadlineMs: 20_000, hedge: false, failover: "proved", onMismatch: "serve" },
      mount: { allowOther: true, uid: 1000, gid: 1001, passthrough: "off" },
      log: { level: "debug" },
      metrics: { listen: { host: "127.0.0.1", port: 9464 } },
    });
    expect(config.origins).toMatchObject([
      {
        ...{ id: "disk", originType: "local", priority: 1, enabled: true, path: "/srv/music" },
        ...{ prefix: pathFromText("Disk"), exclude: ["*.tmp", "Incoming/**"] },
        ...{ operationTimeoutMs: 20_000, maxConcurrency: 8, cache: true, watch: false },
        ...{ bandwidthLimitBytesPerSec: 10 * 1024 ** 2, pollIntervalSecs: 600 },
        ...{ revalidateSecs: 30, index: "/srv/music.index", indexTrust: true },
      },
      { id: "share", originType: "nfs", requireMount: false, priority: 100 },
      { id: "nas", originType: "smb", requireMount: true },
      {
        ...{ id: "cloud", originType: "s3", bucket: "music", path: "flac", region: "eu-central-1" },
        ...{ endpoint: "https://s3.example.com", forcePathStyle: true, profile: "music" },
        credentials: { from: "env", prefix: "CLOUD" },
      },
      {
        ...{ id: "attic", originType: "sftp", enabled: false, host: "attic.example.com" },
        ...{ port: 2222, user: "me", path: "music", identityFile: "/etc/musicfs/key" },
        ...{ knownHosts: "/etc/musicfs/known_hosts", maxConnections: 2 },
        credentials: { from: "file", path: "/etc/musicfs/attic" },
      },
    ]);
  });

  test.each(versionsOf("catalog"))("a catalog of version %i", async (version) => {
    using place = new TempDirectory();
    const file = join(place.path, "catalog.db");
    cpSync(join(FORMATS, `catalog.${version}.db`), file);
    chmodSync(file, 0o600);
    const store = CatalogStore.open(file, new HandClock());
    const reader = new SqliteCatalogReader(file);
    try {
      if (version === SCHEMA_VERSION) {
        expect(store.notice).toBeUndefined();
        expect(reader.totals()).toMatchObject({ files: 3, directories: 1, bytes: 140_004 });
        const album = emptyNode();
        expect(reader.lookup(1, Buffer.from(ALBUM), album)).toBe(true);
        expect(names(reader, album.entry)).toEqual(TRACKS);
        expect(names(reader, 1)).toEqual([ALBUM, LONE]);
      } else {
        expect(store.notice).toContain(`version ${version}`);
        expect(readdirSync(place.path).some((name) => name.includes("aside"))).toBe(true);
        expect(reader.totals().files).toBe(0);
      }
    } finally {
      reader.close();
      await store.close();
    }
  });

  test.each(versionsOf("content"))("a cache of version %i serves what it has", async (version) => {
    using place = new TempDirectory();
    cpSync(join(FORMATS, `content.${version}`), join(place.path, "content"), { recursive: true });
    using cache = new TestCache(place.path);
    await settle();
    expect(await cache.read(CACHED)).toEqual(CACHED.bytes);
    expect([cache.notices, cache.events]).toEqual([[], []]);
  });
});

function names(reader: SqliteCatalogReader, directory: number): readonly string[] {
  const found: string[] = [];
  reader.list(directory, 0, emptyNode(), (name) => {
    found.push(Buffer.from(name).toString());
    return true;
  });
  return found.sort();
}
