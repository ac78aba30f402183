/**
 * An S3 server on 127.0.0.1 that people run in production: OpenStack Swift with its S3 API. Four
 * processes of Debian's python3-swift, which starts no service of its own.
 */

import { readFileSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { ListBucketsCommand, S3Client } from "@aws-sdk/client-s3";
import { ensurePackages } from "./packages.ts";
import { accepts, freePorts } from "./ports.ts";
import { type ProcessId, until } from "./process.ts";
import { PortTaken, type ServerOptions, ServerRoot, withRetries } from "./server.ts";
import {
  DENIED,
  OWNER,
  READER,
  REGION,
  type S3Keys,
  STORAGE,
  type SwiftPorts,
  swiftConfig,
} from "./swift-config.ts";

export interface S3Options extends ServerOptions {
  /** Of the S3 endpoint. Default: a free one. */
  readonly port?: number;
}

/** A request as the server logged it, counted outside of the client. */
export interface LoggedRequest {
  readonly method: string;
  /** The request's target as sent: percent-encoded, with its query. */
  readonly path: string;
  readonly status: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
}

export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`; buckets are addressed by path. */
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly owner: S3Keys;
  readonly reader: S3Keys;
  readonly denied: S3Keys;
  /** A client with the owner's keys; the caller destroys it. */
  client(): S3Client;
  /** All requests that the server has completed so far. */
  requests(): readonly LoggedRequest[];
  processes(): readonly ProcessId[];
  /** SIGSTOP and SIGCONT to all processes of the server. */
  pause(): void;
  resume(): void;
  /** SIGKILL to all processes of the server. */
  kill(): Promise<void>;
  /** Starts it again on the same ports, with the same data, after {@link kill}. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 120_000;
const NAMES = [...STORAGE, "proxy"] as const;
const SCRIPT = join(import.meta.dir, "swift_lab.py");
/** Debian's Python, whatever other one comes first in PATH. */
const PYTHON = ["/usr/bin/python3", "-E", "-s", "-B"];

export async function startS3(options: S3Options = {}): Promise<S3Server> {
  await ensurePackages(["python3-swift"]);
  return await withRetries(options.port === undefined ? 5 : 1, async () => {
    const root = new ServerRoot("s3", options);
    try {
      const [proxy = 0, account = 0, container = 0, object = 0] = await freePorts(4);
      return await startIn(root, { proxy: options.port ?? proxy, account, container, object });
    } catch (error) {
      await root.stop();
      throw error;
    }
  });
}

async function startIn(root: ServerRoot, ports: SwiftPorts): Promise<S3Server> {
  const etc = root.directory("etc");
  const devices = root.directory("srv");
  root.directory("srv/disk");
  const config = swiftConfig(ports, { etc, devices, user: userInfo().username });
  for (const [name, content] of Object.entries(config)) root.file(join("etc", name), content);
  buildRings(etc, ports);
  const client = () => connect(ports.proxy);

  const launch = async () => {
    for (const name of NAMES) root.launch(name, [...PYTHON, SCRIPT, "serve", etc, name]);
    using probe = disposable(client());
    const up = await until(async () => {
      if (!root.running) throw startFailure(root);
      const listening = await Promise.all(Object.values(ports).map(accepts));
      if (listening.includes(false)) return false;
      return await probe.client.send(new ListBucketsCommand()).then(
        () => true,
        () => false,
      );
    }, START_TIMEOUT_MS);
    if (!up) throw startFailure(root);
  };
  await launch();

  const endpoint = `http://127.0.0.1:${ports.proxy}`;
  root.publish({
    S3_ENDPOINT: endpoint,
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: OWNER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: OWNER.secretAccessKey,
  });
  return {
    endpoint,
    port: ports.proxy,
    region: REGION,
    owner: OWNER,
    reader: READER,
    denied: DENIED,
    client,
    requests: () => parseLog(root.logFile("proxy")),
    processes: () => root.processes(),
    pause: () => root.pause(),
    resume: () => root.resume(),
    kill: () => root.kill(),
    restart: launch,
    [Symbol.asyncDispose]: () => root.stop(),
  };
}

function startFailure(root: ServerRoot): Error {
  const logs = root.tail(...NAMES);
  if (logs.includes("Address already in use") || logs.includes("Could not bind")) {
    return new PortTaken(logs);
  }
  return new Error(`Swift did not start:\n${logs}`);
}

function buildRings(etc: string, ports: SwiftPorts): void {
  const storage = STORAGE.map((name) => String(ports[name]));
  const built = Bun.spawnSync([...PYTHON, SCRIPT, "rings", etc, ...storage], { stderr: "pipe" });
  if (!built.success) throw new Error(`Swift's rings: ${built.stderr.toString()}`);
}

function connect(port: number): S3Client {
  return new S3Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: REGION,
    credentials: OWNER,
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
}

function disposable(client: S3Client) {
  return { client, [Symbol.dispose]: () => client.destroy() };
}

/** Lines of `log_msg_template` in swift-config.ts, each behind the logger's own prefix. */
function parseLog(file: string): readonly LoggedRequest[] {
  const requests: LoggedRequest[] = [];
  for (const line of readFileSync(file, "utf8").split("\n")) {
    const found = /([A-Z]+) (\/\S*) (\d{3}) (\d+|-) (\d+|-)(?: |$)/.exec(line);
    if (found === null) continue;
    const [, method = "", path = "", status, received, sent] = found;
    requests.push({
      method,
      // The log encodes what was encoded already.
      path: decodeURIComponent(path),
      status: Number(status),
      bytesReceived: Number(received) || 0,
      bytesSent: Number(sent) || 0,
    });
  }
  return requests;
}
