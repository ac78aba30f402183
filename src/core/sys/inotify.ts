/** inotify(7): constants and the layout of what its descriptor is read for (linux/inotify.h). */

import type { Memory } from "./memory.ts";

export const IN_ATTRIB = 0x4;
export const IN_CLOSE_WRITE = 0x8;
export const IN_MOVED_FROM = 0x40;
export const IN_MOVED_TO = 0x80;
export const IN_CREATE = 0x100;
export const IN_DELETE = 0x200;
export const IN_DELETE_SELF = 0x400;
export const IN_MOVE_SELF = 0x800;
export const IN_UNMOUNT = 0x2000;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_IGNORED = 0x8000;
export const IN_ONLYDIR = 0x0100_0000;
export const IN_ISDIR = 0x4000_0000;

/** Flags of inotify_init1: those of open(2). */
export { O_CLOEXEC as IN_CLOEXEC, O_NONBLOCK as IN_NONBLOCK } from "./arch.ts";

const WATCH = 0;
const MASK = 4;
const LENGTH = 12;
const NAME = 16;

/** One `struct inotify_event`. */
export interface InotifyEvent {
  readonly watch: number;
  readonly mask: number;
  /** The name in the watched directory as a byte string; "" for the directory itself. */
  readonly name: string;
}

/** The events in the first `lengthBytes` of `memory`. */
export function* inotifyEvents(memory: Memory, lengthBytes: number): Generator<InotifyEvent> {
  const { view, bytes, buffer } = memory;
  for (let at = 0; at + NAME <= lengthBytes; ) {
    const nameBytes = view.getUint32(at + LENGTH, true);
    const start = at + NAME;
    const end = bytes.indexOf(0, start);
    const length = nameBytes === 0 ? 0 : Math.min(end < 0 ? nameBytes : end - start, nameBytes);
    yield {
      watch: view.getInt32(at + WATCH, true),
      mask: view.getUint32(at + MASK, true),
      name: Buffer.from(buffer, start, length).toString("latin1"),
    };
    at = start + nameBytes;
  }
}
