/** HTTP over TLS, with a certificate that the machine trusts, and without. */

import { afterAll, beforeAll, expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { needing } from "../../../support/needs.ts";

const CHILD = join(import.meta.dir, "trusted_server.child.ts");
const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nmusic";

const { describe, test } = needing("openssl");

describe("HTTP over TLS", () => {
  const directory = mkdtempSync(join(tmpdir(), "musicfs-tls-"));
  const certificate = join(directory, "certificate.pem");
  const key = join(directory, "key.pem");
  const connections: TLSSocket[] = [];
  let received = 0;
  let server: Server;
  let port = 0;

  beforeAll(async () => {
    const made = Bun.spawnSync([
      ...["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
      ...["-nodes", "-keyout", key, "-out", certificate, "-days", "2"],
      ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
    ]);
    expect(made.exitCode).toBe(0);
    server = createServer({ key: readFileSync(key), cert: readFileSync(certificate) }, (socket) => {
      connections.push(socket);
      socket.on("error", () => undefined);
      socket.on("data", (bytes) => {
        received += bytes.byteLength;
        socket.write(ANSWER);
      });
    });
    server.on("tlsClientError", () => undefined);
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    port = Object(server.address()).port;
  });
  afterAll(() => {
    for (const connection of connections) connection.destroy();
    server.close();
    rmSync(directory, { recursive: true });
  });

  async function ask(hostname: string, env: Readonly<Record<string, string>>): Promise<unknown> {
    const child = Bun.spawn([process.execPath, CHILD, hostname, String(port)], {
      env: { PATH: process.env["PATH"] ?? "", ...env },
      stdio: ["ignore", "pipe", "inherit"],
    });
    return JSON.parse(await child.stdout.text());
  }

  test("asks a trusted server again over the same connection", async () => {
    const trusting = { NODE_EXTRA_CA_CERTS: certificate };
    expect(await ask("localhost", trusting)).toEqual(["music", "music"]);
    expect(connections).toHaveLength(1);
  });

  test("says nothing to a server that is not trusted, or has another name", async () => {
    received = 0;
    expect(await ask("localhost", {})).toHaveProperty("code");
    expect(await ask("127.0.0.1", { NODE_EXTRA_CA_CERTS: certificate })).toHaveProperty("code");
    expect(received).toBe(0);
  });
});
