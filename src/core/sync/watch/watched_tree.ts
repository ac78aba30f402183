/**
 * The directories of one local origin, watched by inotify(7). A watch belongs to an inode, so a
 * directory that symbolic links lead to has one watch and several paths; a change is told for each.
 *
 * A directory is watched before its entries are read: what is created in between is seen by one or
 * the other. Every directory that joins later is told as changed, since nobody has listed it yet.
 */

import {
  type ByteName,
  type BytePath,
  baseName,
  isValidName,
  joinPath,
  ROOT_PATH,
} from "../../bytes.ts";
import { MAX_DEPTH } from "../../limits.ts";
import { Beneath } from "../../origins/disk/beneath.ts";
import { DIRENT } from "../../origins/disk/dirents.ts";
import { DiskRoot } from "../../origins/disk/root.ts";
import { arch, O_CLOEXEC, O_NONBLOCK, O_RDONLY } from "../../sys/arch.ts";
import { EAGAIN, EINTR, EMFILE, ENOSPC, errnoName } from "../../sys/errno.ts";
import * as inotify from "../../sys/inotify.ts";
import { cString, type Syscalls } from "../../sys/libc.ts";
import { Memory } from "../../sys/memory.ts";

const DIRECTORY_FLAGS = O_RDONLY | arch.O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
const EVENTS =
  inotify.IN_ATTRIB |
  inotify.IN_CLOSE_WRITE |
  inotify.IN_MOVED_FROM |
  inotify.IN_MOVED_TO |
  inotify.IN_CREATE |
  inotify.IN_DELETE |
  inotify.IN_DELETE_SELF |
  inotify.IN_MOVE_SELF |
  inotify.IN_ONLYDIR;
const JOINS = inotify.IN_CREATE | inotify.IN_MOVED_TO;
const LEAVES = inotify.IN_DELETE | inotify.IN_MOVED_FROM;
const ENDS = inotify.IN_DELETE_SELF | inotify.IN_MOVE_SELF | inotify.IN_UNMOUNT;

/** Room for thousands of events of short names. */
const BUFFER_BYTES = 64 * 1024;

/** The tree cannot be watched any more; `forGood`: it makes no sense to try again soon. */
export class WatchFailure extends Error {
  constructor(
    message: string,
    readonly forGood: boolean,
  ) {
    super(message);
  }
}

/** What happened since the last look. */
export interface TreeChanges {
  /** Directories whose entries changed. */
  readonly directories: ReadonlySet<BytePath>;
  /** Some events were lost: anything may have changed. */
  readonly everything: boolean;
}

interface Directory {
  readonly path: BytePath;
  readonly watch: number;
  readonly outer: Directory | undefined;
  readonly inner: Map<ByteName, Directory>;
}

export class WatchedTree implements Disposable {
  /** The descriptor that becomes readable when something happened. */
  readonly fd: number;
  readonly #root: DiskRoot;
  readonly #beneath: Beneath;
  readonly #buffer = new Memory(BUFFER_BYTES);
  /** Usually one directory each; more where links lead to it. */
  readonly #byWatch = new Map<number, Set<Directory>>();
  #top: Directory | undefined;

  /** Watches every directory below `rootPath`, which takes a while. Throws WatchFailure, or DiskFailure for the root. */
  constructor(
    rootPath: string,
    readonly syscalls: Syscalls,
  ) {
    this.#root = new DiskRoot(rootPath, syscalls, () => 0);
    this.#beneath = new Beneath(this.#root, syscalls);
    this.fd = syscalls.inotifyInit(inotify.IN_CLOEXEC | inotify.IN_NONBLOCK);
    if (this.fd < 0) throw refused(this.fd);
    try {
      this.#watchAll();
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** Directories watched. */
  get size(): number {
    return this.#byWatch.size;
  }

  /** Takes what happened without waiting. Throws WatchFailure when the tree is lost. */
  changes(): TreeChanges {
    const directories = new Set<BytePath>();
    for (;;) {
      const { address } = this.#buffer;
      const length = this.syscalls.read(this.fd, address, BUFFER_BYTES);
      if (length === -EINTR) continue;
      if (length === -EAGAIN) return { directories, everything: false };
      if (length < 0) throw new WatchFailure(`reading inotify: ${errnoName(length)}`, false);
      let overflown = false;
      for (const event of inotify.inotifyEvents(this.#buffer, length)) {
        if ((event.mask & inotify.IN_Q_OVERFLOW) !== 0) overflown = true;
        else this.#take(event, directories);
      }
      if (!overflown) continue;
      // Directories may have come without an event. Those that went are noticed by their watch's end.
      this.#watchAll();
      return { directories, everything: true };
    }
  }

  [Symbol.dispose](): void {
    this.#root.close();
    if (this.fd >= 0) this.syscalls.close(this.fd);
  }

  #take({ watch, mask, name }: inotify.InotifyEvent, changed: Set<BytePath>): void {
    const directories = this.#byWatch.get(watch);
    if (directories === undefined) return;
    for (const directory of [...directories]) {
      if ((mask & inotify.IN_IGNORED) !== 0) this.#forget(directory);
      else if (directory === this.#top && (mask & ENDS) !== 0) throw lost(mask);
      else if (name === "") changed.add(directory.path);
      else if (isValidName(name)) {
        changed.add(directory.path);
        this.#turnover(directory, name, mask, changed);
      }
    }
  }

  /** A name came, went or changed. */
  #turnover(directory: Directory, name: ByteName, mask: number, changed: Set<BytePath>): void {
    if ((mask & (JOINS | LEAVES)) === 0) return;
    const known = directory.inner.get(name);
    if (known !== undefined) this.#forget(known);
    if ((mask & JOINS) === 0) return;
    this.#withRoot(() => this.#walk(directory, name, (added) => void changed.add(added.path)));
  }

  #watchAll(): void {
    if (this.#top !== undefined) this.#forget(this.#top);
    this.#withRoot(() => {
      this.#top = this.#add(undefined, undefined);
      if (this.#top === undefined) throw new WatchFailure("its directory is gone", false);
      this.#walkBelow(this.#top, () => undefined);
    });
  }

  /** The root is open only while it is used: an open one would keep its disk from being unmounted. */
  #withRoot(work: () => void): void {
    try {
      work();
    } finally {
      this.#root.close();
    }
  }

