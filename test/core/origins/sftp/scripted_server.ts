/**
 * An SSH server in this process whose SFTP answers follow a script: honest by default, over a small
 * tree in memory, and wrong wherever a test wants it. It counts what is open, so that leaks show.
 */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AuthContext, Server, type ServerChannel } from "ssh2";
import type { SftpOriginSettings } from "../../../../src/core/config/config.ts";
import {
  openSftpOrigin,
  type SftpOrigin,
  type SftpPorts,
} from "../../../../src/core/origins/sftp/origin.ts";
import { Request, Status } from "../../../../src/core/origins/sftp/packet.ts";
import { ed25519Pair } from "./keys.ts";
import { sftpSettings, surroundings } from "./settings.ts";
import { type Asked, type FileAttributes, Requests, replies } from "./wire.ts";

export const FILE_MODE = 0o100644;
export const DIRECTORY_MODE = 0o040755;
export const LINK_MODE = 0o120777;
export const MTIME = 1_700_000_000;
const ROOT = "/music";
const NAMES_PER_REPLY = 100;

/** What lies in the tree: bytes of a file, or a directory. Keys are paths below the root. */
export type Tree = Readonly<Record<string, Uint8Array | "directory">>;

export interface Script {
  readonly tree?: Tree;
  /** Answers in place of the honest server; `honest()` gives its answer. Default: honest. */
  readonly answer?: (asked: Asked, channel: ServerChannel, honest: () => Buffer) => void;
  /** First bytes on the channel. Default: the version. */
  readonly greeting?: Buffer;
  readonly authenticate?: (context: AuthContext) => void;
  readonly exec?: (command: string, channel: ServerChannel) => void;
  /** True: sessions cannot be opened. */
  readonly refusesSessions?: boolean;
  readonly onSubsystem?: (reject: () => void) => boolean;
}

