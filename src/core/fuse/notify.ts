/**
 * Messages that tell the kernel to forget something, or to keep it. Each is encoded into a Memory of at least
 * {@link NOTIFY_BYTES} and answers its length, to be written to the device in one write(2).
 *
 * That write waits for locks of the kernel which a pending LOOKUP may hold: only a thread on which
 * no request depends may do it. ENOENT says that the kernel knew nothing of it, which is fine.
 */

import type { Memory } from "../sys/memory.ts";
import { EXPIRE_ONLY, NAME_MAX_BYTES, NOTIFY } from "./abi.ts";
import {
  NOTIFY_DELETE_OUT,
  NOTIFY_INVAL_ENTRY_OUT,
  NOTIFY_INVAL_INODE_OUT,
  NOTIFY_STORE_OUT,
  OUT_HEADER,
} from "./layout.ts";
import { putU64 } from "./wire.ts";

const BODY = OUT_HEADER.sizeBytes;

/** Enough for the longest message. */
export const NOTIFY_BYTES = BODY + NOTIFY_DELETE_OUT.sizeBytes + NAME_MAX_BYTES + 1;

/**
 * The name, positive or negative, is looked up again at its next use. `expireOnly` (kernels from
 * 6.2 on: `Negotiated.expireOnly`) leaves alone what is open or mounted below it; without, the
 * entry is unhashed at once and mounts below it are detached.
 */
export function invalidateEntry(
  into: Memory,
  parent: number,
  name: Uint8Array,
  expireOnly: boolean,
): number {
  const out = NOTIFY_INVAL_ENTRY_OUT;
  putU64(into.view, BODY + out.at.parent, parent);
  into.view.setUint32(BODY + out.at.namelen, name.length, true);
  into.view.setUint32(BODY + out.at.flags, expireOnly ? EXPIRE_ONLY : 0, true);
  return finish(into, NOTIFY.INVAL_ENTRY, out.sizeBytes, name);
}

/**
 * As {@link invalidateEntry} for a name that is gone: whoever watches it by inotify sees the
 * deletion. Nothing happens unless the name still stands for `child`.
 */
export function deleteEntry(into: Memory, parent: number, child: number, name: Uint8Array): number {
  const out = NOTIFY_DELETE_OUT;
  putU64(into.view, BODY + out.at.parent, parent);
  putU64(into.view, BODY + out.at.child, child);
  into.view.setUint32(BODY + out.at.namelen, name.length, true);
  into.view.setUint32(BODY + out.at.padding, 0, true);
  return finish(into, NOTIFY.DELETE, out.sizeBytes, name);
}

/**
 * The node's attributes are asked for again, and its pages (for a directory: its cached listing)
 * in the range are dropped. `lengthBytes` 0 means to the end; a negative `offsetBytes` drops the
 * attributes only.
 */
export function invalidateInode(
  into: Memory,
  nodeid: number,
  offsetBytes: number,
  lengthBytes: number,
): number {
  const out = NOTIFY_INVAL_INODE_OUT;
  putU64(into.view, BODY + out.at.ino, nodeid);
  putU64(into.view, BODY + out.at.off, offsetBytes);
  putU64(into.view, BODY + out.at.len, lengthBytes);
  return finish(into, NOTIFY.INVAL_INODE, out.sizeBytes);
}

/** Where the bytes of {@link storeFile} stand. */
export const STORED_AT = BODY + NOTIFY_STORE_OUT.sizeBytes;

/**
 * The node's file consists of the `sizeBytes` bytes that stand at {@link STORED_AT}: the kernel keeps
 * them as if it had read them. It waits for each page that a READ of the node has locked until that is
 * answered; where the node has no READ under way it waits for nobody.
 */
export function storeFile(into: Memory, nodeid: number, sizeBytes: number): number {
  const out = NOTIFY_STORE_OUT;
  putU64(into.view, BODY + out.at.nodeid, nodeid);
  putU64(into.view, BODY + out.at.offset, 0);
  into.view.setUint32(BODY + out.at.size, sizeBytes, true);
  into.view.setUint32(BODY + out.at.padding, 0, true);
  return finish(into, NOTIFY.STORE, out.sizeBytes + sizeBytes);
}

function finish(into: Memory, code: number, bodyBytes: number, name?: Uint8Array): number {
  let length = BODY + bodyBytes;
  if (name !== undefined) {
    into.bytes.set(name, length);
    into.view.setUint8(length + name.length, 0);
    length += name.length + 1;
  }
  into.view.setUint32(OUT_HEADER.at.len, length, true);
  into.view.setInt32(OUT_HEADER.at.error, code, true);
  putU64(into.view, OUT_HEADER.at.unique, 0);
  return length;
}
