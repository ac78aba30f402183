/** A directory's mtime moves with every name that comes or goes: scanners go by it. */

import type { Node } from "./fuse_replies.ts";
import type { Violate } from "./promises.ts";
import type { Watch } from "./watch.ts";

export interface DirectoryTimesWatchPorts {
  readonly fail: Violate;
}

export class DirectoryTimesWatch implements Watch {
  readonly #shown = new Map<string, { readonly mtime: string; readonly names: string }>();

  constructor(readonly ports: DirectoryTimesWatchPorts) {}

  directoryShown(path: string, node: Node, names: readonly string[]): void {
    const mtime = `${node.inode}: ${node.mtimeSec}.${node.mtimeNsec}`;
    const shown = { mtime, names: names.join(" ") };
    const before = this.#shown.get(path);
    this.#shown.set(path, shown);
    if (before === undefined || before.mtime !== mtime || before.names === shown.names) return;
    const detail = `"${path}" held ${before.names} and holds ${shown.names}`;
    this.ports.fail("a directory's mtime moves with its names", detail);
  }
}
