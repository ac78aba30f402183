/**
 * What one sick origin does to reads of the others. One mount over a local directory, a bucket and an
 * SSH server; readers on all three; then the SSH server is slowed down, and then stopped. The readers
 * of the other two should not notice.
 */

import { join } from "node:path";
import { TcpProxy } from "../test/support/proxy.ts";
import { PeerMount } from "./mounted.ts";
import { musicfs } from "./peers.ts";
import { runProgram } from "./program.ts";
import { s3Env, s3Origin, sftpOrigin, sftpThrough, writeConfig } from "./remote_peers.ts";
import { rounded, table } from "./report.ts";
import type { Scale } from "./scale.ts";
import type { Servers } from "./servers.ts";
import { quantile } from "./workload.ts";

/** Readers of the origin that gets sick, all the time. */
const SICK_READERS = 4;
const SICK_PAUSE_MS = 20;
const OTHER_PAUSE_MS = 2;
/** The sick origin's readers are at work for so long before it gets sick. */
const LEAD_SECONDS = 0.3;
/** One way. */
const SLOW_DELAY_MS = 300;

export type OriginState = "healthy" | "slow" | "stopped";
const STATES: readonly OriginState[] = ["healthy", "slow", "stopped"];

/** Milliseconds of an origin's reads while another origin is in the state. */
export interface Latency {
  readonly readsOf: string;
  readonly while: OriginState;
  readonly p50: number;
  readonly p99: number;
}

export async function benchSick(
  scale: Scale,
  { sshd, s3 }: Servers,
  root: string,
): Promise<readonly Latency[]> {
  await using proxy = new TcpProxy({ port: sshd.port });
  const target = sftpThrough(sshd, proxy.port, root);
  const local = { id: "disk", origin_type: "local", path: sshd.dataDir };
  const origins = [
    { ...local, prefix: "disk" },
    { ...s3Origin(s3, "not kept"), prefix: "bucket" },
    { ...sftpOrigin(target, "not kept"), prefix: "ssh" },
  ];
  const config = writeConfig(join(root, "sick"), origins);
  const peer = { ...musicfs("musicfs-sick", ["--config", config], 3), env: s3Env(s3) };
  await using mount = await PeerMount.start(peer, root);
  const read = (id: string, seconds: number, pauseMs: number) =>
    latencies(join(mount.mountPoint, id, "large"), seconds, pauseMs);
  const found: Latency[] = [];
  for (const state of STATES) {
    const sick = Array.from({ length: SICK_READERS }, () =>
      read("ssh", scale.sickSeconds + LEAD_SECONDS, SICK_PAUSE_MS),
    );
    await Bun.sleep(LEAD_SECONDS * 1000);
    proxy.delayMs = state === "slow" ? SLOW_DELAY_MS : 0;
    if (state === "stopped") sshd.pause();
    try {
      const [disk, bucket] = await Promise.all([
        read("disk", scale.sickSeconds, OTHER_PAUSE_MS),
        read("bucket", scale.sickSeconds, OTHER_PAUSE_MS),
      ]);
      found.push(latency("local", state, disk), latency("S3", state, bucket));
    } finally {
      proxy.delayMs = 0;
      sshd.resume();
    }
    await Promise.all(sick);
  }
  return found;
}

function latency(readsOf: string, state: OriginState, ms: readonly number[]): Latency {
  return { readsOf, while: state, p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) };
}

async function latencies(file: string, seconds: number, pauseMs: number): Promise<number[]> {
  const script = join(import.meta.dir, "latency_reader.ts");
  const args = [file, String(seconds), String(pauseMs)];
  return JSON.parse(await runProgram([process.execPath, script, ...args])) as number[];
}

export function latencyTable(latencies: readonly Latency[]): string {
  return table(
    ["reads of", "the SFTP origin is", "p50 (ms)", "p99 (ms)"],
    latencies.map((l) => [l.readsOf, l.while, rounded(l.p50), rounded(l.p99)]),
  );
}
