import { join } from "node:path";
import type { BytePath } from "../../../src/core/bytes.ts";
import { SqliteCatalogReader } from "../../../src/core/catalog/reader.ts";
import { CatalogStore } from "../../../src/core/catalog/store.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { libc } from "../../../src/core/sys/libc.ts";
import { fuseSession } from "../../../src/core/threads/fuse_session.ts";
import { SharedState } from "../../../src/core/threads/shared_state.ts";
import { directoryNode, fileNode } from "../../../src/core/vfs/nodeid.ts";
import { A, directory, file, origin, TempDirectory } from "../../core/catalog/fixture.ts";
import { named, PAGE, request, startedNegotiation, u32, u64 } from "../../core/fuse/requests.ts";
import type { FuzzTarget } from "../target.ts";
import { checkReply } from "./fuse.ts";

const ROOT = 1;
const OWNER = { uid: undefined, gid: undefined, callerUid: 0, callerGid: 0 };
const NONE = u32(0);

/** Requests on the tree that a mount shows, as far as the FUSE thread answers them by itself. */
export const mountedRequests: FuzzTarget = {
  name: "mounted_requests",
  seeds: [
    ...[ROOT, ...[2, 3].map(directoryNode), ...[1, 2, 2 ** 50].map(fileNode)].flatMap((nodeid) => [
      request("LOOKUP", [named("album")], { nodeid }),
      request("GETATTR", [NONE, NONE, u64(0)], { nodeid }),
      request("READDIRPLUS", [u64(0), u64(0), u32(4096), NONE, u64(0), NONE, NONE], { nodeid }),
      request("READDIR", [u64(0), u64(3), u32(500), NONE, u64(0), NONE, NONE], { nodeid }),
      request("OPEN", [NONE, NONE], { nodeid }),
      request("READ", [u64(0), u64(0), u32(4096), NONE, u64(0), NONE, NONE], { nodeid }),
      request("RELEASE", [u64(0), NONE, NONE, u64(0)], { nodeid }),
      request("FLUSH", [u64(0), NONE, NONE, u64(0)], { nodeid }),
      request("LSEEK", [u64(0), u64(0), u32(3), NONE], { nodeid }),
      request("GETXATTR", [u32(256), NONE, named("user.musicfs.origin")], { nodeid }),
      request("LISTXATTR", [u32(256), NONE], { nodeid }),
    ]),
    request("STATFS", []),
    request("INTERRUPT", [u64(2)]),
  ],
  tokens: ["album\0", "track\0", "user.musicfs.path\0", "\0"],
  smokeInputs: 100_000,
  async start() {
    const temporary = new TempDirectory();
    const path = join(temporary.path, "catalog.db");
    const store = CatalogStore.open(path, systemClock);
    await store.configureOrigins([origin(A, 1)]);
    const page = { origin: A, first: true, last: true };
    const root = [directory("album"), directory("unlisted"), file("track", 100_000)];
    await store.applyListing({ ...page, directory: "" as BytePath, entries: root });
    const album = Array.from({ length: 50 }, (_, n) => file(`track ${n}`, n * 1000));
    await store.applyListing({ ...page, directory: "album" as BytePath, entries: album });
    const catalog = new SqliteCatalogReader(path);
    const state = new SharedState();
    let fault: unknown;
    const session = fuseSession(
      { state, catalog, syscalls: libc(), owner: OWNER, defer: () => undefined },
      {
        pageSizeBytes: PAGE,
        negotiated: startedNegotiation(),
        onError: (error) => {
          fault = error;
        },
      },
    );
    return {
      take(input) {
        if (input.byteLength >= 4) {
          new DataView(input.buffer, input.byteOffset).setUint32(0, input.byteLength, true);
        }
        fault = undefined;
        checkReply(session, input, session.handle(input));
        if (fault !== undefined) throw fault;
      },
      async [Symbol.asyncDispose]() {
        catalog.close();
        await store.close();
        temporary[Symbol.dispose]();
      },
    };
  },
};
