/**
 * One SSH connection with one SFTP session on it. It owns its socket: whatever goes wrong at any
 * stage, the socket is destroyed and everything under way rejects with the reason.
 */

import { connect as connectSocket, type Socket } from "node:net";
import type { Client, ClientChannel, ConnectConfig } from "ssh2";
import type { Clock } from "../../clock.ts";
import { SFTP_CONNECT_MS, SFTP_KEEPALIVE_MS, SFTP_KEEPALIVES } from "../../limits.ts";
import { SftpFault } from "./errors.ts";
import { HostKeyCheck } from "./host_key_check.ts";
import type { KeyFiles } from "./key_files.ts";
import { Login, type LoginSecrets } from "./login.ts";
import { OpenFiles } from "./open_files.ts";
import { PacketBatch } from "./packet_batch.ts";
import { ReceivedGarbage } from "./received_garbage.ts";
import { ServedRoot } from "./served_root.ts";
import { SftpSession } from "./session.ts";
import { asFault, closed, type Phase, timedOut } from "./ssh_fault.ts";
import type { SshTarget } from "./target.ts";

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly target: SshTarget;
  readonly secrets: LoginSecrets;
  readonly keyFiles: KeyFiles;
  /** The origin's root as the server names it (byte string). */
  readonly rootPath: string;
  /** Silence for this long while requests wait ends the connection. */
  readonly stallMs: number;
}

/** ssh2 has no chacha20 without its native addon; GCM is the fastest and needs no extra MAC. */
const CIPHERS = [
  "aes128-gcm@openssh.com",
  "aes256-gcm@openssh.com",
  "aes128-ctr",
  "aes192-ctr",
  "aes256-ctr",
] as const;

/** Of all connections of this thread. */
const garbage = new ReceivedGarbage();

export class SftpConnection implements Disposable {
  readonly session: SftpSession;
  readonly files: OpenFiles;
  readonly root: ServedRoot;
  readonly #link: SshLink;

  private constructor(link: SshLink, session: SftpSession, options: ConnectionOptions) {
    this.#link = link;
    this.session = session;
    this.files = new OpenFiles(session, options.clock);
    this.root = new ServedRoot(session, options.rootPath);
    link.onLost(() => this.files[Symbol.dispose]());
  }

