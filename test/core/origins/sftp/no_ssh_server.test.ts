/** Peers that are no SSH server, or none that can be reached. */

import { describe, expect, test } from "bun:test";
import { type AddressInfo, createServer, type Socket, type Server as TcpServer } from "node:net";
import type { SftpOriginSettings } from "../../../../src/core/config/config.ts";
import { SFTP_CONNECT_MS } from "../../../../src/core/limits.ts";
import { openSftpOrigin, type SftpOrigin } from "../../../../src/core/origins/sftp/origin.ts";
import { VirtualClock } from "../../../support/virtual_clock.ts";
import { failure, until } from "./expecting.ts";
import { sftpSettings, surroundings } from "./settings.ts";

describe("what is no SSH server", () => {
  const peers: Readonly<Record<string, (socket: Socket) => void>> = {
    "closes at once": (socket) => socket.end(),
    "resets at once": (socket) => socket.resetAndDestroy(),
    "speaks HTTP": (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "greets and sends garbage": (socket) => {
      socket.write("SSH-2.0-x\r\n");
      socket.write(Buffer.alloc(100_000, 0x41));
    },
    "sends one endless line": (socket) => socket.write(Buffer.alloc(1_000_000, 0x41)),
    "speaks SSH 1": (socket) => socket.write("SSH-1.5-old\r\n"),
  };
  for (const [what, serve] of Object.entries(peers)) {
    test(`and ${what} is an error of the origin`, async () => {
      await using peer = await listening(serve);
      const origin = peerOrigin(peer.port);
      const error = await failure(origin.probe());
      expect(["connection", "protocol"]).toContain(error.code);
      expect(error.scope).toBe("origin");
      expect(error.message).toContain(`127.0.0.1:${peer.port}`);
      await origin.close();
      await until(() => peer.open() === 0);
    });
  }

  test("and refuses the connection is said to do so", async () => {
    const peer = await listening(() => undefined);
    const { port } = peer;
    await peer[Symbol.asyncDispose]();
    const origin = peerOrigin(port);
    const error = await failure(origin.probe());
    expect(error).toMatchObject({ code: "connection" });
    expect(error.message).toContain("refuses the connection");
    await origin.close();
  });

  test("and has no name is said to have none", async () => {
    const origin = openSftpOrigin(
      sftpSettings({ host: "no-such-host.invalid", knownHosts: "/nonexistent" }),
      { surroundings: surroundings("/nonexistent") },
    );
    const error = await failure(origin.probe());
    expect(error).toMatchObject({ code: "connection" });
    expect(error.message).toMatch(/has no address|could not be looked up/);
    await origin.close();
  });

  test("and says nothing is given up in time (R-2)", async () => {
    await using peer = await listening(() => undefined);
    const clock = new VirtualClock();
    const origin = openSftpOrigin(peerSettings(peer.port), {
      clock,
      surroundings: surroundings("/nonexistent"),
    });
    const probe = failure(origin.probe());
    await until(() => peer.open() === 1);
    await clock.advance(SFTP_CONNECT_MS);
    const error = await probe;
    expect(error).toMatchObject({ code: "timeout", scope: "origin" });
    expect(error.message).toContain("the SSH handshake took longer than 10 s");
    await origin.close();
    await until(() => peer.open() === 0);
    expect(clock.pendingTimers).toBe(0);
  });

  test("and says nothing does not hold a probe beyond its signal, nor a close", async () => {
    await using peer = await listening(() => undefined);
    const origin = peerOrigin(peer.port);
    const probe = failure(origin.probe(AbortSignal.timeout(50)));
    expect(await probe).toMatchObject({ code: "cancelled" });
    const waiting = failure(origin.probe());
    await origin.close();
    expect(await waiting).toMatchObject({ code: "connection" });
    await until(() => peer.open() === 0);
  });
});

function peerSettings(port: number): SftpOriginSettings {
  return sftpSettings({ host: "127.0.0.1", port, user: "music", knownHosts: "/nonexistent" });
}

function peerOrigin(port: number): SftpOrigin {
  return openSftpOrigin(peerSettings(port), { surroundings: surroundings("/nonexistent") });
}

interface Peer extends AsyncDisposable {
  readonly port: number;
  open(): number;
}

async function listening(serve: (socket: Socket) => void): Promise<Peer> {
  const sockets = new Set<Socket>();
  const server: TcpServer = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    socket.resume();
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
