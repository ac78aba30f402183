/** TCP ports on 127.0.0.1. */

import { createConnection, createServer, type Server } from "node:net";

/**
 * `count` different ports that were free a moment ago. Another process may take one before it is
 * used: whoever starts a server on them starts it again on others when it cannot listen.
 */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers: Server[] = [];
  try {
    for (let i = 0; i < count; i++) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject).listen(0, "127.0.0.1", resolve);
      });
      servers.push(server);
    }
    return servers.map((server) => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      return address.port;
    });
  } finally {
    for (const server of servers) server.close();
  }
}

/** The first bytes a server sends by itself within `timeoutMs`, "" for none; rejects when refused. */
export function greeting(port: number, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    const settle = (text: string) => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(timeoutMs, () => settle(""));
    socket.once("data", (data) => settle(data.toString("latin1")));
    socket.once("end", () => settle(""));
    socket.once("error", reject);
  });
}

/** True when something accepts connections on the port. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(2000, () => settle(false));
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