  /** Connects, verifies the host key, logs in and starts SFTP; rejects with `SftpFault`. */
  static async open(options: ConnectionOptions, signal: AbortSignal): Promise<SftpConnection> {
    const { clock, stallMs } = options;
    const link = new SshLink(options);
    using _deadline = clock.schedule(SFTP_CONNECT_MS, () => link.expire(SFTP_CONNECT_MS));
    const abort = () => link.fail(new SftpFault("connection", "the connection was given up"));
    signal.addEventListener("abort", abort, { once: true });
    try {
      if (signal.aborted) abort();
      const channel = await link.open();
      const batch = new PacketBatch((bytes) => link.write(channel, bytes));
      const session = new SftpSession({
        clock,
        write: (bytes) => batch.add(bytes),
        onFault: (fault) => link.fail(fault),
        stallMs,
      });
      link.onLost((fault) => session.fail(fault));
      channel.on("data", (bytes: Uint8Array) => {
        session.receive(bytes);
        garbage.received(bytes.byteLength);
      });
      channel.on("close", () => link.closed());
      await session.start();
      link.phase = "open";
      return new SftpConnection(link, session, options);
    } catch (error) {
      const fault = asFault(error, link.phase, options.target);
      link.fail(fault);
      throw fault;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  get quietMs(): number {
    return this.session.quietMs;
  }

  get outstandingBytes(): number {
    return this.session.outstandingBytes;
  }

  /** Calls once when the connection is lost, at once if it is. */
  onLost(listener: (fault: SftpFault) => void): void {
    this.#link.onLost(listener);
  }

  /** Another channel for a command. */
  exec(command: string): Promise<ClientChannel> {
    return this.#link.exec(command);
  }

  /** Ends the connection; everything under way rejects with `fault`. */
  fail(fault: SftpFault): void {
    this.#link.fail(fault);
  }

  [Symbol.dispose](): void {
    this.#link.fail(new SftpFault("connection", "the connection was closed"));
  }
}

/** Socket and SSH client, from nothing to an open SFTP channel. */
class SshLink {
  phase: Phase = "connect";
  readonly #options: ConnectionOptions;
  readonly #failed = Promise.withResolvers<never>();
  readonly #listeners: ((fault: SftpFault) => void)[] = [];
  #socket: Socket | undefined;
  #client: Client | undefined;
  #fault: SftpFault | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#failed.promise.catch(() => undefined);
  }

  get fault(): SftpFault | undefined {
    return this.#fault;
  }

  onLost(listener: (fault: SftpFault) => void): void {
    if (this.#fault === undefined) this.#listeners.push(listener);
    else listener(this.#fault);
  }

  async open(): Promise<ClientChannel> {
    const { target, secrets, keyFiles } = this.#options;
    const { Client, utils } = await import("ssh2");
    const hostKey = new HostKeyCheck(target);
    const login = new Login({
      ...target,
      secrets,
      readKey: (file) => keyFiles.read(file, secrets.passphrase, utils.parseKey),
    });
    const socket = await this.#connect();
    this.phase = "handshake";
    const client = new Client();
    this.#client = client;
    client.on("error", (error: unknown) => {
      if (levelOf(error) === "agent") login.agentFailed(error);
      else if (levelOf(error) === "client-authentication") {
        this.fail(new SftpFault("credentials", login.explain(), { cause: error }));
      } else this.fail(error);
    });
    client.on("close", () => this.closed());
    client.on("handshake", () => {
      // New keys are agreed on now and then during the connection's life, too.
      if (this.phase === "handshake") this.phase = "login";
    });
    const ready = new Promise<void>((resolve) => client.on("ready", resolve));
    const config: ConnectConfig = {
      sock: socket,
      username: target.user,
      authHandler: login.next,
      algorithms: { serverHostKey: [...hostKey.algorithms], cipher: [...CIPHERS] },
      hostVerifier: (key: Buffer) => {
        const refusal = hostKey.refusal(key);
        if (refusal !== undefined) this.fail(refusal);
        return refusal === undefined;
      },
      keepaliveInterval: SFTP_KEEPALIVE_MS,
      keepaliveCountMax: SFTP_KEEPALIVES,
      readyTimeout: 0,
    };
    client.connect(config);
    await this.#unlessFailed(ready);
    this.phase = "session";
    const channel = await this.#unlessFailed(
      new Promise<ClientChannel>((resolve, reject) => {
        client.subsys("sftp", (error, opened) => {
          if (error) reject(channelRefused(error));
          else resolve(opened);
        });
      }),
    );
    channel.stderr.resume();
    return channel;
  }

  /** Writes to a channel unless the connection is lost. */
  write(channel: ClientChannel, bytes: Uint8Array): void {
    if (this.#fault !== undefined) return;
    // ssh2 writes an encrypted packet in three parts, each of which would be a segment of TCP's.
    this.#socket?.cork();
    channel.write(bytes);
    this.#socket?.uncork();
  }

  exec(command: string): Promise<ClientChannel> {
    const client = this.#client;
    if (this.#fault !== undefined || client === undefined) return this.#failed.promise;
    return this.#unlessFailed(
      new Promise<ClientChannel>((resolve, reject) => {
        client.exec(command, (error, channel) => (error ? reject(error) : resolve(channel)));
      }),
    );
  }

  expire(limitMs: number): void {
    this.fail(timedOut(this.phase, this.#options.target, limitMs));
  }

  closed(): void {
    this.fail(closed(this.phase, this.#options.target));
  }

  fail(error: unknown): void {
    if (this.#fault !== undefined) return;
    const fault = asFault(error, this.phase, this.#options.target);
    this.#fault = fault;
    // ssh2 ends politely and waits for the peer, which may never answer: the socket is ours.
    this.#client?.end();
    this.#socket?.destroy();
    this.#failed.reject(fault);
    for (const listener of this.#listeners.splice(0)) listener(fault);
  }

  #connect(): Promise<Socket> {
    const { host, port } = this.#options.target;
    const socket = connectSocket({ host, port, autoSelectFamily: true, noDelay: true });
    this.#socket = socket;
    // After the connect errors come here too, in case ssh2 has let go of the socket.
    socket.on("error", (error) => this.fail(error));
    return this.#unlessFailed(
      new Promise((resolve) => socket.once("connect", () => resolve(socket))),
    );
  }

  #unlessFailed<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed.promise]);
  }
}

function levelOf(error: unknown): unknown {
  return typeof error === "object" && error !== null && "level" in error ? error.level : undefined;
}

function channelRefused(error: Error): SftpFault {
  return /channel open failure/i.test(error.message)
    ? new SftpFault("overloaded", "the server opens no further session (MaxSessions)", {
        cause: error,
      })
    : new SftpFault("protocol", "the server offers no SFTP: is its sftp subsystem enabled?", {
        cause: error,
      });
}
