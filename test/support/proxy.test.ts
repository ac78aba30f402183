import { describe, expect, test } from "bun:test";
import { createConnection, createServer, type Socket } from "node:net";
import { TcpProxy } from "./proxy.ts";

const CHUNK = Buffer.alloc(64 * 1024, "abcdefgh");

/** A server that sends back all it hears, or `bytes` of its own to whoever connects. */
async function startServer(serve: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    sockets,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const echo = (socket: Socket) => void socket.pipe(socket);

function connect(port: number): Socket {
  return createConnection({ host: "127.0.0.1", port, allowHalfOpen: true });
}

/** All a socket hears until it ends or fails. */
function readAll(socket: Socket): Promise<{ readonly bytes: Buffer; readonly error?: string }> {
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on("data", (chunk) => chunks.push(chunk));
    socket.once("end", () => resolve({ bytes: Buffer.concat(chunks) }));
    socket.once("error", (error: NodeJS.ErrnoException) =>
      resolve({ bytes: Buffer.concat(chunks), error: error.code ?? error.message }),
    );
    socket.once("close", () => resolve({ bytes: Buffer.concat(chunks) }));
  });
}

describe("TcpProxy", () => {
  test("hands on every byte of both directions in order and counts them", async () => {
    await using server = await startServer(echo);
    await using proxy = new TcpProxy(server);
    const sent = Buffer.alloc(8 * 1024 * 1024);
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE(i, i);
    const client = connect(proxy.port);
    const heard = readAll(client);
    client.end(sent);
    expect((await heard).bytes.equals(sent)).toBe(true);
    expect(proxy.bytes).toEqual({ toServer: sent.length, toClient: sent.length });
    expect(proxy.accepted).toBe(1);
    client.destroy();
  });

  test("delays each way", async () => {
    await using server = await startServer(echo);
    await using proxy = new TcpProxy(server);
    proxy.delayMs = 60;
    const client = connect(proxy.port);
    const heard = readAll(client);
    const startMs = performance.now();
    client.end("ping");
    expect((await heard).bytes.toString()).toBe("ping");
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(118);
    client.destroy();
  });

  test("limits bandwidth without holding the whole transfer in memory", async () => {
    let written = 0;
    await using server = await startServer((socket) => {
      const more = () => {
        do written += CHUNK.length;
        while (socket.write(CHUNK));
      };
      socket.on("drain", more);
      more();
    });
    await using proxy = new TcpProxy(server);
    proxy.bytesPerSecond = 1_000_000;
    const client = connect(proxy.port);
    let heard = 0;
    client.on("data", (chunk) => {
      heard += chunk.length;
    });
    await Bun.sleep(500);
    expect(heard).toBeGreaterThan(300_000);
    expect(heard).toBeLessThan(700_000);
    // What the server could say beyond it lies in the proxy's queue and the kernel's buffers.
    expect(written).toBeLessThan(20_000_000);
    client.destroy();
  });

  test("holds bytes back while stalled and loses none", async () => {
    await using server = await startServer(echo);
    await using proxy = new TcpProxy(server);
    proxy.stall();
    const client = connect(proxy.port);
    const heard = readAll(client);
    client.end("held");
    await Bun.sleep(50);
    expect(proxy.bytes).toEqual({ toServer: 0, toClient: 0 });
    proxy.resume();
    expect((await heard).bytes.toString()).toBe("held");
    client.destroy();
  });

  test("cuts a connection after exactly the bytes asked for", async () => {
    await using server = await startServer((socket) => void socket.write(CHUNK));
    await using proxy = new TcpProxy(server);
    proxy.cutAfterBytes = 10_000;
    const client = connect(proxy.port);
    expect((await readAll(client)).bytes.length).toBe(10_000);
    expect(proxy.connections).toEqual([]);
    client.destroy();
  });

  test("cuts all connections, refuses new ones and takes them again", async () => {
    await using server = await startServer((socket) => void socket.write("hello"));
    await using proxy = new TcpProxy(server);
    const { port } = proxy;
    const client = connect(port);
    const heard = readAll(client);
    await new Promise((resolve) => client.once("data", resolve));
    expect(proxy.connections).toEqual([{ toServer: 0, toClient: 5 }]);
    proxy.refuse();
    proxy.cut();
    expect(await heard).toEqual({ bytes: Buffer.from("hello") });
    expect((await readAll(connect(port))).error).toBe("ECONNREFUSED");
    proxy.accept();
    expect(proxy.port).toBe(port);
    const again = connect(port);
    await new Promise((resolve) => again.once("data", resolve));
    again.destroy();
  });

  test("resets connections", async () => {
    await using server = await startServer((socket) => void socket.write("hello"));
    await using proxy = new TcpProxy(server);
    const client = connect(proxy.port);
    const heard = readAll(client);
    await new Promise((resolve) => client.once("data", resolve));
    proxy.reset();
    expect((await heard).error).toBe("ECONNRESET");
  });

  test("closes the server's side with the client's, and everything when disposed", async () => {
    await using server = await startServer(echo);
    const clients: Socket[] = [];
    {
      await using proxy = new TcpProxy(server);
      clients.push(connect(proxy.port), connect(proxy.port));
      for (const client of clients) {
        client.write("x");
        await new Promise((resolve) => client.once("data", resolve));
      }
      expect(server.sockets.size).toBe(2);
      clients[0]?.destroy();
      await Bun.sleep(50);
      expect(server.sockets.size).toBe(1);
      expect(proxy.connections).toHaveLength(1);
    }
    await Bun.sleep(50);
    expect(server.sockets.size).toBe(0);
    for (const client of clients) client.destroy();
  });
});
