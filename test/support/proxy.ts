/**
 * A TCP proxy that does to a connection what bad networks do, and counts what crosses the wire.
 * Everything can be changed while connections are open. Its clock is real time: it stands before
 * real servers.
 */

import type { Socket, TCPSocketListener } from "bun";

export interface ProxyTarget {
  readonly host?: string;
  readonly port: number;
}

/** Bytes that were handed on, not those that wait in the proxy. */
export interface ByteCounts {
  toServer: number;
  toClient: number;
}

/** Bytes that one direction of a connection holds back before it stops reading from its source. */
const QUEUE_LIMIT_BYTES = 1024 * 1024;
/** What a slow line hands on at once, so that a limit is smooth. */
const PACE_BYTES = 16 * 1024;

export class TcpProxy implements AsyncDisposable {
  /** One way, so that a round trip takes twice as long. Default 0. */
  delayMs = 0;
  /** Of each direction of each connection. Default: no limit. */
  bytesPerSecond = Number.POSITIVE_INFINITY;
  /** Connections close once this many bytes went to their client. Default: never. */
  cutAfterBytes = Number.POSITIVE_INFINITY;
  /** Of all connections, closed ones too. */
  readonly bytes: ByteCounts = { toServer: 0, toClient: 0 };
  /** Connections accepted since the start. */
  accepted = 0;
  #stalled = false;
  #listener: TCPSocketListener | undefined;
  #port: number;
  readonly #target: ProxyTarget;
  readonly #open = new Set<Connection>();

  constructor(target: ProxyTarget) {
    this.#target = target;
    this.#port = 0;
    this.#listen();
  }

  /** On 127.0.0.1; stays the same for life. */
  get port(): number {
    return this.#port;
  }

