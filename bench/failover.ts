/**
 * How long a reader stands still when the origin that it reads from fails in the middle of a file and
 * another one goes on. A local directory, the SSH server and the bucket hold the same file; in each
 * order the first one fails: its connections break and nobody answers any more (a local file is cut
 * short), or it just says nothing more.
 */

import { copyFileSync, mkdirSync, rmSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { TcpProxy } from "../test/support/proxy.ts";
import { PeerMount } from "./mounted.ts";
import { musicfs } from "./peers.ts";
import { s3Env, s3Origin, sftpOrigin, sftpThrough, writeConfig } from "./remote_peers.ts";
import { rounded, table } from "./report.ts";
import type { Scale } from "./scale.ts";
import { BUCKET, type Servers } from "./servers.ts";
import { makeLargeFile } from "./tree.ts";
import { dropCaches, quantile } from "./workload.ts";

const ORIGINS = ["local", "SFTP", "S3"] as const;
type Origin = (typeof ORIGINS)[number];
type Order = readonly [Origin, Origin, Origin];

export const FAILURES = ["breaks", "hangs"] as const;
export type Failure = (typeof FAILURES)[number];

/** The replicas are compared once a third was read; it is given so long for that. */
const PAUSE_SHARE = 0.4;
const PAUSE_MS = 1000;
const BREAK_SHARE = 0.6;

export interface Standstill {
  readonly order: Order;
  readonly failure: Failure;
  /** The slowest read after the failure, of each round. */
  readonly ms: readonly number[];
}

const ORDERS: readonly Order[] = [
  ["SFTP", "local", "S3"],
  ["SFTP", "S3", "local"],
  ["S3", "local", "SFTP"],
  ["S3", "SFTP", "local"],
  ["local", "SFTP", "S3"],
  ["local", "S3", "SFTP"],
];

export async function benchFailover(
  scale: Scale,
  servers: Servers,
  root: string,
): Promise<readonly Standstill[]> {
  const { sshd, s3 } = servers;
  const whole = join(sshd.dataDir, "failover");
  await makeLargeFile(whole, scale.failoverFileBytes);
  const client = s3.client();
  try {
    const Body = await Bun.file(whole).bytes();
    await client.send(new PutObjectCommand({ Bucket: BUCKET, Key: "failover", Body }));
  } finally {
    client.destroy();
  }
  const found: Standstill[] = [];
  for (const failure of FAILURES) {
    for (const order of ORDERS.slice(0, scale.failoverOrders)) {
      // What a local disk that hangs holds up is a guard's affair, or the kernel's.
      if (failure === "hangs" && order[0] === "local") continue;
      const ms: number[] = [];
      for (let round = 0; round < scale.failoverRounds; round++) {
        ms.push(await standstill(order, failure, servers, root, whole));
      }
      found.push({ order, failure, ms });
    }
  }
  rmSync(whole);
  return found;
}

async function standstill(
  order: Order,
  failure: Failure,
  { sshd, s3 }: Servers,
  root: string,
  whole: string,
): Promise<number> {
  await using sftpProxy = new TcpProxy({ port: sshd.port });
  await using s3Proxy = new TcpProxy({ port: Number(new URL(s3.endpoint).port) });
  const place = join(root, "failover");
  const disk = join(place, "disk");
  mkdirSync(disk, { recursive: true });
  try {
    copyFileSync(whole, join(disk, "failover"));
    const endpoint = s3.endpoint.replace(/:\d+/, `:${s3Proxy.port}`);
    const origins = {
      local: { id: "disk", origin_type: "local", path: disk },
      SFTP: sftpOrigin(sftpThrough(sshd, sftpProxy.port, place), "not kept"),
      S3: s3Origin({ endpoint, region: s3.region, owner: s3.owner }, "not kept"),
    };
    const config = writeConfig(
      join(place, "config"),
      order.map((origin, priority) => ({ ...origins[origin], priority })),
    );
    const peer = { ...musicfs("musicfs", ["--config", config], ORIGINS.length), env: s3Env(s3) };
    await using mount = await PeerMount.start(peer, place);
    await dropCaches();
    const proxy = { local: undefined, SFTP: sftpProxy, S3: s3Proxy }[order[0]];
    return await slowestRead(join(mount.mountPoint, "failover"), Bun.file(whole).size, () => {
      if (proxy === undefined) truncateSync(join(disk, "failover"), 1);
      else if (failure === "hangs") proxy.stall();
      else {
        proxy.refuse();
        proxy.reset();
      }
    });
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

/** Milliseconds; throws unless the file is read to its end. */
async function slowestRead(file: string, sizeBytes: number, fail: () => void): Promise<number> {
  const script = join(import.meta.dir, "standstill_reader.ts");
  const places = [PAUSE_SHARE, BREAK_SHARE].map((share) => String(Math.floor(share * sizeBytes)));
  const reader = Bun.spawn([process.execPath, script, file, ...places], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  let output = "";
  for await (const text of reader.stdout.pipeThrough(new TextDecoderStream())) {
    const before = output;
    output += text;
    const isNew = (line: string) => output.includes(line) && !before.includes(line);
    if (isNew("now\n")) fail();
    if (isNew("paused\n")) {
      await Bun.sleep(PAUSE_MS);
      reader.stdin.write("\n");
      reader.stdin.end();
    }
  }
  const last = output.trim().split("\n").at(-1) ?? "";
  if ((await reader.exited) !== 0) throw new Error(`${file} could not be read to its end`);
  const { bytes, slowestMs } = JSON.parse(last) as { bytes: number; slowestMs: number };
  if (bytes !== sizeBytes) throw new Error(`${file}: ${bytes} of ${sizeBytes} bytes were read`);
  return slowestMs;
}

export function standstillTable(found: readonly Standstill[]): string {
  const orders = [...new Map(found.map(({ order }) => [order.join(), order])).values()];
  return table(
    ["read from, then", ...FAILURES.map((failure) => `the first ${failure} (ms)`)],
    orders.map((order) => [
      order.slice(0, 2).join(", "),
      ...FAILURES.map((failure) => {
        const ms = found.find((f) => f.order === order && f.failure === failure)?.ms;
        return ms === undefined
          ? "–"
          : `${rounded(quantile(ms, 0.5))} (${rounded(Math.max(...ms))})`;
      }),
    ]),
  );
}
