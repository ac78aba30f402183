/** How a running mount opens its origins: local disks are reached through its reader threads. */

import { OwnError } from "../errors.ts";
import { placementOf } from "../origins/disk/placement.ts";
import { LOCAL_CAPABILITIES, LocalOrigin } from "../origins/local.ts";
import { mayHang } from "../sys/mountinfo.ts";
import type { ReaderPool } from "../threads/reader_pool.ts";
import type { OpenOrigin } from "./origin_set.ts";

export function originOpener(ports: { readonly readers: ReaderPool }): OpenOrigin {
  return async (settings, row) => {
    if (settings.originType !== "local") throw new OwnError("unsupported", "not yet");
    const { id, path } = settings;
    const calls = ports.readers.calls;
    const disk = {
      call: (request: Uint8Array, signal?: AbortSignal) => calls.call(row, path, request, signal),
      close: async () => undefined,
    };
    const mount = placementOf(path);
    const local = mount === undefined || !mayHang(mount.type);
    const origin = new LocalOrigin({ id, type: "local", capabilities: LOCAL_CAPABILITIES, disk });
    return { origin, localRoot: local ? path : undefined };
  };
}
