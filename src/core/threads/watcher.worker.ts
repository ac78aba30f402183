/**
 * The watcher thread: waits in poll(2) for what happens in the local origins' directories. Requests
 * reach it through its event loop, to which it returns when its bell (an eventfd) was rung: once for
 * every request, after the request was sent.
 */

import type { BytePath } from "../bytes.ts";
import { messageOf } from "../errors.ts";
import { WatchedTree, WatchFailure } from "../sync/watch/watched_tree.ts";
import { EINTR } from "../sys/errno.ts";
import { libc } from "../sys/libc.ts";
import { Memory } from "../sys/memory.ts";
import { workerChannel } from "./worker_scope.ts";

export type WatcherRequest =
  | { readonly kind: "start"; readonly bell: number }
  | { readonly kind: "watch"; readonly id: number; readonly root: string }
  | { readonly kind: "unwatch"; readonly id: number }
  | { readonly kind: "end" };

/** `id` is that of the request; after `lost` nothing more is said of it. */
export type WatcherMessage =
  | { readonly kind: "watching"; readonly id: number; readonly directories: number }
  | { readonly kind: "changed"; readonly id: number; readonly directories: readonly BytePath[] }
  | { readonly kind: "changed_everywhere"; readonly id: number }
  | {
      readonly kind: "lost";
      readonly id: number;
      readonly reason: string;
      readonly forGood: boolean;
    }
  | { readonly kind: "ended" };

/** struct pollfd { int fd; short events; short revents; } */
const POLLFD_BYTES = 8;
const REVENTS = 6;
const POLLIN = 1;
const WAIT_FOR_EVER = -1;
const EVENTFD_BYTES = 8;

const channel = workerChannel<WatcherRequest, WatcherMessage>();
const trees = new Map<number, WatchedTree>();
const rung = new Memory(EVENTFD_BYTES);
let bell = -1;

channel.onMessage((request) => {
  switch (request.kind) {
    case "start":
      bell = request.bell;
      break;
    case "watch":
      watch(request.id, request.root);
      break;
    case "unwatch":
      unwatch(request.id);
      break;
    case "end":
      for (const id of [...trees.keys()]) unwatch(id);
      channel.post({ kind: "ended" });
      return;
  }
  waitForBell();
});

function watch(id: number, root: string): void {
  attempt(id, () => {
    const tree = new WatchedTree(root, libc());
    trees.set(id, tree);
    channel.post({ kind: "watching", id, directories: tree.size });
  });
}

function unwatch(id: number): void {
  trees.get(id)?.[Symbol.dispose]();
  trees.delete(id);
}

function attempt(id: number, work: () => void): void {
  try {
    work();
  } catch (error) {
    unwatch(id);
    const forGood = error instanceof WatchFailure && error.forGood;
    channel.post({ kind: "lost", id, reason: messageOf(error), forGood });
  }
}

function waitForBell(): void {
  const sys = libc();
  let entries = pollEntries();
  for (;;) {
    const ready = sys.poll(entries.address, trees.size + 1, WAIT_FOR_EVER);
    if (ready === -EINTR) continue;
    if (ready < 0) throw new Error(`poll: errno ${-ready}`);
    if (isReady(entries, 0)) {
      // EFD_SEMAPHORE: one request is taken off, and the others ring on.
      sys.read(bell, rung.address, EVENTFD_BYTES);
      return;
    }
    const before = trees.size;
    let index = 0;
    for (const [id, tree] of [...trees]) if (isReady(entries, ++index)) tell(id, tree);
    if (trees.size !== before) entries = pollEntries();
  }
}

function tell(id: number, tree: WatchedTree): void {
  attempt(id, () => {
    const { everything, directories } = tree.changes();
    if (everything) channel.post({ kind: "changed_everywhere", id });
    else if (directories.size > 0) {
      channel.post({ kind: "changed", id, directories: [...directories] });
    }
  });
}

function pollEntries(): Memory {
  const entries = new Memory((trees.size + 1) * POLLFD_BYTES);
  [bell, ...[...trees.values()].map(({ fd }) => fd)].forEach((fd, index) => {
    entries.view.setInt32(index * POLLFD_BYTES, fd, true);
    entries.view.setInt16(index * POLLFD_BYTES + 4, POLLIN, true);
  });
  return entries;
}

function isReady({ view }: Memory, index: number): boolean {
  return view.getInt16(index * POLLFD_BYTES + REVENTS, true) !== 0;
}
