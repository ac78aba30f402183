/** What a mount keeps of the cache when files are renamed on its origins. */

import { describe, expect } from "bun:test";
import { renameSync } from "node:fs";
import { join } from "node:path";
import { noise } from "../core/sync/delta/fixture.ts";
import { needing } from "../support/needs.ts";
import { BINARY, Mount, Workspace } from "./support/musicfs.ts";

describe("a file renamed on a disk of this machine (S-4)", () => {
  needing("root", "fuse").test(
    "keeps what is cached",
    async () => {
      using workspace = new Workspace("renamed");
      const content = noise(3, 3_000_000);
      const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex");
      // Of several: an origin that loses all it has is held.
      for (const name of ["old name", "second", "third"]) {
        workspace.file(join("disk", name), content);
      }
      const config = workspace.config(
        `[[origins]]\nid = "disk"\norigin_type = "local"\ncache = true\n` +
          `path = "${workspace.path("disk")}"\n`,
      );
      const asked = async (...args: readonly string[]) =>
        JSON.parse(await workspace.must([BINARY, ...args, "--json", ...config]));
      await using mount = await Mount.scanned(workspace, config);
      await asked("cache", "prefetch", "old name");
      renameSync(workspace.path("disk", "old name"), workspace.path("disk", "new name"));
      await mount.logged("synced cached files");
      const fetched = await asked("cache", "prefetch", "new name");
      expect(fetched).toMatchObject({ bytes: content.byteLength, fetched_bytes: 0, failed: [] });
      expect(await workspace.shell('sha256sum < "$1/new name"')).toBe(`${hash}  -\n`);
    },
    120_000,
  );
});