  /** Byte counts of the connections that are open now, oldest first. */
  get connections(): readonly Readonly<ByteCounts>[] {
    return [...this.#open].map((connection) => connection.bytes);
  }

  get stalled(): boolean {
    return this.#stalled;
  }

  /** Keeps connections open and hands nothing on; new ones are accepted and hear nothing. */
  stall(): void {
    this.#stalled = true;
  }

  /** Ends {@link stall}; nothing was lost. */
  resume(): void {
    this.#stalled = false;
    for (const connection of this.#open) connection.pump();
  }

  /** Closes every connection at once; what waits in the proxy is lost. */
  cut(): void {
    for (const connection of [...this.#open]) connection.close();
  }

  /** As {@link cut}, but peers hear ECONNRESET instead of an end. */
  reset(): void {
    for (const connection of [...this.#open]) connection.close("reset");
  }

  /** New connections are refused until {@link accept}; open ones stay. */
  refuse(): void {
    this.#listener?.stop();
    this.#listener = undefined;
  }

  accept(): void {
    if (this.#listener === undefined) this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    this.cut();
    // Lets the closing of sockets be seen before the test goes on to count them.
    await Bun.sleep(0);
  }

  #listen(): void {
    const connections = new WeakMap<Socket<undefined>, Connection>();
    this.#listener = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: this.#port,
      allowHalfOpen: true,
      socket: {
        open: (client) => {
          this.accepted++;
          const connection = new Connection(this, client, () => this.#open.delete(connection));
          this.#open.add(connection);
          connections.set(client, connection);
          connection.connect(this.#target);
        },
        data: (client, chunk) => connections.get(client)?.toServer.push(chunk),
        drain: (client) => connections.get(client)?.toClient.pump(),
        end: (client) => connections.get(client)?.toServer.end(),
        close: (client) => connections.get(client)?.close(),
        error: (client) => connections.get(client)?.close(),
      },
    });
    this.#port = this.#listener.port;
  }
}

class Connection {
  readonly bytes: ByteCounts = { toServer: 0, toClient: 0 };
  readonly toServer: Pipe;
  readonly toClient: Pipe;
  readonly #client: Socket<undefined>;
  readonly #onClose: () => void;
  #server: Socket<undefined> | undefined;
  #closed = false;

  constructor(proxy: TcpProxy, client: Socket<undefined>, onClose: () => void) {
    this.#client = client;
    this.#onClose = onClose;
    const count = (direction: keyof ByteCounts) => (bytes: number) => {
      this.bytes[direction] += bytes;
      proxy.bytes[direction] += bytes;
      if (this.bytes.toClient >= proxy.cutAfterBytes) this.close();
    };
    const room = () => proxy.cutAfterBytes - this.bytes.toClient;
    this.toServer = new Pipe(proxy, client, count("toServer"), () => Number.POSITIVE_INFINITY);
    this.toClient = new Pipe(proxy, undefined, count("toClient"), room);
    this.toClient.sink = client;
  }

  connect({ host = "127.0.0.1", port }: ProxyTarget): void {
    Bun.connect<undefined>({
      hostname: host,
      port,
      allowHalfOpen: true,
      socket: {
        open: (server) => {
          if (this.#closed) return void server.terminate();
          this.#server = server;
          this.toClient.source = server;
          this.toServer.sink = server;
          this.toServer.pump();
        },
        data: (_server, chunk) => this.toClient.push(chunk),
        drain: () => this.toServer.pump(),
        end: () => this.toClient.end(),
        close: () => this.#serverClosed(),
        error: () => this.close(),
        connectError: () => this.close(),
      },
    }).catch(() => this.close());
  }

  pump(): void {
    this.toServer.pump();
    this.toClient.pump();
  }

  close(how: "end" | "reset" = "end"): void {
    if (this.#closed) return;
    this.#closed = true;
    this.toServer.discard();
    this.toClient.discard();
    for (const socket of [this.#client, this.#server]) {
      if (how === "reset") socket?.terminate();
      else socket?.close();
    }
    this.#onClose();
  }

  /** What the server said before it went still reaches the client, late or slowly. */
  #serverClosed(): void {
    this.toServer.discard();
    this.toClient.end(() => this.close());
  }
}

interface Chunk {
  readonly bytes: Uint8Array;
  readonly dueMs: number;
}

/** One direction of one connection: first in, first out, each chunk not before it is due. */
class Pipe {
  source: Socket<undefined> | undefined;
  sink: Socket<undefined> | undefined;
  readonly #proxy: TcpProxy;
  readonly #count: (bytes: number) => void;
  readonly #room: () => number;
  #queue: Chunk[] = [];
  #queuedBytes = 0;
  #lineFreeMs = 0;
  #timer: Timer | undefined;
  #paused = false;
  #whenEmpty: (() => void) | undefined;

  constructor(
    proxy: TcpProxy,
    source: Socket<undefined> | undefined,
    count: (bytes: number) => void,
    room: () => number,
  ) {
    this.#proxy = proxy;
    this.source = source;
    this.#count = count;
    this.#room = room;
  }

  push(data: Uint8Array): void {
    const limited = Number.isFinite(this.#proxy.bytesPerSecond);
    const step = limited ? PACE_BYTES : data.byteLength;
    for (let at = 0; at < data.byteLength; at += step) {
      const bytes = data.slice(at, at + step);
      const now = performance.now();
      const takesMs = (bytes.byteLength / this.#proxy.bytesPerSecond) * 1000;
      this.#lineFreeMs = Math.max(now, this.#lineFreeMs) + takesMs;
      this.#queue.push({ bytes, dueMs: this.#lineFreeMs + this.#proxy.delayMs });
      this.#queuedBytes += bytes.byteLength;
    }
    if (this.#queuedBytes > QUEUE_LIMIT_BYTES && !this.#paused) {
      this.#paused = true;
      this.source?.pause();
    }
    this.pump();
  }

  /** The source said all it has to say. */
  end(then: () => void = () => void this.sink?.shutdown()): void {
    this.#whenEmpty = then;
    this.pump();
  }

  /** Hands on what is due and fits; called again when either changes. */
  pump(): void {
    if (this.#proxy.stalled || this.sink === undefined) return;
    clearTimeout(this.#timer);
    for (let chunk = this.#queue[0]; chunk !== undefined; chunk = this.#queue[0]) {
      const waitMs = chunk.dueMs - performance.now();
      if (waitMs > 0) {
        this.#timer = setTimeout(() => this.pump(), waitMs);
        return;
      }
      const allowed = chunk.bytes.subarray(0, Math.max(0, this.#room()));
      const written = Math.max(0, this.sink.write(allowed));
      this.#advance(chunk, written);
      if (written < chunk.bytes.byteLength) return;
    }
    const whenEmpty = this.#whenEmpty;
    this.#whenEmpty = undefined;
    whenEmpty?.();
  }

  discard(): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#whenEmpty = undefined;
    this.sink = undefined;
  }

  #advance(chunk: Chunk, written: number): void {
    const rest = chunk.bytes.subarray(written);
    if (rest.byteLength === 0) this.#queue.shift();
    else this.#queue[0] = { bytes: rest, dueMs: chunk.dueMs };
    this.#queuedBytes -= written;
    if (this.#paused && this.#queuedBytes < QUEUE_LIMIT_BYTES / 2) {
      this.#paused = false;
      this.source?.resume();
    }
    this.#count(written);
  }
}