export class ScriptedServer implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), "musicfs-sftp-"));
  /** Requests seen, of all connections. */
  readonly asked: Asked[] = [];
  /** Connections accepted since the start. */
  accepted = 0;
  script: Script;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #handles = new Map<string, { readonly path: string; listed: boolean }>();
  readonly #hostKey = ed25519Pair();
  #serial = 0;

  private constructor(script: Script) {
    this.script = script;
    const client = ed25519Pair();
    writeFileSync(this.keyFile, client.private, { mode: 0o600 });
    this.#server = this.#make();
  }

  static async start(script: Script = {}): Promise<ScriptedServer> {
    const server = new ScriptedServer(script);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    writeFileSync(server.knownHosts, `[127.0.0.1]:${server.port} ${server.#hostKey.public}\n`);
    return server;
  }

  get keyFile(): string {
    return join(this.directory, "key");
  }

  get knownHosts(): string {
    return join(this.directory, "known_hosts");
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** `ssh-ed25519 AAAA…` */
  get hostKey(): string {
    return this.#hostKey.public;
  }

  /** TCP connections open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Handles the server was never told to close. */
  get openHandles(): number {
    return this.#handles.size;
  }

  settings(own: Partial<SftpOriginSettings> = {}): SftpOriginSettings {
    return sftpSettings({
      host: "127.0.0.1",
      port: this.port,
      user: "music",
      path: ROOT,
      identityFile: this.keyFile,
      knownHosts: this.knownHosts,
      ...own,
    });
  }

  origin(own: Partial<SftpOriginSettings> = {}, ports: SftpPorts = {}): SftpOrigin {
    return openSftpOrigin(this.settings(own), {
      surroundings: surroundings(this.directory),
      ...ports,
    });
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
    rmSync(this.directory, { recursive: true, force: true });
  }

  #make(): Server {
    const server = new Server({ hostKeys: [this.#hostKey.private] }, (client) => {
      client.on("authentication", (context) => {
        const { authenticate } = this.script;
        if (authenticate !== undefined) authenticate(context);
        else if (context.method === "publickey") context.accept();
        else context.reject(["publickey"]);
      });
      client.on("error", () => undefined);
      client.on("session", (accept, reject) => {
        if (this.script.refusesSessions === true) reject();
        else this.#session(accept());
      });
    });
    // The sockets themselves, to count and to cut.
    const listener = Reflect.get(server, "_srv") as import("node:net").Server;
    listener.on("connection", (socket) => {
      this.accepted++;
      this.#sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    return server;
  }

  #session(session: import("ssh2").Session): void {
    session.on("subsystem", (accept, reject) => {
      if (this.script.onSubsystem?.(() => reject?.()) === true) return;
      this.#sftp(accept());
    });
    session.on("exec", (accept, reject, { command }) => {
      if (this.script.exec === undefined) reject();
      else this.script.exec(command, accept());
    });
  }

  #sftp(channel: ServerChannel): void {
    const requests = new Requests();
    channel.on("error", () => undefined);
    channel.write(this.script.greeting ?? replies.version());
    channel.on("data", (bytes: Buffer) => {
      for (const asked of requests.push(bytes)) {
        this.asked.push(asked);
        const honest = () => this.#honest(asked);
        const { answer } = this.script;
        if (answer === undefined) channel.write(honest());
        else answer(asked, channel, honest);
      }
    });
  }

  #honest({ type, id, target, offset, length }: Asked): Buffer {
    const none = () => replies.status(id, Status.noSuchFile, "No such file");
    switch (type) {
      case Request.stat: {
        const found = this.#find(target);
        return found === undefined ? none() : replies.attrs(id, found);
      }
      case Request.fstat: {
        const found = this.#find(this.#handles.get(target)?.path ?? "");
        return found === undefined ? none() : replies.attrs(id, found);
      }
      case Request.realpath:
        return this.#find(target) === undefined
          ? none()
          : replies.names(id, [[target, { size: 0, mode: 0, mtime: 0 }]]);
      case Request.open:
      case Request.opendir: {
        if (this.#find(target) === undefined) return none();
        const handle = `handle ${this.#serial++}`;
        this.#handles.set(handle, { path: target, listed: false });
        return replies.handle(id, handle);
      }
      case Request.close:
        this.#handles.delete(target);
        return replies.status(id, Status.ok);
      case Request.read: {
        const bytes = this.#bytes(this.#handles.get(target)?.path ?? "");
        if (bytes === undefined || offset >= bytes.byteLength)
          return replies.status(id, Status.eof);
        return replies.data(id, bytes.subarray(offset, offset + length));
      }
      case Request.readdir: {
        const open = this.#handles.get(target);
        if (open === undefined || open.listed) return replies.status(id, Status.eof);
        open.listed = true;
        return replies.names(id, this.#entries(open.path).slice(0, NAMES_PER_REPLY));
      }
      default:
        return replies.status(id, Status.opUnsupported);
    }
  }

  #below(path: string): string | undefined {
    if (path === ROOT) return "";
    return path.startsWith(`${ROOT}/`) ? path.slice(ROOT.length + 1) : undefined;
  }

  #bytes(path: string): Uint8Array | undefined {
    const node = this.script.tree?.[this.#below(path) ?? ""];
    return node === "directory" ? undefined : node;
  }

  #find(path: string): FileAttributes | undefined {
    const below = this.#below(path);
    if (below === "") return { size: 4096, mode: DIRECTORY_MODE, mtime: MTIME };
    const node = below === undefined ? undefined : this.script.tree?.[below];
    if (node === undefined) return undefined;
    if (node === "directory") return { size: 4096, mode: DIRECTORY_MODE, mtime: MTIME };
    return { size: node.byteLength, mode: FILE_MODE, mtime: MTIME };
  }

  #entries(path: string): (readonly [string, FileAttributes])[] {
    const below = this.#below(path) ?? "";
    const prefix = below === "" ? "" : `${below}/`;
    const dots = [".", ".."].map((name) => [name, this.#find(ROOT)] as const);
    const inside = Object.keys(this.script.tree ?? {})
      .filter((key) => key.startsWith(prefix) && !key.slice(prefix.length).includes("/"))
      .map((key) => [key.slice(prefix.length), this.#find(`${ROOT}/${key}`)] as const);
    return [...dots, ...inside].flatMap(([name, found]) =>
      found === undefined ? [] : [[name, found] as const],
    );
  }
}
