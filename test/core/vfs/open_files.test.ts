import { expect, test } from "bun:test";
import type { CatalogReader } from "../../../src/core/catalog/catalog.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import { fileNode } from "../../../src/core/vfs/nodeid.ts";
import { OpenFiles } from "../../../src/core/vfs/open_files.ts";
import { ServedReads } from "../../../src/core/vfs/served_reads.ts";

test("OpenFiles takes no handle for a file whose replicas cannot be read", () => {
  const { handles, routing, seams } = new SharedState();
  const catalog = {
    version: () => true,
    replicas: () => {
      throw new Error("database is locked");
    },
  } as Partial<CatalogReader> as CatalogReader;
  const files = new OpenFiles({
    ...{ catalog, handles, routing, seams, served: new ServedReads(), syscalls: libc() },
    readers: { open: () => false, read: () => false, fetchHeads: () => undefined },
    defer: () => undefined,
  });
  const context = { unique: 1, uid: 0, gid: 0, pid: 1, request: new Uint8Array() };
  const out = { fh: 0, flags: 0, backingId: 0 };
  expect(() => files.open(context, fileNode(1), out)).toThrow("database is locked");
  expect(handles.openCount()).toBe(0);
});
