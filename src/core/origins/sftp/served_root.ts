/**
 * The directory an origin serves, on one connection: paths in it, and whether what they lead to is
 * still in it.
 *
 * SFTP has no way to open a path beneath a directory, so staying inside is best effort: symbolic
 * links are followed by the server, and the path it says they end at (REALPATH) is compared with
 * the root's. A link that is changed between the two is not noticed, nor is one on a server whose
 * REALPATH does not follow links.
 */

import { type BytePath, isValidName } from "../../bytes.ts";
import { S_IFDIR, S_IFMT, S_IFREG } from "../../sys/arch.ts";
import type { FileStat } from "../origin.ts";
import { hasStatus, ObjectError } from "./errors.ts";
import { type Attributes, ProtocolViolation, Status } from "./packet.ts";
import type { SftpSession } from "./session.ts";

const PERMISSIONS = 0o7777;
/** PATH_MAX of the servers that there are; longer paths are not asked for. */
const PATH_MAX_BYTES = 4095;

/** What a path leads to. */
export interface Found {
  readonly attributes: Attributes;
  /** Where it is without symbolic links; undefined where the server does not say. */
  readonly realPath: string | undefined;
}

/** A root as a person writes it, as a byte string without a trailing slash; `.` is the login's. */
export function serverRoot(path: string): string {
  const text = path.replace(/^~(?:\/+|$)/, "").replace(/(?<=.)\/+$/, "");
  return Buffer.from(text === "" ? "." : text, "utf8").toString("latin1");
}

export class ServedRoot {
  readonly #session: SftpSession;
  readonly #path: string;
  #realPath: Promise<string | undefined> | undefined;

  constructor(session: SftpSession, path: string) {
    this.#session = session;
    this.#path = path;
  }

  /** A path of the origin as the server is asked for it; throws {@link ObjectError} `bad_name`. */
  serverPath(path: BytePath): string {
    if (path === "") return this.#path;
    if (!path.split("/").every(isValidName)) {
      throw new ObjectError("bad_name", "no file can have such a name");
    }
    const whole = this.#path === "/" ? `/${path}` : `${this.#path}/${path}`;
    if (whole.length > PATH_MAX_BYTES) throw new ObjectError("bad_name", "the path is too long");
    return whole;
  }

  /**
   * What `path` leads to, in one round trip. Throws `StatusError` as the server does,
   * {@link ObjectError} `outside_root`, and `device_gone` where the root itself is missing.
   */
  async find(path: BytePath, signal?: AbortSignal): Promise<Found> {
    const serverPath = this.serverPath(path);
    try {
      const [attributes, realPath, root] = await Promise.all([
        this.#session.stat(serverPath, signal),
        this.#realpath(serverPath, signal),
        this.#rootRealPath(),
      ]);
      await this.#require(realPath, root);
      return { attributes, realPath };
    } catch (error) {
      if (hasStatus(error, Status.noSuchFile)) await this.#requireRoot(path, signal);
      throw error;
    }
  }

  /** As {@link find}, where nothing is to be known of what `path` leads to but that it may be served. */
  async requireInside(path: BytePath): Promise<void> {
    const asked = this.#realpath(this.serverPath(path));
    const [realPath, root] = await Promise.all([asked, this.#rootRealPath()]);
    await this.#require(realPath, root);
  }

  async #require(realPath: string | undefined, root: string | undefined): Promise<void> {
    if (isInside(realPath, root) || (await this.#isInsideNow(realPath))) return;
    throw new ObjectError("outside_root", "a symbolic link leads out of the origin");
  }

  /** The root may be a link that leads elsewhere since it was looked at. */
  async #isInsideNow(realPath: string | undefined): Promise<boolean> {
    this.#realPath = undefined;
    return isInside(realPath, await this.#rootRealPath());
  }

  #rootRealPath(): Promise<string | undefined> {
    const asked = this.#realPath ?? this.#realpath(this.#path);
    this.#realPath = asked;
    asked.catch(() => {
      if (this.#realPath === asked) this.#realPath = undefined;
    });
    return asked;
  }

  async #realpath(serverPath: string, signal?: AbortSignal): Promise<string | undefined> {
    try {
      return await this.#session.realpath(serverPath, signal);
    } catch (error) {
      if (hasStatus(error, Status.opUnsupported)) return undefined;
      throw error;
    }
  }

  /** A file that is missing together with the root says nothing about the file. */
  async #requireRoot(path: BytePath, signal: AbortSignal | undefined): Promise<void> {
    try {
      if (path !== "") await this.#session.stat(this.#path, signal);
      if (path !== "") return;
    } catch (error) {
      if (!hasStatus(error, Status.noSuchFile)) throw error;
    }
    throw new ObjectError(
      "device_gone",
      "the server has no such directory as the origin's path; mount its disk there or correct path",
    );
  }
}

function isInside(realPath: string | undefined, root: string | undefined): boolean {
  if (realPath === undefined || root === undefined || realPath === root) return true;
  return realPath.startsWith(root.endsWith("/") ? root : `${root}/`);
}

/**
 * Attributes as an origin's; undefined for what is neither a regular file nor a directory. The
 * token is the mtime: SFTP tells nothing stronger. Owners are the server's own and mean nothing
 * here.
 */
export function fileStat(attributes: Attributes, identity: string): FileStat | undefined {
  const { mode, sizeBytes, mtimeSec } = attributes;
  if (mode === undefined || mtimeSec === undefined) {
    throw new ProtocolViolation("the server does not tell a file's type and time");
  }
  const common = {
    token: String(mtimeSec),
    mtimeSec,
    mtimeNsec: 0,
    mode: mode & PERMISSIONS,
    uid: -1,
    gid: -1,
  };
  const type = mode & S_IFMT;
  if (type === S_IFDIR) return { kind: "directory", sizeBytes: 0, ...common, identity };
  if (type !== S_IFREG) return undefined;
  if (sizeBytes === undefined)
    throw new ProtocolViolation("the server does not tell a file's size");
  return { kind: "file", sizeBytes, ...common };
}

/** As {@link fileStat}; throws {@link ObjectError} for what is not served. */
export function servedStat({ attributes, realPath }: Found, path: BytePath): FileStat {
  const stat = fileStat(attributes, realPath ?? path);
  if (stat === undefined) {
    throw new ObjectError("not_a_file", "neither a regular file nor a directory");
  }
  return stat;
}
