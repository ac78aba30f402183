/**
 * Files that the kernel reads by itself (FUSE passthrough, protocol 7.40).
 *
 * Per nodeid the mode is fixed while any handle is open and there is one backing id, counted here:
 * mixed modes or two ids make the kernel answer EIO to the open.
 */

import { EOPNOTSUPP, EPERM } from "../sys/errno.ts";

export interface BackingFiles {
  /** Registers a descriptor with the connection; the backing id, or a negative errno. */
  open(fd: number): number;
  close(backingId: number): void;
}

/** In place of a backing id: the main thread decides on this node, until no handle of it is open. */
export const MAIN_DECIDES = -1;

interface NodeMode {
  /** 0: not passed through; MAIN_DECIDES. */
  readonly backingId: number;
  readonly handles: Set<number>;
}

/** Nodes looked at before closed handles are searched for the first time. */
const FIRST_SWEEP_NODES = 256;

export class Passthrough {
  readonly #nodes = new Map<number, NodeMode>();
  /** Set once the kernel said that it never will; nothing is tried any more. */
  #refused = false;
  #sweepAt = FIRST_SWEEP_NODES;

  /**
   * `isOpen` tells of a handle whether it still is: an OPEN that another thread took over and that
   * failed is never released.
   */
  constructor(
    readonly backing: BackingFiles,
    readonly isOpen: (fh: number) => boolean,
  ) {}

  /**
   * One more handle on a node. `fd` is what to pass through to, or -1. Answers the backing id, or 0
   * when the node is read through us.
   */
  opened(nodeid: number, fh: number, fd: number): number {
    return this.#join(nodeid, fh, () => this.#register(fd));
  }

  /**
   * One more handle, whose OPEN the main thread answers: with the backing id that is answered here, 0
   * to read through us, or as it likes (MAIN_DECIDES), alike for all handles of the node.
   */
  handedOver(nodeid: number, fh: number): number {
    return this.#join(nodeid, fh, () => MAIN_DECIDES);
  }

  /** Whether a handle of the node is open, so that its mode is settled. */
  has(nodeid: number): boolean {
    this.#forgetClosed(nodeid);
    return this.#nodes.has(nodeid);
  }

  /** Whether the node was handed over, and is open: all its opens are the main thread's. */
  isMains(nodeid: number): boolean {
    this.#forgetClosed(nodeid);
    return this.#nodes.get(nodeid)?.backingId === MAIN_DECIDES;
  }

  released(nodeid: number, fh: number): void {
    const node = this.#nodes.get(nodeid);
    if (node?.handles.delete(fh)) this.#closeUnused(nodeid, node);
  }

  /** Nodes with open handles, for leak checks. */
  get nodeCount(): number {
    return this.#nodes.size;
  }

  #join(nodeid: number, fh: number, first: () => number): number {
    this.#forgetClosed(nodeid);
    if (this.#nodes.size >= this.#sweepAt) this.#sweep();
    const known = this.#nodes.get(nodeid);
    if (known !== undefined) {
      known.handles.add(fh);
      return known.backingId;
    }
    const backingId = first();
    this.#nodes.set(nodeid, { backingId, handles: new Set([fh]) });
    return backingId;
  }

  #register(fd: number): number {
    if (this.#refused || fd < 0) return 0;
    const backingId = this.backing.open(fd);
    if (backingId > 0) return backingId;
    // ELOOP (the file lies on a stacked file system) concerns this file: we read it ourselves.
    this.#refused ||= backingId === -EPERM || backingId === -EOPNOTSUPP;
    return 0;
  }

  #forgetClosed(nodeid: number): void {
    const node = this.#nodes.get(nodeid);
    if (node === undefined) return;
    for (const fh of node.handles) if (!this.isOpen(fh)) node.handles.delete(fh);
    this.#closeUnused(nodeid, node);
  }

  #closeUnused(nodeid: number, node: NodeMode): void {
    if (node.handles.size > 0) return;
    this.#nodes.delete(nodeid);
    if (node.backingId > 0) this.backing.close(node.backingId);
  }

  #sweep(): void {
    for (const nodeid of this.#nodes.keys()) this.#forgetClosed(nodeid);
    this.#sweepAt = Math.max(FIRST_SWEEP_NODES, this.#nodes.size * 2);
  }
}
