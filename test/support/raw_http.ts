/**
 * An HTTP server that sends exactly the bytes a test gives it, however wrong they are, and that
 * sees which connections are open.
 */

import { createServer, type Server, type Socket } from "node:net";

export interface RawRequest {
  readonly method: string;
  /** With the query, as sent. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
}

export type Answer = (socket: Socket, request: RawRequest) => void;

export class RawHttpServer implements AsyncDisposable {
  /** Every request heard, oldest first. */
  readonly requests: RawRequest[] = [];
  /** Connections accepted since the start. */
  accepted = 0;
  /** Bytes heard over all connections. */
  heardBytes = 0;
  #closedSentBytes = 0;
  answer: Answer;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(answer: Answer): Promise<RawHttpServer> {
    const server = new RawHttpServer(answer);
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get endpoint(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the server is closed");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Bytes sent over all connections. */
  get sentBytes(): number {
    return [...this.#sockets].reduce((sum, one) => sum + one.bytesWritten, this.#closedSentBytes);
  }

  /** Connections open now. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Resolves when at most `count` connections are left open. */
  async closedTo(count: number): Promise<void> {
    const deadline = performance.now() + 2000;
    while (this.open > count) {
      if (performance.now() > deadline) throw new Error(`${this.open} connections stay open`);
      await Bun.sleep(5);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.accepted++;
    this.#sockets.add(socket);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#closedSentBytes += socket.bytesWritten;
    });
    socket.on("error", () => socket.destroy());
    let heard = "";
    socket.on("data", (chunk) => {
      this.heardBytes += chunk.byteLength;
      heard += chunk.toString("latin1");
      for (let end = heard.indexOf("\r\n\r\n"); end >= 0; end = heard.indexOf("\r\n\r\n")) {
        const request = parse(heard.slice(0, end));
        heard = heard.slice(end + 4);
        this.requests.push(request);
        this.answer(socket, request);
      }
    });
  }
}

function parse(head: string): RawRequest {
  const [first = "", ...lines] = head.split("\r\n");
  const [method = "", target = ""] = first.split(" ");
  const headers = lines.map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
  });
  return { method, target, headers: new Map(headers) };
}

/** A proper answer, its length right unless `headers` say otherwise. */
export function reply(
  socket: Socket,
  status: number,
  headers: Readonly<Record<string, string | number>> = {},
  body: Uint8Array | string = "",
): void {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  const all = { "Content-Length": bytes.byteLength, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`HTTP/1.1 ${status} Whatever\r\n${lines.join("")}\r\n`);
  socket.write(bytes);
}

/** Writes zeros for as long as the other side reads them. */
export function writeForEver(socket: Socket): void {
  const zeros = Buffer.alloc(256 * 1024);
  const more = () => {
    if (socket.destroyed) return;
    while (socket.write(zeros));
  };
  socket.on("drain", more);
  more();
}