  #walk(outer: Directory, name: ByteName, onAdded: (added: Directory) => void): void {
    const added = this.#add(outer, name);
    if (added === undefined) return;
    onAdded(added);
    this.#walkBelow(added, onAdded);
  }

  #walkBelow(top: Directory, onAdded: (added: Directory) => void): void {
    const pending = [top];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      for (const name of this.#namesIn(next)) {
        if (next.inner.has(name)) continue;
        const added = this.#add(next, name);
        if (added === undefined) continue;
        onAdded(added);
        pending.push(added);
      }
    }
  }

  /** Watches one directory; undefined for what is none, is gone, leads outside or back into itself. */
  #add(outer: Directory | undefined, name: ByteName | undefined): Directory | undefined {
    const path = outer === undefined || name === undefined ? ROOT_PATH : joinPath(outer.path, name);
    if (path.split("/").length > MAX_DEPTH) return undefined;
    const fd = this.#beneath.open(path, DIRECTORY_FLAGS);
    if (fd < 0) return undefined;
    try {
      const link = cString(`/proc/self/fd/${fd}`);
      const watch = this.syscalls.inotifyAddWatch(this.fd, link.address, EVENTS);
      if (watch === -ENOSPC || watch === -EMFILE) throw refused(watch);
      if (watch < 0) return undefined;
      for (let around = outer; around !== undefined; around = around.outer) {
        if (around.watch === watch) return undefined;
      }
      const directory: Directory = { path, watch, outer, inner: new Map() };
      const same = this.#byWatch.get(watch);
      if (same === undefined) this.#byWatch.set(watch, new Set([directory]));
      else same.add(directory);
      if (outer !== undefined && name !== undefined) outer.inner.set(name, directory);
      return directory;
    } finally {
      this.syscalls.close(fd);
    }
  }

  /** What may be a directory in a directory. */
  #namesIn({ path }: Directory): ByteName[] {
    const fd = this.#beneath.open(path, DIRECTORY_FLAGS);
    if (fd < 0) return [];
    const names: ByteName[] = [];
    try {
      for (
        let page = this.#beneath.entries(fd);
        page !== undefined;
        page = this.#beneath.entries(fd)
      )
        for (const { name, type } of page) if (type !== DIRENT.file) names.push(name);
    } finally {
      this.syscalls.close(fd);
    }
    return names;
  }

  /** Lets go of a directory and what is below it. */
  #forget(top: Directory): void {
    if (top.outer !== undefined) {
      const name = baseName(top.path);
      if (top.outer.inner.get(name) === top) top.outer.inner.delete(name);
    }
    const pending = [top];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      pending.push(...next.inner.values());
      const same = this.#byWatch.get(next.watch);
      same?.delete(next);
      if (same?.size !== 0) continue;
      this.#byWatch.delete(next.watch);
      // EINVAL when the directory itself is gone: the kernel has dropped the watch.
      this.syscalls.inotifyRemoveWatch(this.fd, next.watch);
    }
  }
}

function lost(mask: number): WatchFailure {
  const how = (mask & inotify.IN_UNMOUNT) !== 0 ? "was unmounted" : "was moved or removed";
  return new WatchFailure(`its directory ${how}`, false);
}

function refused(errno: number): WatchFailure {
  const limit =
    errno === -ENOSPC ? "max_user_watches" : errno === -EMFILE ? "max_user_instances" : undefined;
  if (limit === undefined) return new WatchFailure(`inotify fails: ${errnoName(errno)}`, true);
  return new WatchFailure(
    `the limit fs.inotify.${limit} is reached; raise it: sysctl fs.inotify.${limit}=…`,
    true,
  );
}
