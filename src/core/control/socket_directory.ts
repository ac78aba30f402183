/**
 * The directory of the control sockets. Its permissions and those of the sockets are the access
 * control: the directory is 0700, a socket 0600, both are the user's own, and everyone looks before
 * using them. What was looked at is what is used: sockets are reached through the directory's open
 * descriptor, which also makes any path short enough for a socket's address.
 */

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";
import { displayText } from "../bytes.ts";
import { ownDirectory } from "../config/own_file.ts";
import { messageOf, OwnError } from "../errors.ts";

const OTHERS = 0o077;

export class SocketDirectory implements Disposable {
  #fd: number | undefined;

  private constructor(
    readonly path: string,
    readonly uid: number,
    fd: number,
  ) {
    this.#fd = fd;
  }

  /**
   * The directory, opened; undefined when there is none. Throws OwnError `config` unless it is
   * `uid`'s own and nobody else's to use.
   */
  static open(path: string, uid: number): SocketDirectory | undefined {
    const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
    let fd: number;
    try {
      fd = openSync(path, flags);
    } catch (error) {
      if (isNothingThere(path)) return undefined;
      throw refusal(path, messageOf(error), error);
    }
    const directory = new SocketDirectory(path, uid, fd);
    try {
      const stat = fstatSync(fd);
      if (stat.uid !== uid) throw refusal(path, `it belongs to user ${stat.uid}, not ${uid}`);
      if ((stat.mode & OTHERS) !== 0) {
        throw refusal(path, `other users may use it (mode ${octal(stat.mode)}, not 0700)`);
      }
      return directory;
    } catch (error) {
      directory[Symbol.dispose]();
      throw error;
    }
  }

  /** As `open`, but makes the directory, or its mode 0700, where that is missing. */
  static make(path: string, uid: number): SocketDirectory {
    ownDirectory(path, "directory of control sockets", uid);
    const directory = SocketDirectory.open(path, uid);
    if (directory !== undefined) return directory;
    throw refusal(path, "it cannot be opened");
  }

  /** The address by which a socket of this name is bound and connected to. */
  address(name: string): string {
    return `/proc/self/fd/${this.#fd}/${name}`;
  }

  names(): readonly string[] {
    return readdirSync(this.address("."));
  }

  /**
   * True for a socket that only this user can connect to; false when there is none of this name.
   * Throws `config` for what is there and is no such socket.
   */
  isOwnSocket(name: string): boolean {
    const stat = lstatSync(this.address(name), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    const path = join(this.path, name);
    if (!stat.isSocket()) throw refusal(path, "it is not a socket");
    if (stat.uid !== this.uid) {
      throw refusal(path, `it belongs to user ${stat.uid}, not ${this.uid}`);
    }
    if ((stat.mode & OTHERS) !== 0) {
      throw refusal(path, `other users may use it (mode ${octal(stat.mode)}, not 0600)`);
    }
    return true;
  }

  /** Gives the socket that is bound as `from` its name and mode: from then on it may be used. */
  publish(from: string, name: string): void {
    chmodSync(this.address(from), 0o600);
    renameSync(this.address(from), this.address(name));
  }

  remove(name: string): void {
    rmSync(this.address(name), { force: true });
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function refusal(path: string, why: string, cause?: unknown): OwnError {
  return new OwnError(
    "config",
    `${displayText(path)} is not used for talking to mounts: ${why}; after a look at it, remove it`,
    { cause },
  );
}

/** Below a directory that is not ours to search, and below what is none, there is nothing of ours. */
function isNothingThere(path: string): boolean {
  try {
    lstatSync(path);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error;
  }
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}
